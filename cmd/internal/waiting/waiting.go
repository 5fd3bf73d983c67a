// Package waiting is what the gateways of one share know of files that wait at one
// of them to be stored: serve --write-back.
//
// A file is announced in the log before its writer is answered, and withdrawn when it
// is stored. Until then its name is closed to changes at the other gateways, which
// show what the announcement tells of it, and for its content ask the gateway that
// has it, by an entry, to store it now. What waits at a gateway that does not run
// goes on waiting, until that runs again or somebody gives it up. A gateway that
// comes back with what was given up keeps both: it looks, while the name is reserved,
// whether the store still has what the file was to replace.
//
// In machine.go is the state, in worker.go what keeps it in line with the queue of
// this gateway.
package waiting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

const (
	// patience is how long a request waits for what another gateway has, and
	// askAgain after which time that is asked for once more.
	patience = 5 * time.Second
	askAgain = 2 * time.Second
	// maxFiles is how many files wait at all gateways together, but for a few of
	// uploads at the same time. Each is in the memory of all and in snapshots.
	maxFiles = 10_000
	// lingers is how long a gateway that was expelled may still store something:
	// as long as a link for an upload is good.
	lingers = 30 * time.Minute
	// retryAfter is when a client is told to come back, and retrySlow where a
	// person has to do something.
	retryAfter = 2 * time.Second
	retrySlow  = 30 * time.Second
)

// A Member is the membership of this gateway.
type Member interface {
	Gateway() string
	Epoch() uint64
}

// A Reserve keeps a path from all requests until release is called, and reports whether
// somebody has a lock on it.
type Reserve func(ctx context.Context, path string) (release func(), locked bool, err error)

// Options are what Open needs. To look at a cluster only, Engine is enough.
type Options struct {
	Engine cluster.Engine
	// Member returns the current membership; nil without one.
	Member func() Member
	// Forget drops what this gateway has cached of a name in the store. It must
	// return soon.
	Forget func(name string)
	Log    *slog.Logger

	Now   func() time.Time                       // nil: time.Now
	After func(d time.Duration) <-chan time.Time // nil: time.After
}

// A Table is what this gateway knows of files that wait. It is safe for concurrent
// use, and the vfs.Gateways of this gateway's file system.
type Table struct {
	o    Options
	log  cluster.Log[change]
	kick chan struct{} // wakes Run

	passing sync.Mutex // one pass at a time

	mu      sync.Mutex // guards what follows
	state   state
	changed chan struct{} // closed with the next change of the state, of busy and of ready

	// What follows is not a part of the state.
	local   vfs.Local // the queue of this gateway; nil without one
	reserve Reserve
	self    Owner                // of this gateway, once it is a member
	ready   uint64               // the epoch in which the queue and the state were compared; 0: none
	busy    map[string]int       // names that are being announced
	dirty   map[string]bool      // names of which queue and state may differ
	asked   map[string]bool      // names that others ask this gateway for
	renamed map[string]string    // names that are not withdrawn before others are announced
	away    map[string]time.Time // when gateways were expelled, as seen from here
	began   time.Time            // when this gateway began to see that
}

var _ vfs.Gateways = (*Table)(nil)

// Open opens the table, before the gateway joins.
func Open(o Options) (*Table, error) {
	if o.Member == nil {
		o.Member = func() Member { return nil }
	}
	if o.Forget == nil {
		o.Forget = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	t := &Table{
		o: o, kick: make(chan struct{}, 1), changed: make(chan struct{}),
		busy: map[string]int{}, dirty: map[string]bool{}, asked: map[string]bool{}, renamed: map[string]string{},
	}
	machine{t}.Reset()
	var err error
	t.log, err = cluster.Open(o.Engine, "waiting", journal.Config[change]{Format: "waiting 1", Machine: machine{t}})
	return t, err
}

// Check is called after each Join, with whether this gateway keeps uploads back. It
// is ErrOtherMode if the first one of the cluster has said otherwise.
func (t *Table) Check(ctx context.Context, on bool) error {
	t.mu.Lock()
	decided, is := t.state.decided, t.state.on
	t.mu.Unlock()
	switch {
	case decided && is != on:
		return ErrOtherMode
	case decided:
		return nil
	}
	_, err := t.log.Propose(ctx, change{Op: opMode, On: on}, journal.Options{})
	return err
}

// ReserveBy says how a name is kept from all requests while it is announced for what
// was queued without their knowledge.
func (t *Table) ReserveBy(reserve Reserve) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reserve = reserve
}

// Files returns the files that wait, by name.
func (t *Table) Files() (all []File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.sorted() {
		all = append(all, f.File)
	}
	return all
}

// Forget gives up what waits at a gateway that does not run, and returns when all
// members know that. It is ErrRuns or ErrNothing if there is nothing to give up.
func (t *Table) Forget(ctx context.Context, gateway string) error {
	seq, err := t.log.Propose(ctx, change{Op: opForget, Owner: Owner{Gateway: gateway}}, journal.Options{})
	if err != nil {
		return err
	}
	return t.log.AppliedByAll(ctx, seq)
}

// Attach implements vfs.Gateways.
func (t *Table) Attach(q vfs.Local) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.local = q
}

// Announce implements vfs.Gateways. All members know of the file when a later entry
// is applied by all of them, such as the one that a request ends with.
func (t *Table) Announce(ctx context.Context, f vfs.Waiting) (done func(), err error) {
	t.mu.Lock()
	epoch, self := t.ready, t.self
	t.busy[f.Name]++
	full := len(t.state.files) >= maxFiles
	t.mu.Unlock()
	done = func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.busy[f.Name]--; t.busy[f.Name] == 0 {
			delete(t.busy, f.Name)
		}
		t.soil(f.Name)
		t.notify()
	}
	if err := t.Current(); err != nil {
		return done, err
	}
	if full {
		return done, vfs.ErrFull
	}
	_, err = t.log.Propose(ctx, change{Op: opWait, Owner: self, Epoch: epoch, File: &f}, journal.Options{})
	if err != nil && !errors.Is(err, vfs.ErrWaits) {
		err = &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the other gateways cannot be told that it waits here: %v", err), RetryAfter: retryAfter}
	}
	return done, err
}

