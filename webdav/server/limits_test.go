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
