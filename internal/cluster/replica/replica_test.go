package replica_test

import (
	"context"
	"errors"
	"iter"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/internal/testwait"
)

// words is a machine that keeps what it is told, and who was expelled.
type words struct {
	mu       sync.Mutex
	all      []string
	expelled []uint64
}

func (w *words) Apply(word string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if word == "unknown" {
		return journal.ErrEntry
	}
	w.all = append(w.all, word)
	return nil
}

func (w *words) Snapshot() iter.Seq[string] { return slices.Values(slices.Clone(w.all)) }

func (w *words) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = nil
}

func (w *words) Expelled(_ string, epoch uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expelled = append(w.expelled, epoch)
}

func (w *words) get() (all string, expelled []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.all, " "), slices.Clone(w.expelled)
}

// gateway is an engine with one machine, its clock and connection.
type gateway struct {
	t          *testing.T
	engine     *replica.Engine
	log        cluster.Log[string]
	words      *words
	clock      *clustertest.Clock
	connection *clustertest.Connection
	member     cluster.Member // the last one
	isCut      bool
}

func open(t *testing.T, log *clustertest.Memory, c replica.Config, format string) *gateway {
	t.Helper()
	return openOn(t, log, c, format, func(c *clustertest.Connection) replica.Store { return c })
}

// openOn opens a gateway on what wrap makes of its connection.
func openOn(t *testing.T, log *clustertest.Memory, c replica.Config, format string, wrap func(*clustertest.Connection) replica.Store) *gateway {
	t.Helper()
	g := &gateway{t: t, words: &words{}, clock: &clustertest.Clock{}, connection: log.Connect(1, false)}
	c.Clock = g.clock
	var err error
	if g.engine, err = replica.New(wrap(g.connection), c); err != nil {
		t.Fatal(err)
	}
	if g.log, err = cluster.Open(g.engine, "words", journal.Config[string]{Format: format, Machine: g.words}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.kill)
	return g
}

// kill closes the gateway without a word to the others.
func (g *gateway) kill() {
	g.connection.Cut(true)
	stop := make(chan struct{})
	go func() { defer close(stop); g.engine.Close() }()
	for {
		select {
		case <-stop:
			return
		case <-time.After(time.Millisecond):
			g.clock.Advance(time.Second)
		}
	}
}

func (g *gateway) join() cluster.Member {
	g.t.Helper()
	ctx, cancel := g.limited()
	defer cancel()
	m, err := g.engine.Join(ctx)
	if err != nil {
		g.t.Fatal(err)
	}
	g.member = m
	return m
}

// cut cuts the gateway off, or heals that.
func (g *gateway) cut(cut bool) {
	g.isCut = cut
	g.connection.Cut(cut)
}

// keepsUp reports whether the gateway is not about to lose its membership only
// because its clock is moved faster than it runs: three seconds without a beat, of
// which one is due every two, and a lease of six.
func (g *gateway) keepsUp() bool {
	if g.isCut || g.member == nil {
		return true
	}
	left := g.member.Remaining()
	return left == 0 || left > 2*time.Second
}

// limited returns a context for what hangs if it is broken.
func (g *gateway) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(g.t.Context(), testwait.Limit(g.t))
}

func (g *gateway) propose(word string) uint64 {
	g.t.Helper()
	seq, err := g.log.Propose(g.t.Context(), word, journal.Options{})
	if err != nil {
		g.t.Fatal(err)
	}
	return seq
}

// until moves the clocks of gateways until a condition holds, no faster than those
// that are not cut off can follow.
func until(t *testing.T, what string, condition func() bool, gateways ...*gateway) {
	t.Helper()
	for deadline := time.Now().Add(testwait.Limit(t)); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it was never so that %s", what)
		}
		if slices.ContainsFunc(gateways, func(g *gateway) bool { return !g.keepsUp() }) {
			continue
		}
		for _, g := range gateways {
			g.clock.Advance(50 * time.Millisecond)
		}
	}
}

func members(t *testing.T, g *gateway) int {
	t.Helper()
	s, err := g.engine.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(s.Members)
}

const format = "words 1"

