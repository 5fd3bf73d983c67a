package lock

import (
	"context"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// What a lone gateway has locked ends by its clock. Where gateways share the
// table it ends by a change alone, which is proposed by whoever finds first that
// the time is over, and is void if the lock was refreshed before: two clocks, or
// two gateways of which one has not yet heard of a refresh, never have two
// answers.

const (
	// maxEnding bounds the size of one change in bytes, so that it fits into an
	// entry of the log: one that does not would be tried for ever.
	maxEnding = cluster.MaxEntry / 2
	// lapseTime is how long a reader waits for the end of what has expired.
	lapseTime = time.Second
)

// expire drops what has expired. If that change is lost in a crash, it has
// expired all the same.
func (t *Table) expire(ctx context.Context, now time.Time) error {
	for {
		ended := t.ended(now)
		if len(ended) == 0 {
			return nil
		}
		if _, err := t.log.Propose(ctx, change{Op: opExpire, Ended: ended}, journal.Options{Volatile: true}); err != nil {
			return t.kept(err)
		}
	}
}

// lapse is expire for readers. Until it succeeds they see what has expired: the
// others may know of a refresh.
func (t *Table) lapse() {
	if !t.shared {
		return
	}
	now := t.opts.Now()
	if !t.isDue(now) || t.opts.Member() == nil || !t.lapsing.CompareAndSwap(false, true) {
		return
	}
	defer t.lapsing.Store(false)
	ctx, cancel := context.WithTimeout(t.closing, lapseTime)
	defer cancel()
	_ = t.expire(ctx, now)
}

// isDue reports whether something may have expired.
func (t *Table) isDue(now time.Time) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return !now.Before(t.next)
}

// ended lists what has expired, as much of it as one change may end.
func (t *Table) ended(now time.Time) (ended []ending) {
	if !t.isDue(now) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	next, size := now.Add(t.opts.MaxTimeout), 0
	// fits adds one, unless the change would become too large.
	fits := func(e ending) bool {
		if size += e.size(); size > maxEnding && len(ended) > 0 {
			return false
		}
		ended = append(ended, e)
		return true
	}
	for at, e := range t.tree.Below("/") {
		if p := e.placeholder; p != nil && !p.Until.IsZero() {
			if now.Before(p.Until) {
				next = earlier(next, p.Until)
			} else if !fits(ending{Path: at, At: p.logged().Until}) {
				return ended
			}
		}
		for _, l := range e.locks {
			if now.Before(l.Expires) {
				next = earlier(next, l.Expires)
			} else if !fits(ending{Token: l.Token, At: l.logged().Expires}) {
				return ended
			}
		}
	}
	if len(ended) == 0 { // else other calls check, too, until it is dropped
		t.next = next
	}
	return ended
}

// size returns at least how many bytes of a change it becomes: each byte of a path
// may take six.
func (e ending) size() int { return 6*(len(e.Path)+len(e.Token)) + 100 }

// end drops a lock, or a placeholder without one, unless it was refreshed.
func (t *Table) end(end ending) {
	at := end.Path
	if end.Token != "" {
		at = t.roots[end.Token]
	}
	e, ok := t.tree.Get(at)
	switch {
	case !ok:
	case end.Token != "":
		if slices.ContainsFunc(e.locks, func(l Lock) bool { return l.Token == end.Token && l.logged().Expires.Equal(end.At) }) {
			t.remove(end.Token)
		}
	case e.placeholder != nil && e.placeholder.logged().Until.Equal(end.At):
		kept := *e.placeholder
		kept.Until, kept.stamp = time.Time{}, time.Time{}
		t.set(at, e.locks, &kept)
	}
}

// live returns the locks of a path that have not ended.
func (t *Table) live(e *entry, now time.Time) []Lock {
	expired := func(l Lock) bool { return !now.Before(l.Expires) }
	if t.shared || !slices.ContainsFunc(e.locks, expired) {
		return e.locks
	}
	return slices.DeleteFunc(slices.Clone(e.locks), expired)
}

// hasPlaceholder reports whether there is one that has not ended.
func (t *Table) hasPlaceholder(e *entry, now time.Time) bool {
	return e.placeholder != nil && (t.shared || now.Before(e.placeholder.Until) || len(t.live(e, now)) > 0)
}
