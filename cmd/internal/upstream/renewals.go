package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
)

// Errors of renewals.
var (
	errReserved = errors.New("another gateway renews the login")
	errRenewed  = errors.New("the login was renewed")
)

const (
	maxRenewals = 256     // that are kept, the oldest go first
	maxNext     = 8 << 10 // bytes of a login, sealed
	keyLength   = 64
)

const (
	opReserve = "reserve"
	opTell    = "tell"
	opRelease = "release"
)

// A renewal is an entry of the machine of renewals.
type renewal struct {
	Op      string `json:"op"`
	Key     string `json:"key"`            // of the login
	Next    []byte `json:"next,omitempty"` // of "tell": what it was renewed to, sealed
	Over    uint64 `json:"over,omitempty"` // of "reserve": the membership whose reservation it takes the place of
	Gateway string `json:"gateway"`
	Epoch   uint64 `json:"epoch"`
}

// renewals is a machine of which gateway renews which login, and what that has become.
// It knows logins by keys that tell nothing of them. It is safe for concurrent use.
type renewals struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	all     map[string]*renewed
	count   uint64        // of those that were ever added
	changed chan struct{} // closed with the next change
}

// renewed is a login that is being renewed, or was.
type renewed struct {
	renewal           // "reserve" or "tell"
	order   uint64    // of count
	since   time.Time // by the clock of this gateway; not part of the state
}

func newRenewals(now func() time.Time) *renewals {
	return &renewals{now: now, all: map[string]*renewed{}, changed: make(chan struct{})}
}

// next returns what a login was renewed to; nil if it is not known.
func (r *renewals) next(key string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.all[key]; one != nil {
		return one.Next
	}
	return nil
}

// holder reports whether a login is reserved, and by which membership if it has been for
// so long that it may be taken from it; and returns a channel that is closed when that may
// have changed. What this gateway has reserved itself is no exception: it may not know
// what has become of it, and let two gateways renew it at once.
func (r *renewals) holder(key string) (over uint64, busy bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one := r.all[key]
	switch {
	case one == nil || one.Op != opReserve:
	case r.now().Sub(one.since) >= renewPatience:
		over = one.Epoch
	default:
		busy = true
	}
	return over, busy, r.changed
}

// Apply implements journal.Machine.
func (r *renewals) Apply(c renewal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch c.Op {
	case opReserve, opTell, opRelease:
	default:
		return fmt.Errorf("%w: a renewal %.20q", journal.ErrEntry, c.Op)
	}
	if len(c.Key) != keyLength || len(c.Next) > maxNext || (len(c.Next) > 0) != (c.Op == opTell) {
		return fmt.Errorf("a %s of %d bytes for a key of %d: %w", c.Op, len(c.Next), len(c.Key), fs.ErrInvalid)
	}
	one := r.all[c.Key]
	if one != nil && one.Op == opTell {
		return errRenewed
	}
	switch {
	case c.Op == opTell:
		r.set(c)
	case c.Op == opReserve && one != nil && one.Epoch != c.Over:
		return errReserved
	case c.Op == opReserve:
		c.Over = 0
		r.set(c)
	case one != nil && one.Epoch == c.Epoch:
		r.change(func() { delete(r.all, c.Key) })
	}
	return nil
}

// set sets the state of a login, in the place of the oldest if there are too many.
func (r *renewals) set(c renewal) {
	r.change(func() {
		r.count++
		delete(r.all, c.Key)
		if len(r.all) >= maxRenewals {
			delete(r.all, r.byOrder()[0].Key)
		}
		r.all[c.Key] = &renewed{c, r.count, r.now()}
	})
}

// byOrder returns all, the oldest first.
func (r *renewals) byOrder() []*renewed {
	return slices.SortedFunc(maps.Values(r.all), func(a, b *renewed) int { return cmp.Compare(a.order, b.order) })
}

// Snapshot implements journal.Machine.
func (r *renewals) Snapshot() iter.Seq[renewal] {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []renewal
	for _, one := range r.byOrder() {
		all = append(all, one.renewal)
	}
	return slices.Values(all)
}

// Reset implements cluster.Resetter.
func (r *renewals) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(func() { clear(r.all) })
}

// change makes a change; mu is held.
func (r *renewals) change(f func()) {
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}
