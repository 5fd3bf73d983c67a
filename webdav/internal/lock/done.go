package lock

import (
	"context"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// A Changed is what a request has done to one path of the file system.
type Changed struct {
	Path string `json:"path"`
	Tree bool   `json:"tree,omitempty"` // and to everything below it
	// The file that is there now; zero if that is not known, or nothing is there.
	ETag    string    `json:"etag,omitempty"` // of the file system
	Size    int64     `json:"size,omitempty"`
	ModTime time.Time `json:"mtime,omitzero"`
	// Gateway has made the change, and Own reports that it is this one, that the
	// request has succeeded, and that no other has changed the path since it began.
	// Both are set when the change is told.
	Gateway string `json:"-"`
	Own     bool   `json:"-"`
}

// RemoveTree drops every lock rooted at a path or below it, and the
// placeholders there, as DELETE and MOVE require (sections 7.6 and 9.6), since
// locks never move. Like other changes of a Reservation it takes effect with
// Done.
func (r *Reservation) RemoveTree(name string) {
	if r.table.any(name) {
		r.record(change{Op: opRemoveTree, Path: pathtree.Clean(name)})
	}
}

// Move records that a resource, with everything below it, has been moved and
// has replaced the target. Placeholders move along, locks do not: those at to
// itself stay, as section 7.6 requires, and those at from, and below either,
// end. The placeholders count as the principal's from then on.
func (r *Reservation) Move(principal, from, to string) error {
	return r.carry(opMove, principal, from, to, false)
}

// Copy is Move for a copy: nothing changes at from, and without tree nothing
// below it is copied. It fails with ErrTooMany if there is no room for the
// placeholders.
func (r *Reservation) Copy(principal, from, to string, tree bool) error {
	return r.carry(opCopy, principal, from, to, !tree)
}

func (r *Reservation) carry(op, principal, from, to string, alone bool) error {
	t, now := r.table, r.table.opts.Now()
	if err := t.expire(context.Background(), now); err != nil {
		return err
	}
	from, to = pathtree.Clean(from), pathtree.Clean(to)
	if !t.any(from) && !t.any(to) {
		return nil
	}
	if op == opCopy && !alone && !t.mayCopy(principal, from, to) {
		return ErrTooMany
	}
	r.record(change{Op: op, Principal: principal, Path: from, To: to, Alone: alone, Until: now.Add(movedLifetime)})
	return nil
}

// Realize records that a path is now stored: its placeholder is dropped, its
// locks stay.
func (r *Reservation) Realize(name string) {
	r.record(change{Op: opRealize, Path: pathtree.Clean(name)})
}

// Made records that a resource was created at a path, which all who share it are
// told.
func (r *Reservation) Made(name string) {
	r.made = pathtree.Clean(name)
	t := r.table
	t.mu.RLock()
	e, ok := t.tree.Get(r.made)
	t.mu.RUnlock()
	if ok && e.placeholder != nil {
		r.Realize(r.made)
	}
}

// First reports whether no other request has told that it made one of the paths.
// After Done it is certain that of several which share a path one is the first.
func (r *Reservation) First() bool {
	r.table.reserved.mu.Lock()
	defer r.table.reserved.mu.Unlock()
	return !r.late
}

// Create records a new lock. It fails as Table.Create does, or Done does.
func (r *Reservation) Create(asked Request) (Lock, error) {
	c, err := r.table.creating(asked)
	if err != nil {
		return Lock{}, err
	}
	r.record(c)
	return *c.Lock, nil
}

// Unlock records the end of a lock. It fails as Table.Unlock does, or Done does.
func (r *Reservation) Unlock(name, principal, token string) error {
	l, err := r.table.own(name, principal, token)
	if err == nil {
		r.record(change{Op: opUnlock, Token: l.Token})
	}
	return err
}

func (r *Reservation) record(c change) { r.Record(r.table.log.Part(c, journal.Options{})) }

// Record adds changes of another state to those that Done makes.
func (r *Reservation) Record(parts ...cluster.Part) { r.parts = append(r.parts, parts...) }

// Meanwhile makes changes of another state at once, while the names are kept. It is
// refused, with cluster.ErrExpelled, if they are not any more.
func (r *Reservation) Meanwhile(ctx context.Context, parts ...cluster.Part) error {
	if len(parts) == 0 {
		return nil
	}
	if r.ticket != (ticket{}) { // what may be refused comes first
		still := change{Op: opStill, Reserved: &reserved{Release: &r.ticket}}
		parts = slices.Insert(slices.Clone(parts), 0, r.table.log.Part(still, journal.Options{}))
	}
	return r.table.proposeAll(ctx, parts)
}

// Done makes the recorded changes, tells every gateway what was changed, and
// releases the names: in one entry of a log that gateways share, which all of
// them have applied when it returns. It is refused, with cluster.ErrExpelled, if
// the gateway was expelled since Reserve: others may have had the names; and with
// ErrReplaceable, if a change by another may still replace what was stored. After an
// error the names may still be reserved; the second time it does nothing.
func (r *Reservation) Done(ctx context.Context, changed ...Changed) error {
	if r.over {
		return nil
	}
	t := r.table
	parts := r.parts
	r.parts = nil
	if r.ticket != (ticket{}) { // what may be refused comes first
		r.mark(true)
		over, _ := t.over() // if there are more, what they may replace is not certain
		over = slices.DeleteFunc(over, func(s settled) bool { return s.ticket == r.ticket })
		released := &reserved{Release: &r.ticket, Done: true, Settled: over, Created: r.made, Changed: changed}
		parts = slices.Insert(parts, 0, t.log.Part(change{Op: opRelease, Reserved: released}, journal.Options{}))
	}
	err := t.proposeAll(ctx, parts)
	if err == nil || r.ticket != (ticket{}) && !t.isHeld(r.ticket) {
		r.end()
	}
	return err
}

// mark notes whether the request is known to have made its changes.
func (r *Reservation) mark(made bool) {
	r.table.reserved.mu.Lock()
	defer r.table.reserved.mu.Unlock()
	r.ending = made
}

// end ends a reservation that is in no log any more.
func (r *Reservation) end() {
	r.over = true
	all := &r.table.reserved
	all.mu.Lock()
	defer all.mu.Unlock()
	// If two requests created the same resource, the first to end notifies the second,
	// which then reports that it was not the first.
	all.forget(r)
	if r.ticket == (ticket{}) && r.made != "" {
		all.created(r.made, func(*Reservation) bool { return false })
	}
	all.wake()
}

// Release releases the names, unless Done has. What was recorded is not done, but
// the request may have changed all of its names. It also settles them if the
// gateway was expelled meanwhile: the request is over.
func (r *Reservation) Release() {
	if r.over {
		return
	}
	t := r.table
	if r.ticket != (ticket{}) {
		h := hold{Names: r.names}
		ctx, cancel := context.WithTimeout(t.closing, t.opts.MaxWait)
		defer cancel()
		r.mark(false)
		released := &reserved{Release: &r.ticket, Settled: []settled{{ticket: r.ticket}}, Changed: h.changed()}
		_, err := t.log.Propose(ctx, change{Op: opRelease, Reserved: released}, journal.Options{})
		if err != nil && t.isHeld(r.ticket) {
			t.abandon(r.ticket, released.Changed)
		}
	}
	r.end()
}

// UnlockWhenFree is Unlock for a request that reserves nothing: it waits, as
// Reserve does, for the requests that change what the lock guards.
func (t *Table) UnlockWhenFree(ctx context.Context, name, principal, token string) error {
	r := t.newReservation(t.Guarded(name, token))
	defer r.drop()
	return r.whenFree(ctx, func() error {
		l, err := t.own(name, principal, token)
		if err != nil {
			return err
		}
		c := change{Op: opUnlock, Token: l.Token}
		if t.shared {
			settled, err := t.settled(ctx)
			if err != nil {
				return err
			}
			c.Reserved = &reserved{Names: r.names, Settled: settled}
		}
		return t.propose(c)
	})
}

// Guarded returns what the lock with a token guards, to be reserved before it
// ends.
func (t *Table) Guarded(name, token string) []Name {
	for _, l := range t.Covering(name) {
		if l.Token == token {
			return []Name{{Path: l.Root, Tree: l.Infinite, Member: true, Lock: true}}
		}
	}
	return nil
}