// Changed implements vfs.Gateways.
func (t *Table) Changed(names ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.soil(names...)
}

// Renamed implements vfs.Gateways.
func (t *Table) Renamed(from, to string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renamed[from] = to
	t.soil(from, to)
}

// soil has Run look at names; t.mu is held.
func (t *Table) soil(names ...string) {
	for _, name := range names {
		t.dirty[name] = true
	}
	t.Wake()
}

// Owns implements vfs.Gateways.
func (t *Table) Owns(name string) bool {
	if t.o.Member() == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.state.files[name]
	return f != nil && t.isOwn(f) && !f.GivenUp
}

// isOwn reports whether a file waits in the queue of this gateway, as the log has it.
func (t *Table) isOwn(f *file) bool { return t.local != nil && f.Owner == t.self }

// Current implements vfs.Gateways.
func (t *Table) Current() error {
	m := t.o.Member()
	t.mu.Lock()
	defer t.mu.Unlock()
	if m == nil || t.ready == 0 || m.Epoch() != t.ready {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "this gateway cannot ask the others what waits there to be stored", RetryAfter: retryAfter}
	}
	return nil
}

// Elsewhere implements vfs.Gateways.
func (t *Table) Elsewhere(name string) (vfs.Waiting, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.state.files[name]; f != nil && t.isElsewhere(f) {
		return f.Waiting, true
	}
	return vfs.Waiting{}, false
}

func (t *Table) isElsewhere(f *file) bool { return !t.isOwn(f) && !f.GivenUp }

// In implements vfs.Gateways.
func (t *Table) In(folder string) (all []vfs.Waiting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, f := range t.state.files {
		if path.Dir(name) == folder && t.isElsewhere(f) {
			all = append(all, f.Waiting)
		}
	}
	return all
}

// Settle implements vfs.Gateways.
func (t *Table) Settle(ctx context.Context, names ...string) error {
	var timeout <-chan time.Time
	for {
		if err := t.Current(); err != nil {
			return err
		}
		waits, changed := t.within(names)
		if len(waits) == 0 {
			return nil
		}
		if timeout == nil {
			timeout = t.o.After(patience)
		}
		ask, err := t.toAsk(waits)
		if err != nil {
			return err
		}
		if len(ask) > 0 {
			// If that fails, this request is as if it had not been asked for.
			_, _ = t.log.Propose(ctx, change{Op: opAsk, Names: ask}, journal.Options{})
		}
		select {
		case <-changed:
		case <-timeout:
			return refusal(waits[0], "takes longer to be stored than expected; try again", retryAfter)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// within returns the files at and below the names that are in the way of a change,
// and a channel that is closed when that may have changed.
func (t *Table) within(names []string) (waits []File, changed <-chan struct{}) {
	t.mu.Lock()
	var own []File
	changed = t.changed
	for at, f := range t.state.files {
		switch {
		case !slices.ContainsFunc(names, func(name string) bool { return backend.Within(at, name) }):
		case !t.isOwn(f) && f.GivenUp && t.isOver(f):
		case !t.isOwn(f):
			waits = append(waits, f.File)
		case t.busy[at] == 0:
			own = append(own, f.File)
		}
	}
	local := t.local
	t.mu.Unlock()
	for _, f := range own {
		if _, queued := local.File(f.Name); !queued { // the others are still told that it waits
			waits = append(waits, f)
			t.Changed(f.Name)
		}
	}
	return waits, changed
}

// isOver reports whether the gateway of a file that was given up can store it no
// more; t.mu is held.
func (t *Table) isOver(f *file) bool {
	since, ok := t.away[f.Owner.Gateway]
	if !ok {
		since = t.began
	}
	return t.state.here[f.Owner.Gateway] == 0 && t.o.Now().Sub(since) >= lingers
}

// toAsk returns the names of files that are to be asked for, or an error if that is
// in vain.
func (t *Table) toAsk(waits []File) (ask []string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.o.Now()
	for _, w := range waits {
		f := t.state.files[w.Name]
		switch {
		case f == nil || t.isOwn(f):
		case f.GivenUp:
			return nil, refusal(f.File, "was given up, and may still be stored by that gateway until half an hour after it ended", retrySlow)
		case t.state.here[f.Owner.Gateway] == 0:
			return nil, refusal(f.File, "does not run: start it again with its state folder, or, if it is gone for good, give up what waits there with davdisk cluster forget", retrySlow)
		case f.asked.IsZero() || now.Sub(f.asked) >= askAgain:
			f.asked = now
			ask = append(ask, f.Name)
		}
		if len(ask) == maxNames {
			break
		}
	}
	return ask, nil
}

// refusal answers a request for a file that waits.
func refusal(f File, what string, again time.Duration) error {
	words := fmt.Sprintf("%q waits at the gateway %s, which %s", path.Base(f.Name), f.Owner.Gateway, what)
	if f.GivenUp {
		words = fmt.Sprintf("%q waited at the gateway %s, %s", path.Base(f.Name), f.Owner.Gateway, what)
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: words, RetryAfter: again}
}

// notify wakes those who wait for a change; t.mu is held.
func (t *Table) notify() {
	close(t.changed)
	t.changed = make(chan struct{})
}
