package cmd

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testwait"
)

func TestGrowthOfTheHeap(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 400, 1: 400, 1 << 20: 400, 4 << 20: 300, 8 << 20: 100, 10 << 20: 60, 11 << 20: 50, 16 << 20: 50, 1 << 30: 50,
	} {
		if got := growthFor(live); got != want {
			t.Errorf("%d bytes grow by %d percent, want %d", live, got, want)
		}
	}
}

// TestHeapIsCollectedLate while it is small, and soon when it is large; and as
// before when the server has ended.
func TestHeapIsCollectedLate(t *testing.T) {
	if os.Getenv("GOGC") != "" {
		t.Skip("GOGC is set")
	}
	before := debug.SetGCPercent(77)
	defer debug.SetGCPercent(before)
	stop := leanHeap()
	percent := func() int { // as it is now
		sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(sample)
		return int(sample[0].Value.Uint64())
	}
	settled := func() bool { return percent() == growthFor(liveHeap()) }
	var held [][]byte
	for _, size := range []int{0, 64 << 20, 0} {
		held = nil
		if size > 0 {
			held = append(held, make([]byte, size))
		}
		runtime.GC()
		for end := time.Now().Add(testwait.Limit(t)); !settled(); runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("the heap grows by %d percent", percent())
			}
		}
		if got := percent(); size > 0 && got != heapGrowth {
			t.Errorf("with %d bytes more the heap grows by %d percent", size, got)
		}
		runtime.KeepAlive(held)
	}
	stop()
	runtime.GC()
	if got := percent(); got != 77 {
		t.Errorf("afterwards it grows by %d percent", got)
	}
}
