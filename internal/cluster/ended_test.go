package cluster_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
)

// TestEnded: the last epoch of a gateway counts, and what is forgotten of many does not
// depend on the order in which they were added.
func TestEnded(t *testing.T) {
	one := cluster.Ended{}
	one.Add("a", 5)
	one.Add("a", 3)
	if !one.Has("a", 5) || one.Has("a", 6) || one.Has("b", 1) {
		t.Errorf("it knows %v", one)
	}
	forth, back := cluster.Ended{}, cluster.Ended{}
	for i := range 300 {
		forth.Add(fmt.Sprint("g", i), uint64(i/2+1))
	}
	for i := range 300 {
		i = 299 - i
		back.Add(fmt.Sprint("g", i), uint64(i/2+1))
	}
	if !maps.Equal(forth, back) || len(forth) != cluster.MaxEnded {
		t.Errorf("%d and %d are known, %v", len(forth), len(back), slices.Sorted(maps.Keys(forth)))
	}
	if !forth.Has("g299", 150) || forth.Has("g0", 1) {
		t.Error("it has not forgotten the earliest")
	}
}
