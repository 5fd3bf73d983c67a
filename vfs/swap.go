package vfs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// swap is replace at one of several gateways. do moves from to target.
func (c *core) swap(ctx context.Context, from, target string, do func(context.Context) error) error {
	c.pinOpenFiles(ctx, target)
	e := newIntent(ctx, moving, from, target, target)
	if err := c.journal.begin(e); err != nil {
		return err
	}
	defer c.release(e)
	by, err := c.journal.announce(ctx, e)
	defer c.journal.leave(e)
	if err != nil {
		defer c.recoverLater() // it may be in the log
		if undone := c.journal.done(e); undone != nil {
			c.opts.log.Warn("what was not begun stays in the journal", "name", target, "error", undone)
		}
		return err
	}
	kept, sure := c.meta.Kept(), true
	if err = c.keeps(ctx, by, e); err == nil {
		err = c.b.Move(ctx, target, e.Hidden, backend.MoveOptions{Once: true})
		sure = answered(ctx, err)
	}
	// From here on it is completed or undone, even if the client has gone.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		c.meta.Moved(target, e.Hidden, kept)
		kept = c.meta.Kept()
		if err = c.keeps(ctx, by, e); err == nil {
			err = do(ctx)
		}
		if errors.Is(err, backend.ErrUncertain) && c.isMoved(ctx, by, e) {
			c.moved(from, target, kept)
			err = nil
		}
	}
	if err != nil {
		return c.undo(ctx, by, e, sure, err)
	}
	if untold := c.journal.become(ctx, by, e, discarding); untold != nil {
		c.invalidate(target)
		c.opts.log.Warn("what was replaced is kept, because this could not be told to the other gateways", "name", target, "hidden", e.Hidden, "error", untold)
		return failure(backend.ErrUncertain, fmt.Sprintf("it was replaced, and the other gateways may not know: %v", untold))
	}
	tidy := c.journal.setKind(e, discarding)
	if tidy == nil {
		tidy = c.discard(ctx, e)
	}
	if tidy == nil {
		tidy = c.journal.over(ctx, by, e)
	}
	if tidy != nil {
		defer c.recoverLater()
		c.opts.log.Warn("cannot remove what was replaced; it is hidden and will be removed later", "hidden", e.Hidden, "error", tidy)
	}
	return nil
}

// answered reports whether a call with this error has no effect any more.
func answered(ctx context.Context, err error) bool {
	return err == nil || !errors.Is(err, backend.ErrUncertain) && ctx.Err() == nil
}

// keeps returns an error unless an intent is still its owner's, and the names are.
func (c *core) keeps(ctx context.Context, by owner, e *intent) error {
	now := c.journal.now(e.ID)
	if now == nil || now.owner != by || c.journal.me() != by || c.opts.held != nil && !c.opts.held(ctx) {
		return failure(backend.ErrUnavailable, "others may be changing it meanwhile")
	}
	return nil
}

// isMoved reports whether a move to the target whose answer was lost has been made.
// The names are this gateway's, so that nobody else can have changed them. Of a store
// that goes on with moves by itself this is not known: what it has moved last may look
// as if it were all.
func (c *core) isMoved(ctx context.Context, by owner, e *intent) bool {
	if c.journal.gateways.finishes {
		return false
	}
	source, err := c.exists(ctx, e.From)
	if err != nil || source {
		return false
	}
	there, aside, err := c.bothSides(ctx, e)
	return err == nil && there && aside && c.keeps(ctx, by, e) == nil
}

// undo gives back what was moved aside, and returns what is to be told of a
// replacement that failed with an error. sure: nothing that was sent can move the
// target aside any more.
func (c *core) undo(ctx context.Context, by owner, e *intent, sure bool, failed error) error {
	c.invalidate(e.Target)
	err := c.giveBackOrLeave(ctx, by, e, time.Now())
	if err == nil && sure {
		if untold := c.journal.over(ctx, by, e); untold != nil {
			defer c.recoverLater() // the log has it for unfinished
		}
	} else if err == nil {
		err = c.journal.become(ctx, by, e, lingering)
	}
	if err == nil {
		err = c.finish(e)
	}
	if err == nil {
		return failed
	}
	// The error of the operation would mean that nothing has changed.
	c.opts.log.Warn("a failed operation could not be undone yet", "name", e.Target, "hidden", e.Hidden, "error", err)
	return failure(backend.ErrUncertain, fmt.Sprintf("it failed and could not be undone yet: %v", failed))
}

// replaceByCopy replaces to at one of several gateways, where one of the two is a
// folder: the copy is staged, so that the target is never a part of one. With
// shallow a folder is copied without its members.
func (f *FS) replaceByCopy(from, to string, shallow bool) error {
	c, ctx := f.core, f.ctx
	if err := backend.CheckRemove(ctx, c.b, to); err != nil {
		return err
	}
	return c.stage(ctx, to, func(hidden string) error {
		return c.copyAll(ctx, from, hidden, shallow)
	}, func(hidden string) error {
		return c.swap(ctx, hidden, to, func(ctx context.Context) error {
			defer c.invalidate(to)
			err := c.b.Move(ctx, hidden, to, backend.MoveOptions{})
			if err == nil {
				c.supersede(to)
			}
			return err
		})
	})
}

// stage has a copy made under a hidden name near to, at one of several gateways, then
// has it moved to its place.
func (c *core) stage(ctx context.Context, to string, fill, place func(hidden string) error) error {
	e := newIntent(ctx, staging, "", to, to)
	e.busy <- struct{}{}
	defer func() { <-e.busy }()
	by, err := c.journal.announce(ctx, e)
	defer c.journal.leave(e)
	if err != nil {
		defer c.recoverLater() // it may be in the log
		return err
	}
	if err = fill(e.Hidden); err == nil {
		err = c.keeps(ctx, by, e)
	}
	if err == nil {
		err = place(e.Hidden)
	}
	c.meta.Removed(e.Hidden) // may have been listed
	sure := answered(ctx, err)
	ctx = context.WithoutCancel(ctx)
	var tidy error
	switch {
	case err == nil:
		tidy = c.journal.over(ctx, by, e)
	case !sure: // it is looked at when that is over
		tidy = c.journal.become(ctx, by, e, staging)
	default:
		if tidy = c.removeHidden(ctx, e); tidy == nil {
			tidy = c.journal.over(ctx, by, e)
		}
	}
	if tidy != nil {
		defer c.recoverLater()
		c.opts.log.Warn("what is left of a copy is hidden, and will be removed later", "hidden", e.Hidden, "error", tidy)
	}
	return err
}

// copyAll copies to a hidden name, which the store does not have.
func (c *core) copyAll(ctx context.Context, from, hidden string, shallow bool) error {
	switch {
	case shallow:
		_, err := c.mkdirLike(ctx, from, hidden)
		return err
	case c.onlyHere(from):
		return c.copyUnstored(ctx, from, hidden, true)
	}
	err := backend.Copy(ctx, c.b, from, hidden, backend.CopyOptions{})
	if errors.Is(err, errors.ErrUnsupported) {
		err = c.copyInto(ctx, from, hidden)
	}
	return err
}
