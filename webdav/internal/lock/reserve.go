package lock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// ErrReserved says that another request is changing a name (423).
var ErrReserved = errors.New("another request is changing it")

// DefaultMaxWait is how long Reserve waits for others unless Options say
// otherwise.
const DefaultMaxWait = 10 * time.Second

// A Name is what a request reserves: one path for one kind of use.
type Name struct {
	Path string
	// Tree: with everything below it, as a lock of infinite depth.
	Tree bool
	// Shared: others may use it so at the same time, as with a shared lock (PUT,
	// the source of a COPY).
	Shared bool
	// Member: it may be added to its folder or taken out of it, which the folder's
	// locks guard.
	Member bool
	// Lock: locks at it, or with Tree below it too, are made or end. So nobody may
	// be about to change what they guard.
	Lock bool
}

// conflicts judges two uses as section 6.2 does two locks.
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

// reservations are the names that requests use at the moment. They are not in the
// log: none outlives its request.
type reservations struct {
	mu       sync.Mutex // guards what follows, and made of each
	held     []*Reservation
	released chan struct{} // closed at the next release; nil if nobody waits
}

// A Reservation keeps the names of one request from other requests.
type Reservation struct {
	all   *reservations
	names []Name
	made  bool // something has been made of a path
}

// Reserve waits until no other request uses what conflicts with the names: not
// beyond ctx, nor longer than Options.MaxWait, after which it is ErrReserved.
// All names are granted at once, so that no two requests wait for each other;
// nobody may reserve more while holding some. Release must be called once.
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

// try takes the names, or returns what is closed when it is worth another try.
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

// Made tells those who share a path that something has been made of it.
func (r *Reservation) Made(name string) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	for _, other := range r.all.held {
		if slices.ContainsFunc(other.names, func(n Name) bool { return n.Path == pathtree.Clean(name) }) {
			other.made = true
		}
	}
}

// First reports whether nobody has told Made of a path that is shared.
func (r *Reservation) First() bool {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	return !r.made
}

// Release lets others use the names.
func (r *Reservation) Release() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.all.held = slices.DeleteFunc(r.all.held, func(other *Reservation) bool { return other == r })
	if r.all.released != nil {
		close(r.all.released)
		r.all.released = nil
	}
}
