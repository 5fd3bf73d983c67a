package vfs

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Names are bound to nodes: a node is under one name, or under none once that was removed
// or replaced. What changes names in the store changes these bindings, and what is cached
// of the names, by the methods of this file.

// bind returns the node that is open under a name, or a new one for what the
// store has there, and takes a reference to it.
func (c *core) bind(name string, info backend.Info) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bindLocked(name, info)
}

// bindRead is bind for a caller that has not locked the name, and has looked it up
// since Writes returned writes. It returns nil if the file was stored here since: then
// what was looked up may be older than the node, and must be looked up again.
func (c *core) bindRead(name string, info backend.Info, writes uint64) *node {
	since := c.meta.Writes() != writes
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil && since && !n.pending() && n.info.Version != info.Version {
		return nil
	}
	return c.bindLocked(name, info)
}

// bindLocked is bind for a caller that holds c.mu.
func (c *core) bindLocked(name string, info backend.Info) *node {
	n := c.nodes[name]
	if n != nil && (n.pending() || n.info.Version == info.Version) {
		n.refs++
		return n
	}
	n = &node{core: c, refs: 1, stored: true, info: info}
	n.take(name)
	return n
}

// bindNew returns a new, empty node that is not stored yet.
func (c *core) bindNew(name string, excl bool) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &node{
		core: c, refs: 1, excl: excl,
		info:  backend.Info{Name: path.Base(name), Created: c.opts.now()},
		edit:  c.spools.New(),
		dirty: true, modTime: c.opts.now(),
	}
	n.take(name)
	return n
}

// made records a folder that has been made while no other operation could write
// to it.
func (c *core) made(name string) { c.madeSince(name, c.meta.Writes()) }

// madeSince is like made, for a folder that others may have written to since
// Writes returned writes.
func (c *core) madeSince(name string, writes uint64) {
	now := c.opts.now()
	c.meta.Made(name, backend.Info{Dir: true, ModTime: now, Created: now}, writes)
}

// retimed records a modification time that has been set.
func (c *core) retimed(name string, t time.Time) {
	c.meta.Retimed(name, t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil {
		n.info.ModTime = t
	}
}

// removed records that a name and all below it has been removed.
func (c *core) removed(name string) {
	c.meta.Removed(name)
	c.unbindTree(name)
}

// unbindTree unbinds the open files at and below name.
func (c *core) unbindTree(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unbindWithin(name)
}

// unbindWithin is unbindTree for a caller that holds c.mu.
func (c *core) unbindWithin(name string) {
	for at, n := range c.nodes {
		if backend.Within(at, name) {
			n.unbind(false)
		}
	}
}

// moved records that a tree has another name. kept is what Kept returned when
// the move began.
func (c *core) moved(from, to string, kept uint64) {
	c.meta.Moved(from, to, kept)
	c.rebindTree(from, to)
}

// rebindTree renames the open files at and below from.
func (c *core) rebindTree(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebindWithin(from, to)
}

// rebindUnstored renames a file that is not stored yet.
func (c *core) rebindUnstored(from, to string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[from]; n == nil || n.stored {
		return errAborted()
	}
	c.rebindWithin(from, to)
	return nil
}

// errAborted is the error for a file that was never stored, and is gone.
func errAborted() error { return failure(fs.ErrNotExist, "aborted meanwhile") }

// rebindWithin is rebindTree for a caller that holds c.mu.
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

// pinOpenFiles opens the content of open files at and below name in the store,
// so that they can still be read when the name is removed or replaced.
func (c *core) pinOpenFiles(ctx context.Context, name string) {
	c.mu.Lock()
	var found []*node
	for at, n := range c.nodes {
		if backend.Within(at, name) && n.stored && n.edit == nil && n.info.Size > 0 {
			found = append(found, n)
		}
	}
	c.mu.Unlock()
	for _, n := range found {
		if _, err := n.open(ctx); err != nil && !errors.Is(err, fs.ErrClosed) {
			c.opts.log.Warn("an open file can no longer be read", "name", n.lastName(), "error", err)
		}
	}
}
