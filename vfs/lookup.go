package vfs

import (
	"context"
	"path"
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
	return c.b.Stat(ctx, name)
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
func (c *core) list(ctx context.Context, name string) (self backend.Info, children map[string]backend.Info, err error) {
	self, seq, err := c.b.List(ctx, name)
	if err != nil {
		return self, nil, err
	}
	children = map[string]backend.Info{}
	for info, err := range seq {
		if err != nil {
			return self, nil, err
		}
		children[info.Name] = info
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, n := range c.nodes {
		if parentOf(at) == name && n.pending() {
			children[path.Base(at)] = n.stat()
		}
	}
	return self, children, nil
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
func (c *core) doubt(name string) {}

// wrote takes note of a file that has been stored.
func (c *core) wrote(name string, info backend.Info) {}

// retimed takes note of a modification time that has been set.
func (c *core) retimed(name string, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.nodes[name]; n != nil {
		n.info.ModTime = t
	}
}

// removed takes note that a name and all below it is gone.
func (c *core) removed(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, n := range c.nodes {
		if backend.Within(at, name) {
			n.unbind(false)
		}
	}
}

// moved takes note that what was below one name is below another.
func (c *core) moved(from, to string) {
	c.removed(to)
	c.mu.Lock()
	defer c.mu.Unlock()
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

// unstored gives the nodes at and below name of which the store has nothing.
func (c *core) unstored(name string) (found []*node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, n := range c.nodes {
		if backend.Within(at, name) && !n.stored {
			found = append(found, n)
		}
	}
	return found
}
