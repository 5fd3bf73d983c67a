package vfs

import (
	"context"
	"io/fs"
	"path"
	"slices"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/dircache"
)

func parentOf(name string) string { return path.Dir(name) }

// pending returns the node under a name that has something that the store does
// not have, or nil.
func (c *core) pending(name string) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil && n.pending() {
		return n
	}
	return nil
}

// stat describes what is under a name, including pending changes.
func (c *core) stat(ctx context.Context, name string) (backend.Info, error) {
	if info, ok := c.statPending(name); ok {
		return info, nil
	}
	w := c.journal.watch(affects(name))
	defer w.end()
	for settled := false; ; {
		if err := c.visible(ctx, name); err != nil {
			return backend.Info{}, err
		}
		info, err := c.storeStat(ctx, name)
		if w.disturbed() {
			continue
		}
		again, late := c.settle(ctx, name, inName, sight{err: err, again: settled})
		switch {
		case late != nil:
			return backend.Info{}, late
		case again:
			settled = true
		default:
			return info, err
		}
	}
}

// looked is what look has found under a name.
type looked struct {
	info     backend.Info
	children *dircache.Children // if the folder had to be listed, else nil
	content  backend.Content    // if the file had to be opened, else nil; the caller closes it
}

func (f looked) close() {
	if f.content != nil {
		f.content.Close()
	}
}

// look is like stat, for a name of which nothing may be cached yet, and that is to be
// opened. With open set a file is opened rather than looked up.
func (c *core) look(ctx context.Context, name string, open bool) (looked, error) {
	if info, ok := c.statPending(name); ok {
		return looked{info: info}, nil
	}
	w := c.journal.watch(concernsList(name))
	defer w.end()
	for settled := false; ; {
		above := c.above(name)
		if err := c.visible(ctx, name); err != nil {
			return looked{}, err
		}
		if err := c.await(ctx, affectsList(name)); err != nil {
			return looked{}, err
		}
		f, err := c.storeLook(ctx, name, open)
		whole := true
		if f.children != nil {
			f.children, whole = c.overlay(name, above, f.children)
		}
		if w.disturbed() || !whole {
			f.close()
			continue
		}
		again, late := c.settle(ctx, name, inList, sight{f.children, err, settled})
		switch {
		case late != nil:
			f.close()
			return looked{}, late
		case again:
			f.close()
			settled = true
		default:
			return f, err
		}
	}
}

// visible waits until the store has under a name what callers are to see there.
// That holds until another operation of several steps begins: callers must look
// again if one did meanwhile.
func (c *core) visible(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.isHidden(name) {
		return fs.ErrNotExist
	}
	return c.await(ctx, affects(name))
}

func (c *core) statPending(name string) (backend.Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil && n.pending() {
		return n.stat(), true
	}
	return backend.Info{}, false
}

// list returns the content of a folder, including pending changes.
func (c *core) list(ctx context.Context, name string) (children *dircache.Children, err error) {
	w := c.journal.watch(concernsList(name))
	defer w.end()
	for settled := false; ; {
		above := c.above(name)
		if err := c.visible(ctx, name); err != nil {
			return nil, err
		}
		if err := c.await(ctx, affectsList(name)); err != nil {
			return nil, err
		}
		children, err = c.storeList(ctx, name)
		if w.disturbed() {
			continue // what is being replaced may have been hidden
		}
		again, late := c.settle(ctx, name, inList, sight{children, err, settled})
		switch {
		case late != nil:
			return nil, late
		case again:
			settled = true
			continue
		case err != nil:
			return nil, err
		}
		if children, whole := c.overlay(name, above, children); whole {
			return children, nil
		} // else what was pending may have been stored after the listing
	}
}

// above is what is to be merged into the listing of a folder. It is taken before
// the store is asked, so that nothing is missed that completes meanwhile.
type above struct {
	hidden  []*intent
	pending map[string]*node // by their names
}

func (c *core) above(name string) above {
	a := above{
		hidden:  c.journal.find(func(e *intent) bool { return parentOf(e.Hidden) == name }),
		pending: map[string]*node{},
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, n := range c.nodes {
		if n.pending() && parentOf(at) == name {
			a.pending[at] = n
		}
	}
	return a
}

// overlay returns a listing with pending files and without hidden names, which is
// a copy if there are any. It reports whether the result is consistent, which it
// is not if a file of before is no longer pending under its name.
func (c *core) overlay(name string, before above, children *dircache.Children) (*dircache.Children, bool) {
	now := c.above(name)
	for at, n := range before.pending {
		if now.pending[at] != n {
			return nil, false
		}
	}
	hidden := slices.Concat(before.hidden, now.hidden)
	if len(hidden)+len(now.pending) == 0 {
		return children, true
	}
	children = children.Clone()
	for _, e := range hidden {
		children.Delete(path.Base(e.Hidden))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, n := range now.pending {
		info := n.stat()
		info.Name = path.Base(at)
		children.Set(info)
	}
	return children, true
}

// empty reports whether a folder is empty. The store removes folders with their
// content, so the answer does not come from the cache.
func (c *core) empty(ctx context.Context, name string) (bool, error) {
	if len(c.above(name).pending) > 0 {
		return false, nil
	}
	return c.storeEmpty(ctx, name)
}

// folder returns an error unless name is a folder.
func (c *core) folder(ctx context.Context, name string) error {
	info, err := c.stat(ctx, name)
	switch {
	case err != nil:
		return err
	case !info.Dir:
		return failure(backend.ErrNotDir, "")
	}
	return nil
}

// invalidate drops what is cached of a name, because it may be wrong.
func (c *core) invalidate(name string) { c.meta.Invalidate(name) }
