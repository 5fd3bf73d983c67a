package vfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/davdisk/davdisk/backend"
)

// A store moves and copies to a free name, or a file over a file, in one step.
// Where either side is a folder, deleting the target first would lose it if
// the second step fails. So the target is moved aside, to a hidden sibling;
// then the operation is done, and the sibling removed, or moved back if the
// operation has failed. The journal has it written down before the first step,
// so that a crash at any point is settled at the next start: either the old
// target or the new one is there, whole.

// replace does an operation, from one name to another, that needs the other
// one free. The caller holds the locks of both trees.
func (c *core) replace(ctx context.Context, k kind, from, target string, do func(context.Context) error) error {
	if c.onlyHere(target) {
		return do(ctx)
	}
	if err := backend.CheckRemove(ctx, c.b, target); err != nil {
		return err
	}
	c.discardLeft(ctx)
	c.hold(ctx, target)
	e := newUnfinished(ctx, k, from, target, target)
	if err := c.journal.begin(e); err != nil {
		return err
	}
	defer e.rest()
	kept := c.meta.Kept()
	e.unsure = true // until the store has answered
	err := c.b.Move(ctx, target, e.Hidden, backend.MoveOptions{})
	e.unsure = errors.Is(err, backend.ErrUncertain)
	// From here on it is brought to an end, also if the client has gone.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		c.meta.Moved(target, e.Hidden, kept)
		e.doubtful = true
		err = do(ctx)
		e.doubtful = errors.Is(err, backend.ErrUncertain)
	}
	if err == nil {
		err = c.journal.becomes(e, discarding)
	}
	if err != nil {
		c.doubt(target)
		if undo := c.settle(ctx, e); undo != nil {
			c.opts.log.Warn("what failed could not be undone yet", "name", target, "hidden", e.Hidden, "error", undo)
			// A refusal would say that nothing has changed.
			return failure(backend.ErrUncertain, fmt.Sprintf("it failed and could not be undone yet: %v", err))
		}
		return err
	}
	if err := c.settle(ctx, e); err != nil {
		c.opts.log.Warn("what was replaced is still there, hidden, until a later try", "hidden", e.Hidden, "error", err)
	}
	return nil
}

// discardLeft tries again to remove what could not be removed before.
func (c *core) discardLeft(ctx context.Context) {
	for _, e := range c.journal.find(func(e *unfinished) bool { return e.Kind == discarding }) {
		select {
		case e.busy <- struct{}{}:
			if err := c.settleAndRest(ctx, e); err != nil {
				c.opts.log.Debug("still there, hidden", "hidden", e.Hidden, "error", err)
			}
		default: // in use
		}
	}
}

