package vfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/unsettled"
	"github.com/davdisk/davdisk/vfs/internal/dircache"
)

// maxRounds is how often an intent is looked at again because others, or late calls,
// change what is there.
const maxRounds = 8

// errNoMember reports that something cannot be put right before this gateway is a
// member: what the others have said of it is not known.
var errNoMember = errors.New("this gateway is not a member of its cluster")

// The scopes of settle report whether a target is of concern where a name is used.

// inName is the scope of what is found under a name.
func inName(name, target string) bool { return backend.Within(name, target) }

// inList is the scope of the listing of a folder.
func inList(name, target string) bool {
	return parentOf(target) == name || backend.Within(name, target)
}

// inTree is the scope of a name and all below it.
func inTree(name, target string) bool {
	return backend.Within(target, name) || backend.Within(name, target)
}

// sight is what was found under a name.
type sight struct {
	children *dircache.Children // nil if it was not listed
	err      error
	again    bool // it was looked at once more
}

// lacks reports whether a target may be missing in what was found.
func (s sight) lacks(name, target string) bool {
	if s.children != nil && parentOf(target) == name {
		_, there := s.children.Get(path.Base(target))
		return !there
	}
	return errors.Is(s.err, fs.ErrNotExist)
}

// settle looks whether a call of a gateway that is gone has moved a target aside after
// all, and gives that back. It reports whether the caller has to look again, because
// something was given back, or may have been by another gateway in the moment before.
func (c *core) settle(ctx context.Context, name string, scope func(name, target string) bool, found sight) (again bool, err error) {
	if c.journal.gateways == nil {
		return false, nil
	}
	for _, e := range c.journal.find(func(e *intent) bool { return e.Kind == lingering && scope(name, e.Target) }) {
		ctx := backend.WithConfinement(ctx, e.Confinement)
		aside, err := c.exists(ctx, e.Hidden)
		if err == nil && aside {
			again, err = true, c.settleOne(ctx, e)
		} else if err == nil && !found.again && found.lacks(name, e.Target) {
			again = true
			c.invalidate(e.Target)
		}
		if err != nil {
			return again, failure(backend.ErrUnavailable, fmt.Sprintf("an interrupted operation on %q cannot be recovered yet: %v", e.Target, err))
		}
	}
	return again, nil
}

