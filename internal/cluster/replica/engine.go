// Package replica applies the ordered log of a [Store] at each gateway: who is a
// member, which entries count, the states of all machines, and snapshots of
// them. It is a [cluster.Engine] and knows nothing of where the log is kept.
//
// The log also has the entries by which gateways join, are heard of (beats), and
// are expelled, so that all agree on who was a member at each entry. No clock
// decides anything when entries are applied. A member counts the time of its
// lease from the moment it has sent its last beat that counts; another
// proposes to expel it when that much time and a margin has passed since it
// applied that beat, and the proposal is void if a later beat precedes it.
package replica

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
)

// Defaults of Config.
const (
	DefaultLease    = 6 * time.Second
	DefaultEntries  = 1000
	DefaultLogBytes = 8 << 20
)

// Config configures an engine.
type Config struct {
	// Gateway names this gateway in lists for people.
	Gateway string
	// Dir is the folder in which the gateway remembers its name and the identity
	// of the log; nothing is remembered if it is empty. One process at a time uses it.
	Dir string
	// Lease is how long a member may be silent.
	Lease time.Duration
	// Boot identifies this start of this machine, or is empty if that is not known:
	// with the same one, and the same lock of Dir, the process before is certainly gone.
	// By default it is what the system tells.
	Boot string
	// Entries and LogBytes are how far the log grows before it is replaced by a
	// snapshot.
	Entries  int
	LogBytes int64
	Log      *slog.Logger
	Clock    Clock
}

// Engine implements cluster.Engine on a store. It owns the store.
type Engine struct {
	store  Store
	cfg    Config
	self   *self
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	joining sync.Mutex // held by Join

	mu       sync.Mutex // guards what follows; held while an entry is applied
	state    state
	changed  chan struct{} // closed with the next change of what AppliedByAll and Barrier wait for
	started  bool          // it follows the log
	closed   bool
	life     int                // counts the lives of the log, or of what was read of it
	living   context.Context    // ends with the life, and with Close
	endLife  context.CancelFunc // ends living
	attempt  int                // of Join
	member   *member
	failed   error // the log cannot be followed any more
	acked    acked
	refollow context.CancelFunc // ends the current call of Follow
	call     int                // counts those calls
	heard    map[uint64]Reading // when the last beat of an epoch was applied
	reported map[uint64]uint64  // by epoch
	due      uint64             // this gateway reports, or has reported, as far as this entry
	logged   map[string]uint64  // entries that the store has, by key
	lastKey  string             // of the last entry that was applied; empty if not known
	grown    growth             // since the last snapshot
	saving   backoff            // of snapshots
	tasks    map[string]bool    // what is done only once at a time
	// wasMember: this process has joined in this life of the log.
	wasMember  bool
	isCopied   bool    // another process works in the name of this one
	remembered Reading // when self was last told what is in the log of this gateway
}

// growth is that of the log.
type growth struct {
	entries int
	bytes   int64
}

// acked is the last entry that is known to be in the log.
type acked struct {
	seq uint64
	at  Reading
}

// New returns an engine on a store.
func New(store Store, c Config) (*Engine, error) {
	c.Lease = cmp.Or(c.Lease, DefaultLease)
	c.Entries = cmp.Or(c.Entries, DefaultEntries)
	c.LogBytes = cmp.Or(c.LogBytes, DefaultLogBytes)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = SystemClock()
	}
	c.Boot = cmp.Or(c.Boot, bootID())
	me, err := openSelf(c.Dir, c.Gateway, c.Boot)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		store: store, cfg: c, self: me,
		state:   newState(),
		changed: make(chan struct{}), heard: map[uint64]Reading{}, reported: map[uint64]uint64{},
		logged: map[string]uint64{}, tasks: map[string]bool{},
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.living, e.endLife = context.WithCancel(e.ctx)
	return e, nil
}

// Attach implements cluster.Engine.
func (e *Engine) Attach(name, format string, s cluster.State) (cluster.Shared, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.started || e.state.machines[name] != nil {
		return nil, errors.New("machines are opened once, and before this gateway joins")
	}
	e.state.machines[name] = s
	e.self.formats[name] = format
	return e, nil
}

// bound returns a context that also ends with the engine.
func (e *Engine) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(e.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// within returns a context that ends with the engine or when this much time of
// its clock has passed.
func (e *Engine) within(d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(e.ctx)
	e.wg.Go(func() {
		select {
		case <-e.cfg.Clock.After(d):
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, cancel
}

// notify wakes those who wait for a change; mu is held.
func (e *Engine) notify() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// Applied implements cluster.Engine.
func (e *Engine) Applied() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state.Seq
}

// Status implements cluster.Engine.
func (e *Engine) Status(ctx context.Context) (cluster.Status, error) {
	info, err := e.store.Info(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	s := cluster.Status{Engine: info.Engine, Bytes: info.Bytes, Unsafe: info.Unsafe, Identity: e.self.identity(), Seq: e.state.Seq, Entries: len(e.logged)}
	now := e.cfg.Clock.Now()
	for _, epoch := range e.state.epochs() {
		self := e.member != nil && e.member.epoch == epoch
		m := cluster.MemberStatus{Gateway: e.state.Members[epoch].Gateway, Epoch: epoch, Applied: e.reported[epoch], Self: self}
		if self {
			m.Applied = e.state.Seq
		}
		if at, ok := e.heard[epoch]; ok {
			m.Beat = now.least(at)
		}
		s.Members = append(s.Members, m)
	}
	return s, err
}

// Close implements cluster.Engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	m := e.member
	e.mu.Unlock()
	if m != nil && m.Remaining() > 0 {
		ctx, cancel := e.within(e.cfg.Lease / 3)
		if _, err := e.propose(ctx, envelope{Leave: true}); err != nil {
			e.cfg.Log.Warn("the other gateways could not be told that this one leaves, and wait for the end of its lease", "error", err)
		}
		cancel()
		if err := e.remember(m.life); err != nil {
			e.cfg.Log.Warn("what this gateway knows of the log that it shares with others cannot be kept", "error", err)
		}
	}
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	if m != nil {
		m.end()
	}
	e.cancel()
	e.wg.Wait()
	return errors.Join(e.store.Close(), e.self.close())
}

// once starts a task unless one of that name is under way; mu is held.
func (e *Engine) once(name string, task func()) {
	if e.closed || e.tasks[name] {
		return
	}
	e.tasks[name] = true
	e.wg.Go(func() {
		task()
		e.mu.Lock()
		delete(e.tasks, name)
		e.mu.Unlock()
	})
}