// await waits for the operations under way that concern a name, and settles
// those that were cut short. If that cannot be done, what the name stands for
// is not known, and nobody must be told that it is not there.
func (c *core) await(ctx context.Context, concerns func(e *unfinished) bool) error {
	for _, e := range c.journal.find(concerns) {
		select {
		case e.busy <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.settleAndRest(ctx, e); err != nil {
			return failure(backend.ErrUnavailable, fmt.Sprintf("an operation on %q is unfinished: %v", e.Target, err))
		}
	}
	return nil
}

// concerned tells whether an entry bears on what is found under a name.
func concerned(name string) func(e *unfinished) bool {
	return func(e *unfinished) bool { return e.Kind != discarding && backend.Within(name, e.Target) }
}

// concernedList is concerned for the content of a folder.
func concernedList(name string) func(e *unfinished) bool {
	return func(e *unfinished) bool {
		return e.Kind != discarding && (parentOf(e.Target) == name || backend.Within(name, e.Target))
	}
}

// concernedTree is concerned for all at and below a name.
func concernedTree(name string) func(e *unfinished) bool {
	return func(e *unfinished) bool {
		return e.Kind != discarding && (backend.Within(e.Target, name) || backend.Within(name, e.Target))
	}
}

// isHidden tells whether a name is in the store for the time of an operation
// only.
func (c *core) isHidden(name string) bool {
	return len(c.journal.find(func(e *unfinished) bool { return backend.Within(name, e.Hidden) })) > 0
}

// settleAll settles what a former run has left.
func (c *core) settleAll(ctx context.Context) {
	for _, e := range c.journal.find(func(*unfinished) bool { return true }) {
		e.busy <- struct{}{}
		if err := c.settleAndRest(ctx, e); err != nil {
			c.opts.log.Warn("an operation of a former run is still unfinished", "name", e.Target, "hidden", e.Hidden, "error", err)
		}
	}
}

// settleAndRest is settle and the end of the caller's work at the entry, also
// if the store panics.
func (c *core) settleAndRest(ctx context.Context, e *unfinished) error {
	defer e.rest()
	return c.settle(ctx, e)
}

// settle brings an operation that was cut short to an end: the old target is
// there again, or the new one is there and the old one gone. The caller is the
// one who works at it.
func (c *core) settle(ctx context.Context, e *unfinished) error {
	k, unfinished := c.journal.is(e)
	ctx = backend.WithConfinement(ctx, e.Confinement)
	switch {
	case !unfinished:
		return nil
	case k == discarding:
		return c.discard(ctx, e)
	}
	there, aside, err := c.bothSides(ctx, e)
	if err == nil && e.unsure && (there || !aside) {
		if err = c.moveForSure(ctx, e.Target, e.Hidden); err == nil {
			e.unsure = false
			there, aside, err = c.bothSides(ctx, e)
		}
	}
	if err != nil {
		return err
	}
	if !aside {
		return c.over(e)
	}
	source, err := c.exists(ctx, e.From)
	if err == nil && k == moving && there && source && e.doubtful {
		if err = c.moveForSure(ctx, e.From, e.Target); err == nil {
			e.doubtful = false
			source, err = c.exists(ctx, e.From)
		}
	}
	if err != nil {
		return err
	}
	switch {
	case !there:
		return c.moveBack(ctx, e)
	case k == copying && source:
		return c.undoCopy(ctx, e)
	case k == moving && !source:
		c.supersede(e.Target)
		c.doubt(e.From)
		c.doubt(e.Target)
		if err := c.journal.becomes(e, discarding); err != nil {
			return err
		}
		return c.discard(ctx, e)
	}
	c.supersede(e.Target)
	return c.reveal(ctx, e)
}

// over forgets an operation that was cut short, after what was seen of it: once
// it is forgotten nobody waits for it, or leaves out what it has hidden.
func (c *core) over(e *unfinished) error {
	c.doubt(e.Target)
	return c.journal.done(e)
}

// bothSides looks whether there is something in place of the target, and aside.
// The target is looked at first: if moving back is still under way, it may be
// in its place by the second look, and must not be taken for a copy.
func (c *core) bothSides(ctx context.Context, e *unfinished) (there, aside bool, err error) {
	if there, err = c.exists(ctx, e.Target); err == nil {
		aside, err = c.exists(ctx, e.Hidden)
	}
	return there, aside, err
}

// moveForSure is for a move of which nobody said how it ended. The store may be
// about to carry it out, or in the midst of it, one file after the other, so
// that both names are seen. So it is asked for again: that waits for the first,
// or takes its place. That the one side is taken or the other gone tells that
// nothing is under way any more.
func (c *core) moveForSure(ctx context.Context, from, to string) error {
	err := c.b.Move(ctx, from, to, backend.MoveOptions{})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// reveal is for what someone else has been at work on meanwhile. Nothing is
// removed: what was replaced gets a name under which its owner finds it.
func (c *core) reveal(ctx context.Context, e *unfinished) error {
	base := path.Base(e.Target)
	if runes := []rune(base); len(runes) > maxName-len(e.ID)-len(" (before )") {
		base = string(runes[:maxName-len(e.ID)-len(" (before )")])
	}
	name := path.Join(parentOf(e.Target), fmt.Sprintf("%s (before %s)", base, e.ID))
	if err := c.b.Move(ctx, e.Hidden, name, backend.MoveOptions{}); err != nil {
		return err
	}
	c.doubt(name)
	c.opts.log.Warn("someone else changed what was being replaced; what was there before has another name now", "was", e.Target, "is", name)
	return c.over(e)
}

// moveBack gives what was moved aside its name again.
func (c *core) moveBack(ctx context.Context, e *unfinished) error {
	if err := c.b.Move(ctx, e.Hidden, e.Target, backend.MoveOptions{}); err != nil {
		return err
	}
	return c.over(e)
}

// undoCopy puts away a copy of which it is not known whether it is complete.
// Its source is where it was, so nothing is lost with it.
func (c *core) undoCopy(ctx context.Context, e *unfinished) error {
	away := newUnfinished(ctx, discarding, "", "", e.Target)
	if err := c.journal.begin(away); err != nil {
		return err
	}
	defer away.rest()
	if err := c.b.Move(ctx, e.Target, away.Hidden, backend.MoveOptions{}); err != nil {
		return err
	}
	if err := c.moveBack(ctx, e); err != nil {
		return err
	}
	return c.discard(ctx, away)
}

// discard removes what is hidden and of no use any more.
func (c *core) discard(ctx context.Context, e *unfinished) error {
	err := c.b.Remove(ctx, e.Hidden, backend.RemoveOptions{})
	if errors.Is(err, backend.ErrNotEmpty) && e.Target != "" {
		return c.reveal(ctx, e) // it has come to hold what the store will not remove unseen
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.meta.Removed(e.Hidden)
	return c.journal.done(e)
}

// exists asks the store itself.
func (c *core) exists(ctx context.Context, name string) (bool, error) {
	_, err := c.b.Stat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
