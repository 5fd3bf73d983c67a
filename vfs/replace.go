package vfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/unsettled"
)

// A store moves and copies to a free name, or a file over a file, in one step.
// If either side is a folder, deleting the target first would lose it if the
// second step fails. So the target is moved aside, to a hidden sibling; then
// the operation is done, and the sibling is removed, or moved back if the
// operation has failed. The intent is written to the journal before the first
// step, so that the next start recovers from a crash at any point: either the
// old target or the new one is there as a whole.

// replace runs do, which moves or copies from to target and needs target to be
// free. The caller holds the locks of both trees.
func (c *core) replace(ctx context.Context, k kind, from, target string, do func(context.Context) error) error {
	if c.onlyHere(target) {
		return do(ctx)
	}
	if err := backend.CheckRemove(ctx, c.b, target); err != nil {
		return err
	}
	if c.queue != nil { // or the target would be put aside for what cannot be stored
		if err := c.queue.Flush(ctx, from, target); err != nil {
			return err
		}
	}
	if c.opts.held != nil && !c.opts.held(ctx) {
		return failure(backend.ErrUnavailable, "others may be changing it meanwhile")
	}
	if c.journal.shares() {
		return c.swap(ctx, from, target, do)
	}
	c.pinOpenFiles(ctx, target)
	e := newIntent(ctx, k, from, target, target)
	if err := c.journal.begin(e); err != nil {
		return err
	}
	defer c.release(e)
	kept := c.meta.Kept()
	e.asideUnknown = true // until the store has answered
	err := c.b.Move(ctx, target, e.Hidden, backend.MoveOptions{})
	e.asideUnknown = errors.Is(err, backend.ErrUncertain)
	// From here on it is completed or undone, even if the client has gone.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		c.meta.Moved(target, e.Hidden, kept)
		e.moveUnknown = true
		err = do(ctx)
		e.moveUnknown = errors.Is(err, backend.ErrUncertain)
	}
	if err == nil && !c.mayBeOthers(ctx, e) {
		err = c.journal.setKind(e, discarding)
	}
	if err != nil {
		c.invalidate(target)
		if undo := c.recover(ctx, e); undo != nil {
			c.opts.log.Warn("a failed operation could not be undone yet", "name", target, "hidden", e.Hidden, "error", undo)
			// The original error would mean that nothing has changed.
			return failure(backend.ErrUncertain, fmt.Sprintf("it failed and could not be undone yet: %v", err))
		}
		return err
	}
	if err := c.recover(ctx, e); err != nil {
		c.opts.log.Warn("cannot remove what was replaced; it is hidden and will be removed later", "hidden", e.Hidden, "error", err)
	}
	return nil
}

