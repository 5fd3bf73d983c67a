package vfs

import (
	"context"
	"fmt"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// What is hidden in a tree is taken along where the tree is moved or copied, under names
// that the log of the gateways does not have. leftIn is for what was replaced.

// removeCopies removes the copies that a gateway which is gone has not completed in a
// tree. They stay in the log, because late calls may make them again.
func (c *core) removeCopies(ctx context.Context, name string) error {
	if c.journal.gateways == nil {
		return nil
	}
	for _, e := range c.journal.find(func(e *intent) bool {
		return e.Kind == staging && e.owner == owner{} && backend.Within(e.Hidden, name)
	}) {
		if err := c.removeCopy(ctx, e); err != nil {
			return failure(backend.ErrLocked, fmt.Sprintf("a copy for %q that was not completed cannot be removed yet: %v", e.Target, err))
		}
	}
	return nil
}

func (c *core) removeCopy(ctx context.Context, e *intent) error {
	select {
	case e.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer c.release(e)
	ctx = backend.WithConfinement(ctx, e.Confinement)
	there, err := c.exists(ctx, e.Hidden)
	switch {
	case err != nil || !there:
		return err
	case c.journal.gateways.finishes && time.Since(e.since) < callLingers:
		return failure(backend.ErrLocked, "the store may still be moving it")
	}
	return c.removeHidden(ctx, e)
}

// settleMoved is settle for what was in a tree that has been moved, where a late call may
// have moved a target aside in the moment before.
func (c *core) settleMoved(ctx context.Context, from, to string) {
	if c.journal.gateways == nil {
		return
	}
	for _, e := range c.journal.find(func(e *intent) bool {
		return e.Kind == lingering && e.Target != from && backend.Within(e.Target, from)
	}) {
		there := &intent{record: e.record}
		there.From, there.Target, there.Hidden = "", to+e.Target[len(from):], to+e.Hidden[len(from):]
		ctx := backend.WithConfinement(context.WithoutCancel(ctx), e.Confinement)
		aside, err := c.exists(ctx, there.Hidden)
		if err == nil && aside {
			err = c.giveBack(ctx, there, time.Time{})
		}
		if err != nil {
			c.opts.log.Warn("what was moved aside late may be left under a hidden name", "name", there.Target, "hidden", there.Hidden, "error", err)
		}
	}
}