func TestNothingIsProposedByWhoIsNoMember(t *testing.T) {
	g := open(t, clustertest.NewMemory("a"), replica.Config{}, format)
	if _, err := g.log.Propose(t.Context(), "a", journal.Options{}); !errors.Is(err, cluster.ErrNotJoined) {
		t.Errorf("before Join: %v", err)
	}
	m := g.join()
	if again := g.join(); again != m {
		t.Error("a member joined once more")
	}
	g.propose("a")
	if _, err := g.log.Propose(t.Context(), strings.Repeat("x", cluster.MaxEntry), journal.Options{}); !errors.Is(err, cluster.ErrTooLarge) {
		t.Errorf("a large entry: %v", err)
	}
	g.clock.Suspend(time.Hour)
	if m.Remaining() != 0 {
		t.Error("an hour of suspension does not count")
	}
	<-m.Lost()
	if _, err := g.log.Propose(t.Context(), "b", journal.Options{}); !errors.Is(err, cluster.ErrExpelled) {
		t.Errorf("after it was lost: %v", err)
	}
	if next := g.join(); next.Epoch() <= m.Epoch() || next.Gateway() != m.Gateway() {
		t.Errorf("epoch %d of %s follows %d of %s", next.Epoch(), next.Gateway(), m.Epoch(), m.Gateway())
	}
	g.propose("c")
	if all, expelled := g.words.get(); all != "a c" || !slices.Equal(expelled, []uint64{m.Epoch()}) {
		t.Errorf("there is %q, expelled were %v", all, expelled)
	}
}

// TestWhoIsAwakeExpelsWhoIsSilent: the one that is cut off notices before.
func TestWhoIsAwakeExpelsWhoIsSilent(t *testing.T) {
	log := clustertest.NewMemory("a")
	a, b := open(t, log, replica.Config{}, format), open(t, log, replica.Config{}, format)
	a.join()
	m := b.join()
	until(t, "a knows of b", func() bool { return members(t, a) == 2 })
	b.cut(true)
	late := make(chan error, 1)
	go func() {
		_, err := b.log.Propose(t.Context(), "late", journal.Options{})
		late <- err
	}()
	until(t, "b was expelled", func() bool {
		gone := members(t, a) == 1
		if gone && m.Remaining() > 0 {
			t.Fatal("it was expelled while it relied on its lease")
		}
		return gone
	}, a, b)
	if err := <-late; err == nil || errors.Is(err, cluster.ErrUnknownOutcome) {
		t.Errorf("a proposal that was never sent: %v", err)
	}
	seq := a.propose("a")
	if err := a.log.AppliedByAll(t.Context(), seq); err != nil {
		t.Errorf("one that is expelled is waited for: %v", err)
	}
	b.cut(false)
	b.join()
	if err := b.log.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, expelled := b.words.get(); all != "a" || !slices.Equal(expelled, []uint64{m.Epoch()}) {
		t.Errorf("b has %q and knows that %v were expelled", all, expelled)
	}
}

func TestAllWaitForEachMember(t *testing.T) {
	log := clustertest.NewMemory("a")
	a, b := open(t, log, replica.Config{}, format), open(t, log, replica.Config{}, format)
	a.join()
	b.join()
	seq := a.propose("a")
	if err := a.log.AppliedByAll(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	if all, _ := b.words.get(); all != "a" {
		t.Errorf("b has %q", all)
	}
	b.cut(true)
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	next := a.propose("b")
	go func() { waited <- a.log.AppliedByAll(ctx, next) }()
	cancel()
	if err := <-waited; !errors.Is(err, cluster.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("one that cannot be reached is not waited for: %v", err)
	}
}

func TestARestartedGatewayIsItself(t *testing.T) {
	log, dir := clustertest.NewMemory("a"), t.TempDir()
	first := open(t, log, replica.Config{Dir: dir, Boot: "boot"}, format)
	was := first.join()
	first.propose("a")
	if _, err := replica.New(log.Connect(1, false), replica.Config{Dir: dir}); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("two processes in one folder: %v", err)
	}
	first.kill()
	second := open(t, log, replica.Config{Dir: dir, Boot: "boot"}, format)
	is := second.join()
	if is.Gateway() != was.Gateway() || is.Epoch() <= was.Epoch() {
		t.Errorf("%s %d was %s %d", is.Gateway(), is.Epoch(), was.Gateway(), was.Epoch())
	}
	if all, expelled := second.words.get(); all != "a" || !slices.Equal(expelled, []uint64{was.Epoch()}) {
		t.Errorf("there is %q, expelled were %v", all, expelled)
	}
}

