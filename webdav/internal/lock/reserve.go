package lock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// ErrReserved reports that another request is changing a name (423).
var ErrReserved = errors.New("another request is changing it")

// DefaultMaxWait is how long Reserve waits for others unless Options say
// otherwise.
const DefaultMaxWait = 10 * time.Second

// A Name is what a request reserves: one path for one kind of use.
type Name struct {
	Path string
	// Tree: with everything below it, as a lock of infinite depth.
	Tree bool
	// Shared: other shared uses may overlap, as with a shared lock (PUT, the
	// source of a COPY).
	Shared bool
	// Member: the request may add it to its folder or remove it, which locks of
	// the folder guard.
	Member bool
	// Lock: the request creates or removes locks at it, with Tree also below it.
	// No other request may be changing what those locks guard.
	Lock bool
}

// conflicts compares two uses as RFC 4918, section 6.2 does two locks.
func (a Name) conflicts(b Name) bool {
	if (a.covers(b.Path) || b.covers(a.Path)) && !(a.Shared && b.Shared) {
		return true
	}
	return a.guardsMember(b) || b.guardsMember(a)
}

func (a Name) covers(name string) bool {
	return a.Path == name || a.Tree && pathtree.Within(name, a.Path)
}

func (a Name) guardsMember(b Name) bool { return a.Lock && b.Member && a.Path == parent(b.Path) }

// reservations holds the names in use by current requests. They are not logged:
// none outlives its request.
type reservations struct {
	mu       sync.Mutex // guards the fields below, and Reservation.made
	held     []*Reservation
	released chan struct{} // closed at the next release; nil if nobody waits
}

// A Reservation keeps the names of one request from other requests.
type Reservation struct {
	all   *reservations
	names []Name
	made  bool // a resource has been created at a path
}

// Reserve waits until no other request holds conflicting names, at most until
// ctx ends or for Options.MaxWait, after which it returns ErrReserved. All names
// are granted at once, so that no two requests wait for each other; a caller must
// not reserve more while holding a Reservation. The caller must call Release once.
//
// Whoever changes what the table guards, or its locks, reserves the names from
// before it looks at what is there until all of its effect is done. Confirm and
// the conditions of the request then hold until the end, and a lock is granted
// when no change that did not know of it is under way.
func (t *Table) Reserve(ctx context.Context, names ...Name) (*Reservation, error) {
	r := &Reservation{all: &t.reserved, names: slices.Clone(names)}
	for i := range r.names {
		r.names[i].Path = pathtree.Clean(r.names[i].Path)
	}
	released := r.try()
	if released == nil {
		return r, nil
	}
	timeout := time.NewTimer(t.opts.MaxWait)
	defer timeout.Stop()
	for released != nil {
		select {
		case <-released:
			released = r.try()
		case <-timeout.C:
			return nil, ErrReserved
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return r, nil
}

// try takes the names, or returns a channel that is closed when it is worth
// trying again.
func (r *Reservation) try() (released <-chan struct{}) {
	all := r.all
	all.mu.Lock()
	defer all.mu.Unlock()
	if !slices.ContainsFunc(all.held, r.conflicts) {
		all.held = append(all.held, r)
		return nil
	}
	if all.released == nil {
		all.released = make(chan struct{})
	}
	return all.released
}

func (r *Reservation) conflicts(other *Reservation) bool {
	for _, a := range r.names {
		if slices.ContainsFunc(other.names, a.conflicts) {
			return true
		}
	}
	return false
}

// Made tells all holders of a shared path that a resource was created there.
func (r *Reservation) Made(name string) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	for _, other := range r.all.held {
		if slices.ContainsFunc(other.names, func(n Name) bool { return n.Path == pathtree.Clean(name) }) {
			other.made = true
		}
	}
}

// First reports whether Made has not been called for any of the paths.
func (r *Reservation) First() bool {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	return !r.made
}

// Release releases the names.
func (r *Reservation) Release() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.all.held = slices.DeleteFunc(r.all.held, func(other *Reservation) bool { return other == r })
	if r.all.released != nil {
		close(r.all.released)
		r.all.released = nil
	}
}
