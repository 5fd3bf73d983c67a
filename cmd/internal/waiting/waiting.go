// Package waiting is what the gateways of one share know of files that wait at one
// of them to be stored: serve --write-back.
//
// A file is announced in the log before its writer is answered, and withdrawn when it
// is stored. Until then its name is closed to changes at the other gateways, which
// show what the announcement tells of it, and for its content ask the gateway that
// has it, by an entry, to store it now. What waits at a gateway that does not run
// goes on waiting, until that runs again or somebody gives it up. What is given up is
// shown no more, and its name is free when it can be stored no more. A gateway that
// comes back with it keeps both: it looks, while the name is reserved, whether the
// store still has what the file was to replace.
//
// A gateway withdraws only what it knows to be stored or removed. What was announced in
// its name and is not in its folder, as if that was restored from a copy, is lost: it
// waits nowhere, and goes on being told until somebody gives it up.
//
// In machine.go is the state, in settle.go who waits for it, in worker.go what keeps it
// in line with the queue of this gateway, in adopt.go what becomes of files that the two
// did not know of each other.
package waiting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/internal/unsettled"
	"github.com/davdisk/davdisk/vfs"
)

const (
	// maxFiles is how many files wait at all gateways together. Each is in the
	// memory of all and in snapshots.
	maxFiles = 10_000
	// lingers is how long a gateway that was expelled may still store something.
	lingers = unsettled.Window
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
	// Learn drops what this gateway has cached of a name in the store. version is
	// what another gateway has stored there, "" if that is not known. It must return
	// soon.
	Learn func(name, version string)
	Log   *slog.Logger

	Now   func() time.Time                       // nil: time.Now
	After func(d time.Duration) <-chan time.Time // nil: time.After
}

// A Table is what this gateway knows of files that wait. It is safe for concurrent
// use, and the vfs.Gateways of this gateway's file system.
type Table struct {
	o    Options
	log  cluster.Log[change]
	kick chan struct{} // wakes Run
	look chan struct{} // wakes the part of Run that asks the store

	passing  sync.Mutex // held by Tell
	adopting sync.Mutex // held by what reserves names and asks the store

	mu      sync.Mutex // guards what follows
	state   state
	changed chan struct{} // closed with the next change of the state, of busy and of ready

	// What follows is not a part of the state.
	local    vfs.Local // the queue of this gateway; nil without one
	reserve  Reserve
	stop     context.CancelFunc   // ends what adopting guards; nil before the first time
	self     Owner                // of this gateway, once it is a member
	ready    uint64               // the epoch in which the queue and the state were compared; 0: none
	compared bool                 // they were once
	began    time.Time            // when this gateway began to see the following
	away     map[string]time.Time // when gateways were expelled, or came with another folder, as seen from here
	life     uint64               // how often the state was begun anew
	busy     map[string]int       // names that are being announced
	dirty    map[string]bool      // names of which queue and state may differ
	unsure   map[string]uint64    // announcements in the name of this gateway that it has not made
	removed  map[string]string    // IDs up to which what was queued here is not going to be stored
	strange  map[string]bool      // names that are queued here, and the others do not know of
	asked    map[string]bool      // names that others ask this gateway for
	renamed  map[string]string    // names that are not withdrawn before others are announced
}

var _ vfs.Gateways = (*Table)(nil)

// Open opens the table, before the gateway joins.
func Open(o Options) (*Table, error) {
	if o.Member == nil {
		o.Member = func() Member { return nil }
	}
	if o.Learn == nil {
		o.Learn = func(string, string) {}
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
		o: o, kick: make(chan struct{}, 1), look: make(chan struct{}, 1), changed: make(chan struct{}),
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

// Files returns the files that wait, by name.
func (t *Table) Files() (all []File) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.sorted() {
		all = append(all, f.File)
	}
	return all
}

// Compared reports whether the queue of this gateway was compared with the log once.
func (t *Table) Compared() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.compared
}

// Runs reports whether a gateway is a member, with the folder that has what waits.
func (t *Table) Runs(o Owner) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state.runs(o)
}

// Forget gives up what waits at a gateway that does not run, or in a folder that it
// does not run with, and returns when all members know that. It is ErrRuns or
// ErrNothing if there is nothing to give up.
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
	_, err = t.log.Propose(ctx, change{Op: opWait, Owner: self, Epoch: epoch, Files: []announced{{Waiting: f}}}, journal.Options{})
	if err != nil && !errors.Is(err, vfs.ErrWaits) && !errors.Is(err, vfs.ErrFull) {
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
	for first, then := range t.renamed {
		if then == from {
			t.renamed[first] = to
		}
	}
	t.soil(from, to)
}

// soil has Run look at names; t.mu is held.
func (t *Table) soil(names ...string) {
	for _, name := range names {
		t.dirty[name] = true
	}
	wake(t.kick)
}

// Owns implements vfs.Gateways.
func (t *Table) Owns(name string) bool {
	m := t.o.Member()
	t.mu.Lock()
	defer t.mu.Unlock()
	if m == nil || m.Epoch() != t.ready {
		return false
	}
	f := t.state.files[name]
	return f != nil && t.isOwn(f) && !f.GivenUp
}

// isOwn reports whether a file waits in the queue of this gateway, as the log has it.
func (t *Table) isOwn(f *file) bool {
	return t.local != nil && f.Owner == t.self && t.unsure[f.Name] != f.Number
}

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

// Lost is called when the membership has ended: others may store to its names soon.
func (t *Table) Lost() {
	t.mu.Lock()
	local := t.local
	t.mu.Unlock()
	if local != nil {
		local.Halt()
	}
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

// notify wakes those who wait for a change; t.mu is held.
func (t *Table) notify() {
	close(t.changed)
	t.changed = make(chan struct{})
}
