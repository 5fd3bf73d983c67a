package vfs

import (
	"context"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/dircache"
)

// Confine returns the same file system for a caller that must not leave dir:
// no link in it is followed out of it. Names do not change: the result is used
// with those at and below dir. Confining again narrows. The result is a *FS.
func (f *FS) Confine(dir string) (afero.Fs, error) {
	p, err := resolve(dir)
	if err != nil {
		return nil, pathError("confine", dir, err)
	}
	if p.name == "." {
		return f, nil
	}
	return &FS{f.core, backend.Confine(f.ctx, p.name)}, nil
}

// isDirect reports whether the store itself is asked, because listings are not
// cached or the caller must not see what is: they show links that lead anywhere
// within the store, and a confined caller may see less.
func (c *core) isDirect(ctx context.Context) bool {
	return backend.IsDirect(c.b) || backend.IsConfined(ctx, c.b)
}

func (c *core) storeStat(ctx context.Context, name string) (backend.Info, error) {
	if c.isDirect(ctx) {
		return c.b.Stat(ctx, name)
	}
	info, err := c.meta.Stat(ctx, name)
	if err == nil && info.Err != nil { // by now it may be described
		return c.b.Stat(ctx, name)
	}
	return info, err
}

// storeLook describes a name. A file is opened by that, without a look at its name
// before, if open is set or it is on this machine.
func (c *core) storeLook(ctx context.Context, name string, open bool) (looked, error) {
	if open || backend.IsDirect(c.b) {
		if content, err := c.b.Open(ctx, name, ""); err == nil {
			return looked{info: content.Info(), content: content}, nil
		} // else the description tells what it is
	}
	if c.isDirect(ctx) {
		info, err := c.b.Stat(ctx, name)
		return looked{info: info}, err
	}
	info, children, err := c.meta.Look(ctx, name)
	if err == nil && info.Err != nil {
		info, err = c.b.Stat(ctx, name)
	}
	return looked{info: info, children: children}, err
}

func (c *core) storeList(ctx context.Context, name string) (*dircache.Children, error) {
	if !c.isDirect(ctx) {
		_, children, err := c.meta.List(ctx, name)
		return children, err
	}
	_, all, err := c.b.List(ctx, name)
	if err != nil {
		return nil, err
	}
	return dircache.Collect(all)
}

func (c *core) storeEmpty(ctx context.Context, name string) (bool, error) {
	if !c.isDirect(ctx) {
		return c.meta.Empty(ctx, name)
	}
	children, err := c.storeList(ctx, name)
	return children.Len() == 0, err
}
