package lock

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// ErrReserved reports that another request is changing a name (423).
var ErrReserved = errors.New("another request is changing it")

// ErrReplaceable reports that what was stored may still be replaced by what another
// gateway has stored at the same time, of which the outcome is unknown (503).
var ErrReplaceable = errors.New("another gateway stores the file too, and whether it replaces what was stored is not known yet")

// DefaultMaxWait is how long Reserve waits for others unless Options say
// otherwise.
const DefaultMaxWait = 10 * time.Second

// A Name is what a request reserves: one path for one kind of use.
type Name struct {
	Path string `json:"path"`
	// Tree: with everything below it, as a lock of infinite depth.
	Tree bool `json:"tree,omitempty"`
	// Shared: other shared uses may overlap, as with a shared lock (PUT, the
	// source of a COPY).
	Shared bool `json:"shared,omitempty"`
	// Member: the request may add it to its folder or remove it, which locks of
	// the folder guard.
	Member bool `json:"member,omitempty"`
	// Lock: the request creates or removes locks at it, with Tree also below it.
	// No other request may be changing what those locks guard.
	Lock bool `json:"lock,omitempty"`
	// Lingers is how long the change may still take effect in the store after
	// its gateway has been expelled. So long nobody else may have the name.
	Lingers time.Duration `json:"lingers,omitempty"`
	// Removes: the request only removes the name. It may begin while an earlier removal
	// by the same gateway has ended without a known outcome.
	Removes bool `json:"removes,omitempty"`
	// Again is equal for two requests that are the same in every respect, and empty
	// otherwise. A repetition may begin while the first has ended without a known
	// outcome at the same gateway (Reservation.Leave).
	Again string `json:"again,omitempty"`
	// Waits: the change cannot take effect before Reservation.Begin.
	Waits bool `json:"waits,omitempty"`
}

// conflicts compares two uses as RFC 4918, section 6.2 does two locks.
func (a Name) conflicts(b Name) bool {
	if a.overlaps(b) && !(a.Shared && b.Shared) {
		return true
	}
	return a.guardsMember(b) || b.guardsMember(a)
}

func (a Name) overlaps(b Name) bool { return a.covers(b.Path) || b.covers(a.Path) }

func (a Name) covers(name string) bool {
	return a.Path == name || a.Tree && pathtree.Within(name, a.Path)
}

func (a Name) guardsMember(b Name) bool { return a.Lock && b.Member && a.Path == parent(b.Path) }

// conflicting reports whether two requests may not have their names at once.
func conflicting(some, others []Name) bool { return anyTwo(some, others, Name.conflicts) }

// overlapping reports whether two requests have a path in common.
func overlapping(some, others []Name) bool { return anyTwo(some, others, Name.overlaps) }

func anyTwo(some, others []Name, are func(a, b Name) bool) bool {
	return slices.ContainsFunc(some, func(a Name) bool {
		return slices.ContainsFunc(others, func(b Name) bool { return are(a, b) })
	})
}

// reservations are the names in use by current requests. Those of one gateway
// agree in memory (claims). Gateways that share a log then agree in it (holds);
// a lone one has nobody to ask, and proposes nothing.
type reservations struct {
	mu      sync.Mutex     // guards what follows, and the fields of a Reservation below its own
	claims  []*Reservation // of this gateway
	waiting []*Reservation // to become claims, in the order of their arrival
	arrived uint64         // how many have
	now     func() time.Time
	holds
}

// A Reservation keeps the names of one request from other requests. It is used
// by one goroutine.
type Reservation struct {
	table   *Table
	names   []Name
	gateway string         // of which it is a request
	parts   []cluster.Part // what Done changes
	made    string         // what Made was told
	over    bool

	arrival uint64
	granted chan struct{} // closed when it no longer waits
	ticket  ticket        // of its hold; zero without one
	late    bool          // another has created a resource at a path
	ending  bool          // Done has been called
	crossed bool          // others have changed a path meanwhile
	told    []Changed     // files that others have stored meanwhile
}

