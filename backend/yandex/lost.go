package yandex

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/unsettled"
)

// lostChange is a removal, copy or move whose answer was lost: the service may still
// carry it out. Until that is impossible, nothing is stored where the change would
// remove, replace or move it. Other changes are allowed: after a removal or a move the
// lost change has less to do, and repeating the same change gives the same result.
type lostChange struct {
	Call      api.Call  `json:"call"`
	From      string    `json:"from"`
	To        string    `json:"to,omitempty"` // "" for a removal
	Overwrite bool      `json:"overwrite,omitempty"`
	At        time.Time `json:"at"`              // when its answer was lost
	Stray     bool      `json:"stray,omitempty"` // a later attempt at it was answered
	Taken     bool      `json:"taken,omitempty"` // something else was to take away what is at From
}

const (
	// lostWindow is how long a change whose answer was lost is taken to be able to
	// take effect, where nothing shows that it cannot.
	lostWindow = unsettled.Window
	// strayTime is how long a request is taken to be on its way after its answer was
	// lost, where a later one at the same was answered. The metadata of a new file, too,
	// may take so long to appear: what is not seen is taken for gone after that time.
	strayTime = freshTime
)

// key is one for all attempts at a change.
func (c lostChange) key() string { return string(c.Call) + "\x00" + c.From + "\x00" + c.To }

// takes reports whether a change takes away what is at From.
func (c lostChange) takes() bool { return c.Call == api.MoveResource || c.Call == api.DeleteItem }

// concerns reports whether a change could remove, replace or carry away what is put at
// a name, or put it in the place of what it was answered to have put there. One that is not
// to overwrite anything is refused where something is; in a folder it may be at work on
// the rest.
func (c lostChange) concerns(name string) bool {
	switch {
	case c.takes() && related(c.From, name):
		return true
	case c.To == "":
		return false
	case c.Overwrite:
		return related(c.To, name) || c.Call == api.CopyResource && c.Stray && related(c.From, name)
	}
	return name != c.To && backend.Within(name, c.To)
}

// related reports whether one of two names is that of the other, or of a folder above.
func related(a, b string) bool { return backend.Within(a, b) || backend.Within(b, a) }

// unanswered reports whether err leaves open whether the service got a request. One that
// began an operation was answered.
func unanswered(err error) bool {
	return errors.As(err, new(api.UncertainError)) && !errors.As(err, new(api.OpenError)) &&
		!errors.Is(err, api.ErrOperationFailed) && !hasCode(err, api.CodeNoOperation)
}

// lostChanges are those that may still take effect, in a journal.
type lostChanges struct {
	b       *Backend
	journal *work[lostChange] // by key

	mu sync.Mutex // held while one is set or deleted
}

// openLost opens what earlier processes have left. A time in the future was recorded
// with a wrong clock.
func openLost(b *Backend) (*lostChanges, error) {
	j, err := openWork(b.cfg, b.root, "lost", func(a, b lostChange) bool { return a.At.After(b.At) })
	if err != nil {
		return nil, err
	}
	l := &lostChanges{b: b, journal: j}
	l.prune()
	now := b.cfg.Now()
	for key, c := range j.All() {
		if c.At.After(now) {
			c.At = now
			l.logFailure(c, j.note(key, c))
		}
	}
	return l, nil
}

// prune drops what is over by the time that has passed. The caller holds l.mu, or has
// told nobody of l yet.
func (l *lostChanges) prune() {
	for key, c := range l.journal.All() {
		if l.late(c) || c.Stray && !l.isOnItsWay(c) {
			l.logFailure(c, l.journal.delete(key))
		}
	}
}

func (l *lostChanges) logFailure(c lostChange, err error) {
	if err != nil {
		l.b.log.Warn("a change whose answer was lost is not followed after a restart", "name", c.From, "error", err)
	}
}

// lose records that the answer to a change was lost, tells the caller of it, and returns
// the error for that. Nothing but one change ever has a name of davdisk's own, which
// nothing is put at afterwards.
func (l *lostChanges) lose(ctx context.Context, c lostChange, cause error) error {
	if !unanswered(cause) {
		cause = api.UncertainError{Err: cause}
	}
	if c.Call != api.MoveResource && (ownname.Is(c.From) || ownname.Is(c.To)) {
		return cause
	}
	c.At = l.b.cfg.Now()
	l.mu.Lock()
	l.prune()
	if old, had := l.journal.Get(c.key()); had {
		c.Overwrite, c.Taken = c.Overwrite || old.Overwrite, old.Taken
	}
	err := l.journal.set(c.key(), c)
	l.mu.Unlock()
	l.logFailure(c, err)
	unsettled.Report(ctx, func(ctx context.Context) bool {
		if now, ok := l.journal.Get(c.key()); ok && now.At.Equal(c.At) && !l.over(ctx, now) {
			return false
		}
		l.forget(c)
		return true
	})
	return cause
}

// has reports whether an earlier request for a change, of whatever process, may take effect
// yet. It is asked before the change is requested once more.
func (l *lostChanges) has(c lostChange) bool {
	others, err := l.journal.others()
	return err != nil || slices.ContainsFunc(append(others, l.journal.All()), func(lost map[string]lostChange) bool {
		old, had := lost[c.key()]
		return had && !l.late(old) && (!old.Stray || l.isOnItsWay(old))
	})
}