// TestAPasserByIsCalledLikeNoGateway: one without a folder, as a command is, has a name
// that none with a folder has, whatever that is given.
func TestAPasserByIsCalledLikeNoGateway(t *testing.T) {
	called := func(name, dir string) string {
		g := open(t, clustertest.NewMemory("a"), replica.Config{Gateway: name, Dir: dir}, format)
		return g.join().Gateway()
	}
	passing := regexp.MustCompile(`^forget [0-9a-f]{8}$`)
	by := called("forget", "")
	if !passing.MatchString(by) {
		t.Errorf("it is called %q", by)
	}
	for _, name := range []string{"forget", by, ""} {
		if is := called(name, t.TempDir()); passing.MatchString(is) {
			t.Errorf("as %q a gateway is called %q", name, is)
		}
	}
}

func TestOtherFormatsAreRefused(t *testing.T) {
	log := clustertest.NewMemory("a")
	open(t, log, replica.Config{}, format).join()
	if _, err := open(t, log, replica.Config{}, "words 2").engine.Join(t.Context()); !errors.Is(err, cluster.ErrFormat) {
		t.Errorf("another format: %v", err)
	}
}

func TestWhoDoesNotKnowAnEntryStops(t *testing.T) {
	g := open(t, clustertest.NewMemory("a"), replica.Config{}, format)
	m := g.join()
	if _, err := g.log.Propose(t.Context(), "unknown", journal.Options{}); err == nil {
		t.Error("it was applied")
	}
	<-m.Lost()
	if _, err := g.engine.Join(t.Context()); !errors.Is(err, cluster.ErrFormat) {
		t.Errorf("join: %v", err)
	}
}

func TestAnotherLifeIsNotTakenForThisOne(t *testing.T) {
	log := clustertest.NewMemory("a")
	g := open(t, log, replica.Config{Dir: t.TempDir()}, format)
	m := g.join()
	g.propose("a")
	log.Replace(replica.Identity{ID: "b"})
	<-m.Lost()
	if _, err := g.engine.Join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("another log: %v", err)
	}
	log.Replace(replica.Identity{ID: "a"}) // restored from an old copy
	if _, err := g.engine.Join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("an old copy: %v", err)
	}
	log.Replace(replica.Identity{ID: "c", Replaces: "a"})
	g.join()
	g.propose("b")
	if all, _ := g.words.get(); all != "b" {
		t.Errorf("there is %q", all)
	}
}

// TestASnapshotTakesTheLogsPlace also for a gateway that was away, and leaves what a
// member has not applied.
func TestASnapshotTakesTheLogsPlace(t *testing.T) {
	log := clustertest.NewMemory("a")
	c := replica.Config{Entries: 10}
	a, b := open(t, log, c, format), open(t, log, c, format)
	a.join()
	b.join()
	want := []string{"first"}
	if err := a.log.AppliedByAll(t.Context(), a.propose("first")); err != nil {
		t.Fatal(err)
	}
	b.cut(true)
	for _, word := range strings.Split(strings.Repeat("x", 30), "") {
		a.propose(word)
		want = append(want, word)
	}
	between := open(t, log, c, format) // has a snapshot, and entries before and after it
	between.join()
	until(t, "a knows of it", func() bool { return members(t, a) == 3 })
	if log.Len() < 25 {
		t.Errorf("what a member has not applied was removed: %d entries are left", log.Len())
	}
	until(t, "b was expelled", func() bool { return members(t, a) == 2 }, a, b, between)
	for log.Len() > 20 {
		// What others have not applied is not removed, so it must not run ahead of them.
		if err := a.log.AppliedByAll(t.Context(), a.propose("y")); err != nil {
			t.Fatal(err)
		}
		want = append(want, "y")
	}
	b.cut(false)
	b.join()
	late := open(t, log, c, format)
	late.join()
	for _, g := range []*gateway{a, b, between, late} {
		if err := g.log.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all, _ := g.words.get(); all != strings.Join(want, " ") {
			t.Errorf("there is %q, not %q", all, want)
		}
	}
}
