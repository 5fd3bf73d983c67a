package replica_test

import (
	"slices"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// awaited proposes a word, and returns when all have applied it.
func (g *gateway) awaited(word string) {
	g.t.Helper()
	if err := g.log.AppliedByAll(g.t.Context(), g.propose(word)); err != nil {
		g.t.Fatal(err)
	}
}

// TestReportsOfAnotherLife: members may have the same epochs in it, and its entries
// begin with small numbers again.
func TestReportsOfAnotherLife(t *testing.T) {
	log := clustertest.NewMemory("a")
	c := func() replica.Config { return replica.Config{Dir: t.TempDir()} }
	a, b := open(t, log, c(), format), open(t, log, c(), format)
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
	a.awaited("after")
}
