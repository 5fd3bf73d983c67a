package cmd

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// The garbage collector lets the heap grow by heapGrowth percent, but does not
// run below minHeap. A server on somebody's small machine should stay small when
// thousands of connections come; but one that holds next to nothing would be
// collected after every few requests, which took a third of its time.
const (
	minHeap    = 16 << 20
	heapGrowth = 50
	// runtimeMinHeap is what the runtime does not collect below at 100 percent.
	runtimeMinHeap = 4 << 20
)

// leanHeap tunes the garbage collector until stop is called. GOGC overrules it.
//
// The runtime has no minimum that is independent of the growth, so the growth
// follows the live heap, after each collection.
func leanHeap() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	t := &heapTuner{before: debug.SetGCPercent(heapGrowth)}
	tuneHeap(t)
	return t.stop
}

// A heapTuner sets the growth of the heap while it is not stopped.
type heapTuner struct {
	mu      sync.Mutex
	before  int
	stopped bool
}

// tuneHeap sets the growth, and does so again after each collection, when an
// object that nothing refers to is gone.
func tuneHeap(t *heapTuner) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		debug.SetGCPercent(growthFor(liveHeap()))
		runtime.AddCleanup(&struct{ self *heapTuner }{}, tuneHeap, t)
	}
}

func (t *heapTuner) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	debug.SetGCPercent(t.before)
}

// growthFor returns the growth in percent for a live heap in bytes.
func growthFor(live uint64) int {
	const most = minHeap * 100 / runtimeMinHeap // the runtime's minimum grows with it
	if live == 0 {
		return most
	}
	return int(min(max(minHeap*100/live, 100+heapGrowth)-100, most))
}

// liveHeap returns what the last collection has left, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
