package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
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

// TestOverloadIsWordedForPeople: a page load that finds no slot gets a page, all
// else a line of text; both say when to come again.
// TestNoSlotNow: who finds no slot at once leaves nothing behind either, whether his
// own are taken or those of all.
func TestNoSlotNow(t *testing.T) {
	limiter := newRequestLimiter(4) // three for one client
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i, step := range []struct {
		from netip.Addr
		want bool
	}{{a, true}, {a, true}, {a, true}, {a, false}, {b, true}, {b, false}, {b, false}, {b, false}} {
		if got := limiter.acquireNow(step.from); got != step.want {
			t.Fatalf("step %d: %t, want %t", i, got, step.want)
		}
	}
	if one, other := limiter.clients[networkOf(a)], limiter.clients[networkOf(b)]; one.users != 3 || len(one.slots) != 3 || other.users != 1 || len(other.slots) != 1 {
		t.Errorf("%d users with %d slots, and %d with %d", one.users, len(one.slots), other.users, len(other.slots))
	}
	for _, from := range []netip.Addr{a, a, a, b} {
		limiter.release(from)
	}
	if len(limiter.clients) != 0 || len(limiter.all) != 0 {
		t.Errorf("%d clients are left, %d slots", len(limiter.clients), len(limiter.all))
	}
}

func TestOverloadIsWordedForPeople(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	page := func(w http.ResponseWriter, _ *http.Request, status int, reason string) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<p>"+reason)
	}
	limits := Limits{Requests: 1, QueueTime: time.Millisecond}
	handler, err := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(entered); <-leave }), WithErrorPage(page), WithLimits(limits))
	if err != nil {
		t.Fatal(err)
	}
	var first sync.WaitGroup
	first.Go(func() {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "http://127.0.0.1/", nil))
	})
	<-entered
	for _, test := range []struct{ accept, mode, want string }{
		{"text/html", "navigate", "<p>too many requests at once"},
		{"text/html", "cors", "service unavailable: too many requests at once\n"},
		{"*/*", "", "service unavailable: too many requests at once\n"},
	} {
		req, w := httptest.NewRequest("GET", "http://127.0.0.1/", nil), httptest.NewRecorder()
		req.Header.Set("Accept", test.accept)
		req.Header.Set("Sec-Fetch-Mode", test.mode)
		handler.ServeHTTP(w, req)
		if w.Code != 503 || w.Body.String() != test.want || w.Header().Get("Retry-After") == "" {
			t.Errorf("%+v: %d %q %v", test, w.Code, w.Body, w.Header())
		}
	}
	close(leave)
	first.Wait()
}
