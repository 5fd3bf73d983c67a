package vfs

import (
	"context"
	"errors"
	"io/fs"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Remove implements afero.Fs. It removes a file or an empty folder.
func (f *FS) Remove(name string) error { return pathError("remove", name, f.remove(name)) }

func (f *FS) remove(name string) error {
	places, done, err := f.change(f.ctx, pathlock.Tree, name)
	if err != nil {
		return err
	}
	defer done()
	p := places[0]
	if p.name == "." {
		return errRoot()
	}
	info, err := f.stat(f.ctx, p.name)
	if err == nil {
		err = p.checkKind(info)
	}
	if err != nil {
		return err
	}
	if info.Dir {
		empty, err := f.empty(f.ctx, p.name)
		if err != nil {
			return err
		}
		if !empty {
			return failure(backend.ErrNotEmpty, "")
		}
	}
	return f.removeTree(f.ctx, p.name, backend.RemoveOptions{IfEmpty: info.Dir}) // as the store sees it now, not as cached
}

// RemoveAll implements afero.Fs. It removes a file, or a folder with its
// content, and returns nil if there is nothing. The root is fs.ErrInvalid.
func (f *FS) RemoveAll(name string) error {
	if name == "" {
		return nil
	}
	err := f.removeAll(name, "")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return pathError("removeall", name, err)
}

// Delete removes a file, or a folder with its content, as one step of the
// store. If ifMatch is not empty, it is the entity tag that the file must have,
// else backend.ErrChanged. A missing name is fs.ErrNotExist, the root
// fs.ErrInvalid.
func (f *FS) Delete(name, ifMatch string) error {
	version, err := versionOf(ifMatch)
	if err == nil {
		err = f.removeAll(name, version)
	}
	return pathError("delete", name, err)
}

func (f *FS) removeAll(name, version string) error {
	places, done, err := f.change(f.ctx, pathlock.Tree, name)
	if err != nil {
		return err
	}
	defer done()
	p := places[0]
	if p.name == "." {
		return errRoot()
	}
	if p.folder || version != "" {
		info, err := f.stat(f.ctx, p.name)
		if err == nil {
			err = p.checkKind(info)
		}
		switch {
		case err != nil:
			return err
		case version != "" && info.Dir:
			return failure(backend.ErrChanged, "a folder has no entity tag")
		}
	}
	return f.removeTree(f.ctx, p.name, backend.RemoveOptions{IfVersion: version})
}

func errRoot() error {
	return failure(fs.ErrInvalid, "the root cannot be moved, copied over or removed")
}

// removeTree removes what the store has under a name, and unbinds the open files
// there. The caller holds the lock of the tree.
func (c *core) removeTree(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if n := c.pending(name); n != nil && opts.IfVersion != "" {
		return failure(backend.ErrChanged, "being written")
	}
	if c.onlyHere(name) {
		c.unbindTree(name)
		return nil
	}
	c.pinOpenFiles(ctx, name)
	if err := c.b.Remove(ctx, name, opts); err != nil {
		c.invalidate(name)
		return err
	}
	c.removed(name)
	return nil
}

// onlyHere reports whether a name is that of a file that is not stored yet.
func (c *core) onlyHere(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.nodes[name]
	return n != nil && !n.stored
}