// await waits for the operations in progress that affect a name, and recovers
// those that were interrupted. If that fails, the state of the name is unknown,
// and must not be reported as missing.
func (c *core) await(ctx context.Context, affected func(e *intent) bool) error {
	for _, e := range c.journal.find(affected) {
		if e.shared != nil {
			if err := c.awaitShared(ctx, e, affected); err != nil {
				return err
			}
			continue
		}
		select {
		case e.busy <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := c.recoverAndRelease(ctx, e); err != nil {
			return failure(backend.ErrUnavailable, fmt.Sprintf("an interrupted operation on %q cannot be recovered yet: %v", e.Target, err))
		}
	}
	return nil
}

// affects returns a func that reports whether an intent affects what is found
// under a name.
func affects(name string) func(e *intent) bool {
	return func(e *intent) bool { return e.replaces() && inName(name, e.Target) }
}

// affectsList is like affects, for the listing of a folder.
func affectsList(name string) func(e *intent) bool {
	return func(e *intent) bool { return e.replaces() && inList(name, e.Target) }
}

// concernsList is like affectsList, and for what has a hidden name in the folder.
func concernsList(name string) func(e *intent) bool {
	affected := affectsList(name)
	return func(e *intent) bool { return affected(e) || parentOf(e.Hidden) == name }
}

// affectsTree is like affects, for a name and all below it.
func affectsTree(name string) func(e *intent) bool {
	return func(e *intent) bool { return e.replaces() && inTree(name, e.Target) }
}

// leftIn returns a func that reports whether an intent is one to remove what is
// hidden in a tree. The store would take that along where the tree is moved or
// copied, and nothing would remove it there, nor hide it.
func leftIn(name string) func(e *intent) bool {
	return func(e *intent) bool { return e.Kind == discarding && backend.Within(e.Hidden, name) }
}

// isHidden reports whether a name is in the store only while an operation runs.
func (c *core) isHidden(name string) bool {
	return len(c.journal.find(func(e *intent) bool { return backend.Within(name, e.Hidden) })) > 0
}

// recoverAndRelease calls recover, then releases the intent, even if the store
// panics.
func (c *core) recoverAndRelease(ctx context.Context, e *intent) error {
	defer c.release(e)
	return c.recover(ctx, e)
}

// recover completes or undoes an operation that was interrupted: afterwards the
// old target has its name again, or the new one has it and the old one is
// removed. The caller holds the intent.
func (c *core) recover(ctx context.Context, e *intent) error {
	if e.shared != nil {
		return c.recoverShared(ctx, e)
	}
	k, pending := c.journal.state(e)
	ctx = backend.WithConfinement(ctx, e.Confinement)
	switch {
	case !pending:
		return nil
	case c.journal.shares():
		return c.recoverHere(ctx, k, e)
	case k == discarding:
		return c.discard(ctx, e)
	}
	there, aside, err := c.bothSides(ctx, e)
	if err == nil && e.asideUnknown && (there || !aside) && !(there && c.mayBeOthers(ctx, e)) {
		if err = c.confirmMove(ctx, e.Target, e.Hidden); err == nil {
			e.asideUnknown = false
			there, aside, err = c.bothSides(ctx, e)
		}
	}
	if err != nil {
		return err
	}
	if !aside {
		return c.finish(e)
	}
	source, err := c.exists(ctx, e.From)
	if err == nil && k == moving && there && source && e.moveUnknown {
		if err = c.confirmMove(ctx, e.From, e.Target); err == nil {
			e.moveUnknown = false
			source, err = c.exists(ctx, e.From)
		}
	}
	if err != nil {
		return err
	}
	switch {
	case !there:
		return c.moveBack(ctx, e)
	case c.mayBeOthers(ctx, e):
	case k == copying && source:
		return c.undoCopy(ctx, e)
	case k == moving && !source:
		c.supersede(e.Target)
		c.invalidate(e.From)
		c.invalidate(e.Target)
		if err := c.journal.setKind(e, discarding); err != nil {
			return err
		}
		return c.discard(ctx, e)
	}
	c.supersede(e.Target)
	return c.keepBoth(ctx, e)
}

// mayBeOthers reports whether others, with whom this process agrees who changes what,
// may have changed the names of an operation since: where its request has ended, or
// the process that it was in, or the agreement. What is found says nothing then of
// what the operation has done.
func (c *core) mayBeOthers(ctx context.Context, e *intent) bool {
	return c.opts.held != nil && (e.late || !c.opts.held(ctx))
}

// finish invalidates what is cached of the target, then removes the intent.
// From then on nothing waits for it, and its hidden name is visible.
func (c *core) finish(e *intent) error {
	c.invalidate(e.Target)
	return c.journal.done(e)
}

// bothSides reports whether the target and the hidden name exist. The target is
// checked first: if moving back is still in progress, it may be in its place by
// the second check, and must not be mistaken for a copy.
func (c *core) bothSides(ctx context.Context, e *intent) (there, aside bool, err error) {
	if there, err = c.exists(ctx, e.Target); err == nil {
		aside, err = c.exists(ctx, e.Hidden)
	}
	return there, aside, err
}

// confirmMove repeats a move of unknown outcome. The store may be about to carry
// it out, or in the middle of it, file by file, so that both names exist. The
// second move waits for the first, or takes its place. If it fails because the
// target exists or the source is missing, no move is in progress any more.
func (c *core) confirmMove(ctx context.Context, from, to string) error {
	err := c.b.Move(ctx, from, to, backend.MoveOptions{})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// keepBoth ends an operation whose target another client has changed meanwhile.
// Nothing is removed: the old content gets a visible name beside the target.
func (c *core) keepBoth(ctx context.Context, e *intent) error {
	if err := c.showBeside(ctx, e, e.ID); err != nil {
		return err
	}
	return c.finish(e)
}

// showBeside gives what is hidden a visible name beside the target, made with id.
func (c *core) showBeside(ctx context.Context, e *intent, id string) error {
	base := path.Base(e.Target)
	if runes := []rune(base); len(runes) > maxName-len(id)-len(" (before )") {
		base = string(runes[:maxName-len(id)-len(" (before )")])
	}
	name := path.Join(parentOf(e.Target), fmt.Sprintf("%s (before %s)", base, id))
	if err := c.b.Move(ctx, e.Hidden, name, backend.MoveOptions{Back: true}); err != nil {
		return err
	}
	c.invalidate(name)
	c.opts.log.Warn("another client changed what was being replaced; the old content has been renamed", "was", e.Target, "is", name)
	return nil
}

// moveBack moves the old target back to its name.
func (c *core) moveBack(ctx context.Context, e *intent) error {
	if err := c.b.Move(ctx, e.Hidden, e.Target, backend.MoveOptions{Back: true}); err != nil {
		return err
	}
	return c.finish(e)
}

// undoCopy removes a copy that may be incomplete, and moves the old target back.
// The source still exists, so nothing is lost.
func (c *core) undoCopy(ctx context.Context, e *intent) error {
	away := newIntent(ctx, discarding, "", "", e.Target)
	if err := c.journal.begin(away); err != nil {
		return err
	}
	defer c.release(away)
	if err := c.b.Move(ctx, e.Target, away.Hidden, backend.MoveOptions{}); err != nil {
		return err
	}
	if err := c.moveBack(ctx, e); err != nil {
		return err
	}
	return c.discard(ctx, away)
}

// discard removes hidden content that is no longer needed.
func (c *core) discard(ctx context.Context, e *intent) error {
	err := c.b.Remove(unsettled.Without(ctx), e.Hidden, backend.RemoveOptions{}) // nothing else can have that name
	if errors.Is(err, backend.ErrNotEmpty) && e.Target != "" {
		return c.keepBoth(ctx, e) // it contains what the store hides and does not remove
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.meta.Removed(e.Hidden)
	return c.journal.done(e)
}

// exists reports whether the store, not the cache, has a name.
func (c *core) exists(ctx context.Context, name string) (bool, error) {
	_, err := c.b.Stat(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