func (c *core) settleOne(ctx context.Context, e *intent) error {
	if (c.journal.me() == owner{}) {
		return errNoMember
	}
	select {
	case e.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer c.release(e)
	return c.giveBack(ctx, e, time.Time{})
}

// awaitShared waits until an intent of the log is none that affected reports true
// for: until its owner has completed it, or, if that is this gateway or nobody, until
// it has been put right here.
func (c *core) awaitShared(ctx context.Context, e *intent, affected func(*intent) bool) error {
	timeout := time.NewTimer(folderTimeout)
	defer timeout.Stop()
	for range maxRounds {
		now := c.journal.now(e.ID)
		switch {
		case now == nil && c.journal.me() == owner{}: // it was forgotten, and may not be over
			return failure(backend.ErrUnavailable, fmt.Sprintf("another gateway may still be replacing %q", e.Target))
		case now == nil || !affected(now):
			return nil
		}
		if now.isFor(c.journal.me()) {
			select {
			case now.busy <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := c.recoverAndRelease(ctx, now); err != nil {
				c.recoverLater()
				return failure(backend.ErrUnavailable, fmt.Sprintf("an interrupted operation on %q cannot be recovered yet: %v", e.Target, err))
			}
			continue
		}
		select {
		case <-now.changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return failure(backend.ErrUnavailable, fmt.Sprintf("another gateway is still replacing %q", e.Target))
		}
	}
	return failure(backend.ErrUnavailable, fmt.Sprintf("%q is replaced again and again", e.Target))
}

// isForHere reports whether this gateway may put an intent of the log right now.
func (c *core) isForHere(e *intent) bool {
	me := c.journal.me()
	return e.isFor(me) || me == owner{} && e.owner == owner{}
}

// recoverShared puts an intent of the log right, if it is this gateway's or nobody's.
// The caller holds it.
func (c *core) recoverShared(ctx context.Context, e *intent) error {
	me := c.journal.me()
	e = c.journal.now(e.ID)
	if e == nil || !c.isForHere(e) {
		return nil
	}
	ctx = backend.WithConfinement(ctx, e.Confinement)
	wait := e.lingers() && e.owner == owner{} && time.Since(e.since) < c.journal.gateways.lingers
	var err error
	switch {
	case wait:
		return nil
	case me == owner{}:
		return errNoMember
	case e.Kind == moving:
		c.opts.log.Info("what a gateway that is gone was replacing is put right", "name", e.Target, "hidden", e.Hidden)
		if err = c.giveBack(ctx, e, e.since); err == nil {
			err = c.journal.become(ctx, me, e, lingering)
		}
	case e.Kind == staging && e.owner == me: // it is not known whether it has begun
		err = c.journal.become(ctx, me, e, staging)
	default:
		if e.Kind == lingering {
			err = c.giveBack(ctx, e, time.Time{})
		} else {
			err = c.removeHidden(ctx, e)
		}
		if err == nil {
			err = c.journal.over(ctx, me, e)
		}
	}
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

// recoverHere completes what is in the journal of this gateway of an operation that
// is in the log too, or was when it began. What the log has left to do follows.
func (c *core) recoverHere(ctx context.Context, k kind, e *intent) (err error) {
	now := c.journal.now(e.ID)
	switch {
	case k == discarding:
		err = c.discard(ctx, e)
	case c.journal.me() == owner{}:
		return errNoMember
	case now == nil || now.Kind != discarding:
		var since time.Time
		if now != nil && now.Kind == moving {
			since = now.since
		}
		if err = c.giveBackOrLeave(ctx, c.journal.me(), e, since); err == nil {
			err = c.finish(e)
		}
	default:
		err = c.finish(e)
	}
	if err != nil || now == nil {
		return err
	}
	return c.recoverShared(ctx, now)
}

// giveBackOrLeave is giveBack of what its owner has in its journal. Where that fails it
// is left to everybody: the others may have a store that this gateway does not reach.
func (c *core) giveBackOrLeave(ctx context.Context, by owner, e *intent, since time.Time) error {
	err := c.giveBack(ctx, e, since)
	if now := c.journal.now(e.ID); err != nil && now != nil && now.Kind == moving && now.owner == by {
		if untold := c.journal.become(ctx, by, e, moving); untold != nil {
			err = errors.Join(err, untold)
		}
	}
	return err
}

// giveBack gives what is hidden its name back, or one beside it if the name is taken.
// It removes and replaces nothing, so that nobody has to have agreed to it, and
// another one may do it at the same time. A store that goes on with moves by itself
// may be in the midst of the one to the target that was begun before since.
func (c *core) giveBack(ctx context.Context, e *intent, since time.Time) error {
	defer c.changedElsewhere(e)
	missing, id := false, e.ID
	for i := range maxRounds {
		there, aside, err := c.bothSides(ctx, e)
		switch {
		case err != nil:
			return err
		case !aside && (there || missing):
			return nil
		case !aside: // it may have been given back between the two looks
			missing = true
		case there && c.mayBeMoving(ctx, e, since):
			return failure(backend.ErrLocked, "the store may still be moving what takes its place")
		case there:
			if err = c.showBeside(ctx, e, id); err == nil {
				c.supersede(e.Target)
			}
			id = fmt.Sprint(e.ID, " ", i+2)
		default:
			err = c.b.Move(ctx, e.Hidden, e.Target, backend.MoveOptions{Back: true})
		}
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return failure(backend.ErrLocked, "it changes again and again")
}

// mayBeMoving reports whether a store that goes on with moves by itself may be in the
// midst of the one to a target that is there: its source is there too. After half an
// hour that is somebody else's.
func (c *core) mayBeMoving(ctx context.Context, e *intent, since time.Time) bool {
	if !c.journal.gateways.finishes || e.From == "" || time.Since(since) >= callLingers {
		return false
	}
	source, err := c.exists(ctx, e.From)
	return err != nil || source
}

// removeHidden removes what was replaced, or a copy that was not completed.
func (c *core) removeHidden(ctx context.Context, e *intent) error {
	err := c.b.Remove(unsettled.Without(ctx), e.Hidden, backend.RemoveOptions{})
	if errors.Is(err, backend.ErrNotEmpty) && e.Kind == discarding {
		err = c.showBeside(ctx, e, e.ID) // it contains what the store hides and does not remove
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	c.meta.Removed(e.Hidden)
	return nil
}

// changedElsewhere drops what is cached of an operation that another gateway, or the
// store, has gone on with.
func (c *core) changedElsewhere(e *intent) {
	for _, name := range []string{e.From, e.Target, e.Hidden} {
		if name != "" {
			c.invalidate(name)
		}
	}
}
