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
	if err := g.log.AppliedByAll(g.t.Context(), g.propose(word)); err != nil {
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
	for _, g := range []*gateway{a, b} {
		g.clock.Advance(replica.DefaultLease / 24) // a beat is not due yet
	}
	until(t, "it is known", func() bool { return len(known) == cap(known) })
	for range cap(known) {
		if err := <-known; err != nil {
			t.Error(err)
		}
	}
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
	<-a.member.Lost()
	<-b.member.Lost()
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
