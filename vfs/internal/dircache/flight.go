package dircache

import (
	"context"
	"errors"
	"iter"

	"github.com/davdisk/davdisk/backend"
)

// flight is a listing in progress. All callers that want it meanwhile share it;
// it is canceled when none is left.
type flight struct {
	done   chan struct{}
	cancel context.CancelFunc
	result *listing // when done
	stale  bool     // result is invalidated by a change that cannot be applied to it
	err    error

	// Guarded by Cache.mu.
	waiters int
	full    bool             // some waiter wants all of it, however large
	changes []func(*listing) // to apply to the result: writes since the request
	invalid bool             // the folder has changed in another way since the request
	passed  bool             // another took its place; its result is not cached
}

// list lists a folder, or joins a listing in progress, and repeats that if a
// write has invalidated the result, because the caller must see earlier writes.
// Unless all is set, it may stop at a folder that turns out to be wide: then
// children are only some, and whole is false.
func (c *Cache) list(ctx context.Context, name string, all bool) (self backend.Info, children *Children, whole bool, err error) {
	for {
		f := c.join(ctx, name, all)
		select {
		case <-f.done:
		case <-ctx.Done():
			c.leave(f)
			return backend.Info{}, nil, false, ctx.Err()
		}
		c.leave(f)
		switch {
		case f.stale:
			if self, children, ok := c.fresh(name); ok {
				return self, children, true, nil
			}
		case all && f.result.wide && f.err == nil:
			// It had stopped before we joined.
		default:
			return f.result.self, f.result.children, !f.result.wide, f.err
		}
	}
}

// join returns the listing in progress, or one that has ended since the caller
// looked for it, or begins one. While nothing cached may be used, it always begins
// one: what is in progress may have been read before a change made elsewhere.
func (c *Cache) join(ctx context.Context, name string, all bool) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.flights[name]
	if f != nil && !c.valid() {
		f.passed = true
	}
	if f == nil || f.invalid || f.passed {
		if l := c.freshListing(name); l != nil && l.children != nil {
			l.shared = true
			result := *l
			f = &flight{done: make(chan struct{}), cancel: func() {}, result: &result, waiters: 1}
			close(f.done)
			return f
		}
		f = &flight{done: make(chan struct{})}
		// The first caller must not cancel it for the others.
		ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		c.flights[name] = f
		c.running.Go(func() { c.fetch(ctx, name, f) })
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
		f.invalid = true
	}
}

// fetch lists the folder, applies the writes made meanwhile, and caches the
// result.
func (c *Cache) fetch(ctx context.Context, name string, f *flight) {
	defer f.cancel()
	made := c.opts.Now()
	l, err := c.ask(ctx, name, f)
	l.made = made
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[name] == f {
		delete(c.flights, name)
	}
	if err == nil {
		for _, change := range f.changes {
			change(l)
		}
	}
	f.result, f.stale, f.err = l, f.invalid && err == nil, err
	switch {
	case f.invalid, f.passed:
	case err == nil:
		kept := *l
		kept.shared = true // with those that wait
		c.keep(name, &kept)
	case errors.Is(err, backend.ErrNotDir) && len(f.changes) == 0:
		c.keep(name, &listing{self: l.self, made: made}) // a file
	}
	close(f.done)
}

// ask lists a folder. It stops early at one of more than wide entries if no
// waiter of f wants all.
func (c *Cache) ask(ctx context.Context, name string, f *flight) (*listing, error) {
	var self backend.Info
	var seq iter.Seq2[backend.Info, error]
	var err error
	whole := true
	if f == nil || c.wantsAll(f) {
		self, seq, err = c.b.List(ctx, name)
	} else {
		self, seq, whole, err = backend.ListSome(ctx, c.b, name, wide)
	}
	if err != nil {
		return &listing{self: self}, err
	}
	l := &listing{self: self, children: NewChildren(), wide: !whole}
	for info, err := range seq {
		switch {
		case err != nil:
			return &listing{}, err
		case f != nil && l.children.Len() == wide && !c.wantsAll(f):
			l.wide = true
			return l, nil
		}
		l.children.Set(info)
	}
	return l, nil
}

func (c *Cache) wantsAll(f *flight) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f.full
}
