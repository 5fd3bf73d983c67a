package replica_test

import (
	"slices"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/journal"
)

// awaited proposes a word, and returns when all have applied it.
func (g *gateway) awaited(word string) {
	g.t.Helper()
	ctx, cancel := g.limited()
	defer cancel()
	if err := g.log.AppliedByAll(ctx, g.propose(word)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) unawaited(word string) uint64 {
	g.t.Helper()
	seq, err := g.log.Propose(g.t.Context(), word, journal.Options{Unawaited: true})
	if err != nil {
		g.t.Fatal(err)
	}
	return seq
}

// TestReportsAreForThoseWhoWait: not for the gateway itself, and not where nobody waits.
// Who waits nevertheless waits until the next look at the clock.
func TestReportsAreForThoseWhoWait(t *testing.T) {
	log := clustertest.NewMemory("a")
	var sent [2]hooked
	a, b := openOn(t, log, replica.Config{}, format, sent[0].on), openOn(t, log, replica.Config{}, format, sent[1].on)
	a.join()
	b.join()
	a.awaited("a")
	b.awaited("b")
	before := [2]int32{sent[0].reports.Load(), sent[1].reports.Load()}
	const times = 5
	for range times {
		b.unawaited("unawaited")
		a.awaited("awaited")
		a.unawaited("unawaited")
	}
	for i, want := range []int32{0, times} {
		if got := sent[i].reports.Load() - before[i]; got != want {
			t.Errorf("gateway %d has reported %d times, want %d", i, got, want)
		}
	}
	own, last := a.propose("own"), a.unawaited("unawaited")
	until(t, "both have applied it", func() bool { return a.engine.Applied() >= last && b.engine.Applied() >= last })
	known := make(chan error, 2)
	go func() { known <- a.log.AppliedByAll(t.Context(), last) }()
	go func() { known <- b.log.AppliedByAll(t.Context(), own) }()
	until(t, "it is known", func() bool { return len(known) == cap(known) }, a, b)
	for range cap(known) {
		if err := <-known; err != nil {
			t.Error(err)
		}
	}
}

// TestNobodyReportsABeat at once: nobody waits for it.
func TestNobodyReportsABeat(t *testing.T) {
	log := clustertest.NewMemory("a")
	var sent hooked
	a, b := open(t, log, replica.Config{}, format), openOn(t, log, replica.Config{}, format, sent.on)
	a.join()
	b.join()
	a.awaited("before")
	before, entries := sent.reports.Load(), log.Len()
	const times = 2 // with more, the other one would be expelled
	for i := range times {
		a.clock.Advance(replica.DefaultLease / 3)
		until(t, "the beat is there", func() bool { return log.Len() > entries+2*i })
		until(t, "it is applied", func() bool {
			return b.engine.Applied() >= a.engine.Applied() && a.member.Remaining() > replica.DefaultLease/2
		})
		a.awaited("after")
	}
	if got := sent.reports.Load() - before; got != times {
		t.Errorf("%d entries and as many beats are reported %d times", times, got)
	}
}

// end waits until a membership has ended.
func (g *gateway) end() {
	g.t.Helper()
	ctx, cancel := g.limited()
	defer cancel()
	select {
	case <-g.member.Lost():
	case <-ctx.Done():
		g.t.Fatal("the membership does not end")
	}
}

// TestAReportEndsWithItsLife: one that hangs, and would be sent in the next life.
func TestAReportEndsWithItsLife(t *testing.T) {
	log := clustertest.NewMemory("a")
	sent := hooked{hangs: make(chan struct{}), ended: make(chan struct{}, 1)}
	c := func() replica.Config { return replica.Config{Dir: t.TempDir()} }
	a, b := open(t, log, c(), format), openOn(t, log, c(), format, sent.on)
	a.join()
	b.join()
	a.awaited("before")
	sent.hang.Store(true)
	a.propose("hangs")
	ctx, cancel := a.limited()
	defer cancel()
	select {
	case <-sent.hangs:
	case <-ctx.Done():
		t.Fatal("it is not reported")
	}
	log.Replace(replica.Identity{ID: "b", Replaces: "a"})
	a.end()
	b.end()
	a.join()
	b.join()
	select {
	case <-sent.ended:
	case <-ctx.Done():
		t.Fatal("it does not end")
	}
	a.awaited("after")
}

// TestReportsOfAnotherLife: members may have the same epochs in it, and its entries
// begin with small numbers again.
func TestReportsOfAnotherLife(t *testing.T) {
	log := clustertest.NewMemory("a")
	var sent hooked
	c := func() replica.Config { return replica.Config{Dir: t.TempDir()} }
	a, b := open(t, log, c(), format), openOn(t, log, c(), format, sent.on)
	first := []uint64{a.join().Epoch(), b.join().Epoch()}
	for range 20 {
		a.awaited("before")
	}
	log.Replace(replica.Identity{ID: "b", Replaces: "a"})
	a.end()
	b.end()
	if second := []uint64{a.join().Epoch(), b.join().Epoch()}; !slices.Equal(first, second) {
		t.Fatalf("the epochs are %v, and were %v", second, first)
	}
	before := sent.reports.Load()
	const times = 5
	for range times {
		a.awaited("after")
	}
	if got := sent.reports.Load() - before; got > times+1 { // one may be that of having joined
		t.Errorf("%d entries are reported %d times", times, got)
	}
}