// Reserve waits until no other request holds conflicting names, at most until
// ctx ends or for Options.MaxWait, after which it returns ErrReserved. All names
// are granted at once, so that no two requests wait for each other; a caller must
// not reserve more while holding a Reservation. Those that wait at one gateway are
// let in in the order of their arrival. The caller must call Release.
//
// Whoever changes what the table guards, or its locks, reserves the names from
// before it looks at what is there until all of its effect is done. Confirm and
// the conditions of the request then hold until the end, and a lock is granted
// when no change that did not know of it is under way.
func (t *Table) Reserve(ctx context.Context, names ...Name) (*Reservation, error) {
	r := t.newReservation(names)
	err := r.whenFree(ctx, func() error {
		if !t.shared || len(names) == 0 {
			return nil
		}
		return r.hold(ctx)
	})
	if err == nil && t.shared {
		// Conditions are judged, and confirmed, without what has expired by now.
		if err = t.expire(ctx, t.opts.Now()); err != nil {
			r.Release()
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (t *Table) newReservation(names []Name) *Reservation {
	r := &Reservation{table: t, names: slices.Clone(names)}
	if t.opts.Member != nil {
		if member := t.opts.Member(); member != nil {
			r.gateway = member.Gateway()
		}
	}
	for i := range r.names {
		r.names[i].Path = pathtree.Clean(r.names[i].Path)
	}
	return r
}

// whenFree claims the names, calls do, and waits and tries again as long as that
// is ErrReserved, because another gateway was first. Unless it succeeds, nothing
// is claimed in the end.
func (r *Reservation) whenFree(ctx context.Context, do func() error) error {
	err := ErrReserved
	if r.claim() {
		err = do()
	}
	if errors.Is(err, ErrReserved) {
		err = r.retry(ctx, do)
	}
	if err != nil {
		r.drop()
	}
	return err
}

func (r *Reservation) retry(ctx context.Context, do func() error) error {
	timeout := time.NewTimer(r.table.opts.MaxWait)
	defer timeout.Stop()
	for {
		select {
		case <-r.wait():
		case <-timeout.C:
			return ErrReserved
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := do(); !errors.Is(err, ErrReserved) {
			return err
		}
	}
}

// claim takes the names if they are free.
func (r *Reservation) claim() bool {
	all := &r.table.reserved
	all.mu.Lock()
	defer all.mu.Unlock()
	all.arrived++
	r.arrival = all.arrived
	if !r.free() {
		return false
	}
	all.claims = append(all.claims, r)
	return true
}

// wait gives up a claim and returns a channel that is closed when there is one
// again. Nobody keeps names while waiting for others.
func (r *Reservation) wait() (granted <-chan struct{}) {
	all := &r.table.reserved
	all.mu.Lock()
	defer all.mu.Unlock()
	all.forget(r)
	r.granted = make(chan struct{})
	at, _ := slices.BinarySearchFunc(all.waiting, r.arrival, func(w *Reservation, arrival uint64) int {
		return cmp.Compare(w.arrival, arrival)
	})
	all.waiting = slices.Insert(all.waiting, at, r)
	all.wake()
	return r.granted
}

// free reports whether the names can be had, as far as this gateway knows.
func (r *Reservation) free() bool {
	all := &r.table.reserved
	for _, other := range all.claims {
		if conflicting(r.names, other.names) {
			return false
		}
	}
	return !all.blocked(r.names, r.gateway, all.now)
}

// wake lets in who waits and need not any longer.
func (all *reservations) wake() {
	all.waiting = slices.DeleteFunc(all.waiting, func(r *Reservation) bool {
		if !r.free() {
			return false
		}
		all.claims = append(all.claims, r)
		close(r.granted)
		return true
	})
}

// drop ends a claim, or the wait for one.
func (r *Reservation) drop() {
	all := &r.table.reserved
	all.mu.Lock()
	defer all.mu.Unlock()
	all.forget(r)
	all.wake()
}

func (all *reservations) forget(r *Reservation) {
	isSelf := func(other *Reservation) bool { return other == r }
	all.claims = slices.DeleteFunc(all.claims, isSelf)
	all.waiting = slices.DeleteFunc(all.waiting, isSelf)
}

// cross tells requests of this gateway that somebody else has changed something,
// which may be what they change too: in one step with the end of the hold.
func (all *reservations) cross(changed []Changed) {
	for _, c := range changed {
		other := []Name{{Path: c.Path, Tree: c.Tree}}
		for _, r := range all.claims {
			if c.Own || !conflicting(other, r.names) {
				continue
			}
			if r.crossed = true; c.ETag != "" {
				r.told = append(r.told, c)
			}
		}
	}
}

// Crossed reports whether another gateway has changed one of the paths since
// Reserve, may have, or is about to: those whose use is shared.
func (r *Reservation) Crossed(ctx context.Context) bool {
	if r.ticket == (ticket{}) {
		return false // there are no others, or they have none of its names
	}
	if r.table.log.Barrier(ctx) != nil { // else it is not known who has reserved them
		return true
	}
	all := &r.table.reserved
	all.mu.Lock()
	defer all.mu.Unlock()
	// Its own hold is not there if it was expelled, and may have missed the changes of others then.
	if own := all.find(r.ticket); own == nil || own.Unsettled {
		return true
	}
	return r.crossed || slices.ContainsFunc(all.held, func(h *hold) bool {
		return (h.Ticket.Gateway != r.ticket.Gateway || h.Ticket.Epoch != r.ticket.Epoch) && overlapping(r.names, h.Names)
	})
}

// Told returns the entity tags of the files that other gateways have told since Reserve
// to have stored at a path, in this order.
func (r *Reservation) Told(name string) (etags []string) {
	all := &r.table.reserved
	all.mu.Lock()
	defer all.mu.Unlock()
	for _, c := range r.told {
		if c.Path == name {
			etags = append(etags, c.ETag)
		}
	}
	return etags
}

// isOwn reports whether a hold that is released is that of a request of this
// gateway, which has done what it says, and nobody else any of it meanwhile.
func (all *reservations) isOwn(of ticket) bool {
	return slices.ContainsFunc(all.claims, func(r *Reservation) bool { return r.ticket == of && r.ending && !r.crossed })
}

// created tells requests that have a path in common with one that a resource was
// created there.
func (all *reservations) created(name string, skip func(*Reservation) bool) {
	for _, r := range all.claims {
		if !skip(r) && slices.ContainsFunc(r.names, func(n Name) bool { return n.Path == name }) {
			r.late = true
		}
	}
}
