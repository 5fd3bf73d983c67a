package replica_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/journal"
)

// hooked is a connection whose calls a test looks at, or lets fail.
type hooked struct {
	*clustertest.Connection
	append   func(key string) // before an entry is sent; nil for nothing
	refused  chan struct{}    // if not nil, Follow sends when it is to return ErrOtherLog,
	followed chan struct{}    // and does not before this is closed
	save     func() error     // in place of a snapshot, if it returns an error
	reports  atomic.Int32     // that were sent
	hang     atomic.Bool      // lets the next report hang until its context ends,
	hangs    chan struct{}    // closed then,
	ended    chan struct{}    // and sent to afterwards
}

func (h *hooked) on(c *clustertest.Connection) replica.Store {
	h.Connection = c
	return h
}

func (h *hooked) Append(ctx context.Context, key string, data []byte) (uint64, error) {
	if h.append != nil {
		h.append(key)
	}
	return h.Connection.Append(ctx, key, data)
}

func (h *hooked) Follow(ctx context.Context, after uint64, f func(replica.Event) error) error {
	err := h.Connection.Follow(ctx, after, f)
	if h.refused != nil && errors.Is(err, cluster.ErrOtherLog) {
		h.refused <- struct{}{}
		<-h.followed
	}
	return err
}

func (h *hooked) Report(ctx context.Context, epoch, seq uint64) error {
	h.reports.Add(1)
	if h.hang.CompareAndSwap(true, false) {
		close(h.hangs)
		<-ctx.Done()
		h.ended <- struct{}{}
		return ctx.Err()
	}
	return h.Connection.Report(ctx, epoch, seq)
}

func (h *hooked) Save(ctx context.Context, s replica.Snapshot, trim []string, live []uint64) error {
	if h.save != nil {
		if err := h.save(); err != nil {
			return err
		}
	}
	return h.Connection.Save(ctx, s, trim, live)
}

// TestALeaseCountsFromWhatWasSent and not from the answer: the others count from
// when they have applied the beat, which may be long before that.
func TestALeaseCountsFromWhatWasSent(t *testing.T) {
	const late = time.Second // a beat is not due yet
	held := &hooked{}
	g := openOn(t, clustertest.NewMemory("a"), replica.Config{}, format, held.on)
	sent, answer := make(chan struct{}, 100), make(chan struct{})
	held.append = func(string) { sent <- struct{}{}; <-answer }
	joined := make(chan cluster.Member)
	go func() { joined <- g.join() }()
	<-sent
	g.clock.Advance(late)
	answer <- struct{}{}
	m := <-joined
	const most = replica.DefaultLease - replica.DefaultLease/6
	if left := m.Remaining(); left != most-late {
		t.Errorf("%v after it has asked to join it has %v", late, left)
	}
	until(t, "a beat was sent", func() bool { return len(sent) > 0 }, g)
	before := m.Remaining()
	g.clock.Advance(late / 2)
	if left := m.Remaining(); left != before-late/2 {
		t.Errorf("a beat without an answer has left it %v of %v", left, before)
	}
	answer <- struct{}{}
	until(t, "the beat counts", func() bool { return m.Remaining() > before })
	if left := m.Remaining(); left > most-late/2 {
		t.Errorf("%v after the beat was sent it has %v", late/2, left)
	}
	close(answer)
}

// TestASnapshotThatFailsIsNotTriedAtOnce, nor forgotten.
func TestASnapshotThatFailsIsNotTriedAtOnce(t *testing.T) {
	var tried atomic.Int32
	held := &hooked{save: func() error {
		if tried.Add(1) <= 2 {
			return cluster.ErrUnavailable
		}
		return nil
	}}
	log := clustertest.NewMemory("a")
	g := openOn(t, log, replica.Config{Entries: 10}, format, held.on)
	g.join()
	for n := range int32(2) {
		for range 20 {
			g.propose("x")
		}
		until(t, "it was tried", func() bool { return tried.Load() > n })
		for range 20 {
			g.propose("x")
		}
		if got := tried.Load(); got != n+1 {
			t.Fatalf("it was tried %d times, want %d", got, n+1)
		}
		at := g.clock.Now().Awake
		until(t, "some time has passed", func() bool { return g.clock.Now().Awake > at+replica.DefaultLease<<n }, g)
	}
	g.propose("x")
	until(t, "there is a snapshot", func() bool { return log.Len() < 40 })
}

// TestWhatASupersededSnapshotLeavesIsRemoved with the next one.
func TestWhatASupersededSnapshotLeavesIsRemoved(t *testing.T) {
	var tried atomic.Int32
	held := &hooked{save: func() error {
		if tried.Add(1) == 1 {
			return replica.ErrSuperseded
		}
		return nil
	}}
	log := clustertest.NewMemory("a")
	g := openOn(t, log, replica.Config{Entries: 30}, format, held.on)
	g.join()
	for tried.Load() < 2 {
		g.propose("x")
	}
	until(t, "all was removed", func() bool { return log.Len() < 30 })
}

// addMachine opens one more machine.
func addMachine(t *testing.T, g *gateway) {
	t.Helper()
	if _, err := cluster.Open(g.engine, "more", journal.Config[string]{Format: "more 1", Machine: &words{}}); err != nil {
		t.Fatal(err)
	}
}

// TestAnUpgradeNeedsNoOtherLog when it only adds to what is in the log: not while
// a gateway of the other version runs, but also after one was killed.
func TestAnUpgradeNeedsNoOtherLog(t *testing.T) {
	log := clustertest.NewMemory("a")
	old := open(t, log, replica.Config{}, format)
	old.join()
	old.propose("a")
	upgraded := func() *gateway {
		g := open(t, log, replica.Config{}, format)
		addMachine(t, g)
		return g
	}
	join := func(g *gateway) <-chan error {
		done := make(chan error, 1)
		go func() { _, err := g.engine.Join(t.Context()); done <- err }()
		return done
	}
	waitFor := func(done <-chan error, gateways ...*gateway) (err error) {
		until(t, "join returns", func() bool {
			select {
			case err = <-done:
				return true
			default:
				return false
			}
		}, gateways...)
		return err
	}
	early := upgraded()
	if err := waitFor(join(early), old, early); !errors.Is(err, cluster.ErrFormat) {
		t.Errorf("while the other version runs: %v", err)
	}
	old.kill()
	next := upgraded()
	if err := waitFor(join(next), next); err != nil {
		t.Fatalf("after it was killed: %v", err)
	}
	next.propose("b")
	if all, expelled := next.words.get(); all != "a b" || len(expelled) != 1 {
		t.Errorf("there is %q, and %v were expelled", all, expelled)
	}
	if _, err := open(t, log, replica.Config{}, format).engine.Join(t.Context()); !errors.Is(err, cluster.ErrFormat) {
		t.Errorf("the other version again: %v", err)
	}
}