// strays returns how many of the attempts at a change that had no answer may be on their
// way, where the disk shows that it was made: one of them has made it, unless a request
// before this one has.
func strays(lost int, earlier bool) int {
	if earlier {
		return lost
	}
	return lost - 1
}

// answered records that a change was made, strays being how many other attempts at it by
// the same request were not answered. They, and those of earlier requests, may have been
// overtaken on their way. The caller is told of that: other gateways know nothing of them.
// Earlier requests have told of what is theirs, but not of what is copied, which others may
// replace.
func (l *lostChanges) answered(ctx context.Context, c lostChange, strays int) {
	if c, ok := l.overtaken(c, strays); ok && (strays > 0 || c.Call == api.CopyResource && c.Overwrite) {
		unsettled.Report(ctx, func(ctx context.Context) bool { return l.waitFor(ctx, c) == nil })
	}
}

// overtaken is answered for a caller who need not know. It returns what may be on its way.
func (l *lostChanges) overtaken(c lostChange, strays int) (stray lostChange, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, had := l.journal.Get(c.key())
	switch {
	case strays > 0:
		c.At = l.b.cfg.Now()
	case !had:
		return c, false
	default:
		c.At = old.At
	}
	c.Overwrite, c.Stray = c.Overwrite || old.Overwrite, true
	if ownname.Is(c.From) || !l.isOnItsWay(c) { // nothing is put at an own name again
		l.logFailure(c, l.journal.delete(c.key()))
		return c, false
	}
	l.logFailure(c, l.journal.note(c.key(), c))
	return c, true
}

// used is called for a name at which something was, and is no more. If it is one of
// davdisk's own, a change that put it there has been made, and others find nothing.
func (l *lostChanges) used(name string) {
	if !ownname.Is(name) {
		return
	}
	for _, c := range l.journal.All() {
		switch name {
		case c.From:
			l.forget(c)
		case c.To:
			l.overtaken(c, 0)
		}
	}
}

// forget forgets a change, unless its answer was lost again since.
func (l *lostChanges) forget(c lostChange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now, ok := l.journal.Get(c.key()); ok && now.At.Equal(c.At) {
		l.logFailure(c, l.journal.delete(c.key()))
	}
}

// settle makes sure that no lost change takes effect on what the caller is about to put
// at a name, by the change same or otherwise. What is on its way at most is waited for, for
// seconds; else the caller is refused at once.
func (l *lostChanges) settle(ctx context.Context, name string, same lostChange) error {
	others, err := l.journal.others()
	if err != nil {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "what another process has begun cannot be read: " + err.Error()}
	}
	for _, lost := range append(others, l.journal.All()) {
		for key, c := range lost {
			if key == same.key() || !c.concerns(name) {
				continue
			}
			if err := l.settleOne(ctx, c); err != nil {
				return err
			}
			l.forget(c)
		}
	}
	return nil
}

func (l *lostChanges) settleOne(ctx context.Context, c lostChange) error {
	if l.late(c) {
		return nil
	}
	over := c.Stray || l.shown(ctx, c)
	if over && l.isOnItsWay(c) {
		if err := l.waitFor(ctx, c); err != nil {
			return err
		}
		over = c.Stray || l.shown(ctx, c)
	}
	if !over {
		return &backend.Error{Kind: backend.ErrLocked, RetryAfter: pendingRetryAfter,
			Message: "the answer to an earlier change of it was lost, and the service may still make that change"}
	}
	return nil
}

// taking is called before a change takes away what has a name: that it is gone shows
// nothing of others then.
func (l *lostChanges) taking(name string, by lostChange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, c := range l.journal.All() {
		if key != by.key() && c.takes() && !c.Taken && backend.Within(c.From, name) {
			c.Taken = true
			l.logFailure(c, l.journal.set(key, c))
		}
	}
}

// settleUndo waits for what may be on its way to a name, to which something is given back.
// What was lost before was made, or it could not be given back.
func (l *lostChanges) settleUndo(ctx context.Context, name string) error {
	for _, c := range l.journal.All() {
		if c.concerns(name) && l.isOnItsWay(c) {
			if err := l.waitFor(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// isOnItsWay reports whether a change was requested so lately that it may take effect
// whatever is seen, or known of a later request.
func (l *lostChanges) isOnItsWay(c lostChange) bool { return l.b.cfg.Now().Before(c.At.Add(strayTime)) }

// waitFor waits until it is no more.
func (l *lostChanges) waitFor(ctx context.Context, c lostChange) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.b.cfg.After(min(c.At.Add(strayTime).Sub(l.b.cfg.Now()), strayTime)): // the clock of another process may be wrong
		return nil
	}
}

// over reports whether a change cannot take effect any more.
func (l *lostChanges) over(ctx context.Context, c lostChange) bool {
	return l.late(c) || !l.isOnItsWay(c) && (c.Stray || l.shown(ctx, c))
}

func (l *lostChanges) late(c lostChange) bool { return l.b.cfg.Now().After(c.At.Add(lostWindow)) }

// shown reports whether the disk shows that a change is over: nothing is left to remove or
// to move, or something is where a copy was to be. A copy over a file can be made again and
// again.
func (l *lostChanges) shown(ctx context.Context, c lostChange) bool {
	switch {
	case c.takes() && !c.Taken:
		_, err := l.b.storedAt(ctx, c.From)
		return hasCode(err, "DiskNotFoundError")
	case c.Call == api.CopyResource && !c.Overwrite:
		_, err := l.b.storedAt(ctx, c.To)
		return err == nil
	}
	return false
}
