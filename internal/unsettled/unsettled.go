// Package unsettled lets a store tell the caller of a change, by its context, that
// the change may still take effect although the call has failed.
package unsettled

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Window is how long a change may still take effect in a store after the process that
// requested it is gone: the link for an upload to Yandex Disk is good for half an hour
// (its API reference), and a change whose answer was lost is taken to need no longer.
const Window = 30 * time.Minute

// Changes are the changes of one caller that may still take effect. They are safe for
// concurrent use.
type Changes struct {
	mu  sync.Mutex
	all []*change
}

// change is one that may still take effect.
type change struct {
	over func(ctx context.Context) bool
}

type key struct{}

// With returns a context for changes, and what becomes known of them.
func With(ctx context.Context) (context.Context, *Changes) {
	c := &Changes{}
	return context.WithValue(ctx, key{}, c), c
}

// Without returns a context for what does not concern the caller, such as a temporary
// file.
func Without(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, nil) }

// Report tells the caller, if it wants to know, of a change that may still take
// effect. over reports whether it cannot any more, and has to ask the store for that.
func Report(ctx context.Context, over func(ctx context.Context) bool) {
	if c, ok := ctx.Value(key{}).(*Changes); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = append(c.all, &change{over})
	}
}

// Any reports whether there are any. A nil c has none.
func (c *Changes) Any() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all) > 0
}

// Over asks whether none can take effect any more. A nil c has none.
func (c *Changes) Over(ctx context.Context) bool {
	if c == nil {
		return true
	}
	for {
		c.mu.Lock()
		if len(c.all) == 0 {
			c.mu.Unlock()
			return true
		}
		first := c.all[0]
		c.mu.Unlock()
		if !first.over(ctx) {
			return false
		}
		c.mu.Lock()
		c.all = slices.DeleteFunc(c.all, func(one *change) bool { return one == first })
		c.mu.Unlock()
	}
}
