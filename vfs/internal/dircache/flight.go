package dircache

import (
	"context"
	"maps"

	"github.com/davdisk/davdisk/backend"
)

// flight is a listing being asked for. All who want it meanwhile wait for the
// same one; it is given up when none is left.
type flight struct {
	done   chan struct{}
	cancel context.CancelFunc
	result *listing // when done
	stale  bool     // result was overtaken by a change that cannot be applied to it
	err    error

	// Guarded by Cache.mu.
	waiters int
	full    bool             // wanted as a whole, however large
	changes []func(*listing) // own writes since it was asked for
	void    bool             // the folder is not what was asked for any more
}

// list asks the store what is in a folder, or waits for the answer to who has
// asked before, and again if that has been overtaken by a change of ours: it
// may show one that came later. Unless all is wanted, it may give up on a
// folder that turns out to be wide: then there are no children.
func (c *Cache) list(ctx context.Context, name string, all bool) (backend.Info, map[string]backend.Info, error) {
	for {
		f := c.join(ctx, name, all)
		select {
		case <-f.done:
		case <-ctx.Done():
			c.leave(f)
			return backend.Info{}, nil, ctx.Err()
		}
		c.leave(f)
		switch {
		case f.stale:
			if self, children, ok := c.fresh(name); ok {
				return self, children, nil
			}
		case all && f.result.wide && f.err == nil:
			// It had been given up before we came.
		default:
			return f.result.self, maps.Clone(f.result.children), f.err
		}
	}
}

func (c *Cache) join(ctx context.Context, name string, all bool) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flights[name]
	if f == nil || f.void {
		f = &flight{done: make(chan struct{})}
		// The caller who happens to be first must not end it for the others.
		ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		c.flights[name] = f
		c.running.Go(func() { c.fly(ctx, name, f) })
	}
	f.waiters++
	f.full = f.full || all
	return f
}

func (c *Cache) leave(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.cancel()
		f.void = true
	}
}

// fly asks, applies what we have changed meanwhile, and remembers the answer.
func (c *Cache) fly(ctx context.Context, name string, f *flight) {
	defer f.cancel()
	made := c.opts.Now()
	l, err := c.ask(ctx, name, f)
	l.made = made
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[name] == f {
		delete(c.flights, name)
	}
	if err == nil && !l.wide {
		for _, change := range f.changes {
			change(l)
		}
	}
	f.result, f.stale, f.err = l, f.void && err == nil, err
	if err == nil && !f.void {
		kept := *l
		kept.children = maps.Clone(l.children)
		c.keep(name, &kept)
	}
	close(f.done)
}

// ask lists a folder. It stops early for a flight that is not wanted as a
// whole.
func (c *Cache) ask(ctx context.Context, name string, f *flight) (*listing, error) {
	self, seq, err := c.b.List(ctx, name)
	if err != nil {
		return &listing{self: self}, err
	}
	l := &listing{self: self, children: map[string]backend.Info{}}
	for info, err := range seq {
		switch {
		case err != nil:
			return &listing{}, err
		case f != nil && len(l.children) == wide && !c.wantsAll(f):
			return &listing{self: self, wide: true}, nil
		}
		l.children[info.Name] = info
	}
	return l, nil
}

func (c *Cache) wantsAll(f *flight) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.full
}
