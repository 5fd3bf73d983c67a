package vfs

import (
	"context"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// commit stores the changes. When it returns nil, everything that was written
// before is stored, or the file has been removed meanwhile.
func (n *node) commit(ctx context.Context) error {
	c := n.core
	if err := c.begin(); err != nil {
		return err
	}
	defer c.end()
	name, unlock, err := n.lock(ctx)
	if name == "" {
		return err
	}
	defer unlock()
	n.change.Lock()
	defer n.change.Unlock()
	c.mu.Lock()
	dirty, ifAbsent := n.dirty, n.excl && !n.stored
	c.mu.Unlock()
	if !dirty {
		return nil
	}
	if err := c.visible(ctx, name); err != nil {
		return err
	}
	return n.store(ctx, name, ifAbsent)
}

// store stores the content under a name, which must be free with ifAbsent. The
// caller holds n.change and the lock of the name, and has recovered pending
// intents on it.
func (n *node) store(ctx context.Context, name string, ifAbsent bool) error {
	c := n.core
	c.mu.Lock()
	dirty, lost := n.dirty, n.lost
	opts := backend.PutOptions{IfAbsent: ifAbsent, IfVersion: n.base}
	c.mu.Unlock()
	switch {
	case !dirty:
		return nil
	case lost:
		return errLost()
	}
	info, err := n.put(ctx, name, opts)
	if err != nil {
		return err
	}
	c.meta.Stored(name, info)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n.content != nil {
		n.content.Close()
		n.content = nil
	}
	n.info, n.base, n.stored, n.dirty, n.keep = info, info.Version, true, false, false
	return nil
}

// put sends the content with its pending changes to the store, under a name. The
// caller holds n.change and the lock of the name.
func (n *node) put(ctx context.Context, name string, opts backend.PutOptions) (backend.Info, error) {
	n.core.mu.Lock()
	edit, broken := n.edit, n.broken
	if n.keep {
		opts.ModTime = n.modTime
	}
	n.core.mu.Unlock()
	if broken != nil {
		return backend.Info{}, broken
	}
	body := edit.Reader()
	opts.Size = body.Size()
	info, err := n.core.b.Put(ctx, name, body, opts)
	if err != nil {
		n.core.invalidate(name)
	}
	return info, err
}

func errLost() error { return failure(backend.ErrChanged, "replaced since it was opened") }

// lock locks the name of the node and returns it. The name is empty, and nothing
// is locked, if the node has lost it or err is not nil.
func (n *node) lock(ctx context.Context) (name string, unlock func(), err error) {
	for {
		n.core.mu.Lock()
		name, lost := n.name, n.lost
		n.core.mu.Unlock()
		switch {
		case lost:
			return "", nil, errLost()
		case name == "":
			return "", nil, nil
		}
		unlock, err := n.core.locks.Lock(ctx, pathlock.One(name))
		if err != nil {
			return "", nil, err
		}
		n.core.mu.Lock()
		same := n.name == name
		n.core.mu.Unlock()
		if same {
			return name, unlock, nil
		}
		unlock()
	}
}
