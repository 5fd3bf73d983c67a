package server

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestIdleTimeMovesWithTheBytes(t *testing.T) {
	whole := 2 * time.Minute
	steady := idleTimer{whole, whole}
	for range 1000 { // 1 KiB every second, for a quarter of an hour
		steady.spend(time.Second, 1<<10)
	}
	if steady.left != whole {
		t.Errorf("a steady client has %s left", steady.left)
	}
	drip := idleTimer{whole, whole}
	for range 10 { // a byte every half minute
		drip.spend(30*time.Second, 1)
	}
	if drip.left > 0 {
		t.Errorf("one that drips has %s left", drip.left)
	}
}

// TestRequestLimiterLeavesNothingBehind counts slots of many clients at once, of
// whom some give up.
func TestRequestLimiterLeavesNothingBehind(t *testing.T) {
	limiter := newRequestLimiter(4)
	var under, most atomic.Int32
	var clients sync.WaitGroup
	for i := range 200 {
		clients.Go(func() {
			from := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 5)})
			ctx, cancel := context.WithCancel(t.Context())
			if i%7 == 0 {
				cancel()
			}
			defer cancel()
			if !limiter.acquire(ctx, from) {
				return
			}
			now := under.Add(1)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			runtime.Gosched()
			under.Add(-1)
			limiter.release(from)
		})
	}
	clients.Wait()
	if len(limiter.clients) != 0 || len(limiter.all) != 0 || most.Load() > 4 {
		t.Errorf("%d clients and %d slots are left; %d at the same time", len(limiter.clients), len(limiter.all), most.Load())
	}
}
