package vfs

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
)

func parentOf(name string) string { return path.Dir(name) }

// pending gives the node under a name that has something the store does not
// have, or nil.
func (c *core) pending(name string) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil && n.pending() {
		return n
	}
	return nil
}

// stat describes what is under a name, as seen from here.
func (c *core) stat(ctx context.Context, name string) (backend.Info, error) {
	if info, ok := c.statPending(name); ok {
		return info, nil
	}
	for {
		begun := c.journal.count()
		if err := c.visible(ctx, name); err != nil {
			return backend.Info{}, err
		}
		info, err := c.storeStat(ctx, name)
		if c.journal.count() == begun {
			return info, err
		}
	}
}

// look is stat for a name of which nothing may be known yet. Of a folder that
// had to be listed for that it gives the children too.
func (c *core) look(ctx context.Context, name string) (backend.Info, map[string]backend.Info, error) {
	if info, ok := c.statPending(name); ok {
		return info, nil, nil
	}
	for {
		begun, above := c.journal.count(), c.above(name)
		if err := c.visible(ctx, name); err != nil {
			return backend.Info{}, nil, err
		}
		if err := c.await(ctx, concernedList(name)); err != nil {
			return backend.Info{}, nil, err
		}
		info, children, err := c.storeLook(ctx, name)
		if c.journal.count() != begun || children != nil && !c.overlay(name, above, children) {
			continue
		}
		return info, children, err
	}
}

// visible sees to it that what the store has under a name is what is to be
// seen there, until another operation of several steps begins: who looks must
// look again if one did meanwhile.
func (c *core) visible(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.isHidden(name) {
		return fs.ErrNotExist
	}
	return c.await(ctx, concerned(name))
}

func (c *core) statPending(name string) (backend.Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil && n.pending() {
		return n.stat(), true
	}
	return backend.Info{}, false
}

// list gives what is in a folder, as seen from here, by name.
func (c *core) list(ctx context.Context, name string) (children map[string]backend.Info, err error) {
	for {
		begun, above := c.journal.count(), c.above(name)
		if err := c.visible(ctx, name); err != nil {
			return nil, err
		}
		if err := c.await(ctx, concernedList(name)); err != nil {
			return nil, err
		}
		children, err = c.storeList(ctx, name)
		switch {
		case c.journal.count() != begun:
			continue // what is being replaced was perhaps out of sight just now
		case err != nil:
			return nil, err
		case !c.overlay(name, above, children):
			continue // what was being written may have been stored after the store was asked
		}
		return children, nil
	}
}

// above is what is to be laid over the listing of a folder. It is noted before
// the store is asked, so that nothing is missed that ends meanwhile.
type above struct {
	hidden  []*unfinished
	pending map[string]*node // by their names
}

func (c *core) above(name string) above {
	a := above{
		hidden:  c.journal.find(func(e *unfinished) bool { return parentOf(e.Hidden) == name }),
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

// overlay puts what has not been stored yet into a listing, and takes out what
// is not to be seen. It reports whether that can be relied on: not if
// something of before is not being written under its name any more.
func (c *core) overlay(name string, before above, children map[string]backend.Info) bool {
	now := c.above(name)
	for _, e := range slices.Concat(before.hidden, now.hidden) {
		delete(children, path.Base(e.Hidden))
	}
	for at, n := range before.pending {
		if now.pending[at] != n {
			return false
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, n := range now.pending {
		children[path.Base(at)] = n.stat()
	}
	return true
}

// empty tells whether there is nothing in a folder. The store removes folders
// with all in them, so it is asked now.
func (c *core) empty(ctx context.Context, name string) (bool, error) {
	if len(c.above(name).pending) > 0 {
		return false, nil
	}
	return c.storeEmpty(ctx, name)
}

// folder fails unless name is a folder in which something can be made.
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

// doubt forgets what is known of a name, because it may be wrong.
func (c *core) doubt(name string) { c.meta.Forget(name) }

// made takes note of a folder that has been made while nobody else could write
// there.
func (c *core) made(name string) { c.madeSince(name, c.meta.Writes()) }

// madeSince is made for a folder in which others may have written since there
// had been so many writes.
func (c *core) madeSince(name string, writes uint64) {
	now := c.opts.now()
	c.meta.Made(name, backend.Info{Dir: true, ModTime: now, Created: now}, writes)
}

// retimed takes note of a modification time that has been set.
func (c *core) retimed(name string, t time.Time) {
	c.meta.Retimed(name, t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil {
		n.info.ModTime = t
	}
}

// removed takes note that a name and all below it is gone.
func (c *core) removed(name string) {
	c.meta.Removed(name)
	c.unbindTree(name)
}

// unbindTree takes the names of open files at and below name away.
func (c *core) unbindTree(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unbindWithin(name)
}

// unbindWithin is unbindTree. The caller holds c.mu.
func (c *core) unbindWithin(name string) {
	for at, n := range c.nodes {
		if backend.Within(at, name) {
			n.unbind(false)
		}
	}
}

// moved takes note that what was below one name is below another. kept is how
// many listings had been remembered when that began.
func (c *core) moved(from, to string, kept uint64) {
	c.meta.Moved(from, to, kept)
	c.rebindTree(from, to)
}

// rebindTree lets open files at and below from follow to another name.
func (c *core) rebindTree(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebindWithin(from, to)
}

// rebindUnstored gives a file that is not stored yet another name.
func (c *core) rebindUnstored(from, to string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[from]; n == nil || n.stored {
		return errAborted()
	}
	c.rebindWithin(from, to)
	return nil
}

// errAborted is for a file that was there only as long as it was being written.
func errAborted() error { return failure(fs.ErrNotExist, "aborted meanwhile") }

// rebindWithin is rebindTree. The caller holds c.mu.
func (c *core) rebindWithin(from, to string) {
	c.unbindWithin(to)
	var found []*node
	for at, n := range c.nodes {
		if backend.Within(at, from) {
			found = append(found, n)
		}
	}
	for _, n := range found {
		n.rebind(to + n.name[len(from):])
	}
}

// hold opens what open files below name may still want to read, before it is
// taken away.
func (c *core) hold(ctx context.Context, name string) {
	c.mu.Lock()
	var found []*node
	for at, n := range c.nodes {
		if backend.Within(at, name) && n.stored && n.edit == nil && n.info.Size > 0 {
			found = append(found, n)
		}
	}
	c.mu.Unlock()
	for _, n := range found {
		if _, err := n.open(ctx); err != nil {
			c.opts.log.Warn("an open file cannot be read any more", "name", n.lastName(), "error", err)
		}
	}
}
