package api

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// TestSharedRate has a limit that moves: what is sent in each second follows it, and
// nothing that was saved up at a higher rate is sent at a lower one.
func TestSharedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := s.client(t, 40)
		if full := c.Rate().Full(); full != 40 {
			t.Errorf("the full rate is %v", full)
		}
		var limit atomic.Int64
		limit.Store(10)
		c.Rate().Share(func() float64 { return float64(limit.Load()) }, func(backend.Refusal) {})
		time.Sleep(10 * time.Second)
		start := time.Now()
		var asking sync.WaitGroup
		asking.Go(func() { ask(t, c, 200, 200) })
		time.Sleep(5*time.Second - time.Millisecond)
		limit.Store(20)
		time.Sleep(5 * time.Second)
		limit.Store(2)
		asking.Wait()
		for from, most := range map[time.Duration]int{0: 20, time.Second: 10, 4 * time.Second: 11, 6 * time.Second: 21, 9 * time.Second: 21, 11 * time.Second: 3, 15 * time.Second: 3} {
			if n := within(s.at, start.Add(from-time.Millisecond)); n > most || n < most/2 {
				t.Errorf("in the second from %v on %d requests are sent, at most %d are allowed", from, n, most)
			}
		}
		if asked, waited := c.Rate().Requests(); asked != 200 || waited != 190 {
			t.Errorf("%d requests, of which %d had to wait", asked, waited)
		}
	})
}

// A request that waits at a low rate is sent when a higher one allows it.
func TestSharedRateIsRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := s.client(t, 40)
		var limit atomic.Int64
		limit.Store(1)
		c.Rate().Share(func() float64 { return float64(limit.Load()) / 100 }, func(backend.Refusal) {})
		ask(t, c, 1, 1) // the burst
		var asking sync.WaitGroup
		asking.Go(func() { ask(t, c, 2, 2) })
		time.Sleep(time.Second)
		limit.Store(4000)
		c.Rate().Raised()
		asking.Wait()
		if took := s.at[2].Sub(s.at[0]); took > 1100*time.Millisecond {
			t.Errorf("the last was sent after %v", took)
		}
	})
}

// So it is when the rate recovers, because another request was served.
func TestRecoveryIsNotSleptThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := s.client(t, 40)
		c.Rate().Refused(backend.Refusal{Served: 0.01})
		ask(t, c, 2, 2)
		if wait := s.at[1].Sub(s.at[0]); wait > 200*time.Millisecond {
			t.Errorf("the second was sent %v after the first", wait)
		}
	})
}

// What was lowered for refusals remains so when the limit moves, by the same factor.
func TestSharedRateThatIsLowered(t *testing.T) {
	now := time.Now()
	p := newPace(40)
	p.lower(now, backend.Refusal{Served: 0.5})
	p.allow(now, 20)
	if limit := p.limiter.Limit(); limit != 10 {
		t.Errorf("half of 20 is %v", limit)
	}
	p.allow(now, 40)
	if limit := p.limiter.Limit(); limit != 20 || p.limiter.Burst() != 5 {
		t.Errorf("half of 40 is %v", limit)
	}
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		p.serve(now)
	}
	if limit := p.limiter.Limit(); limit != 40 {
		t.Errorf("it recovers to %v", limit)
	}
	if p.allow(now, 13); p.limiter.Limit() != 13 || p.limiter.Burst() != 13 {
		t.Errorf("it is %v, at once %d", p.limiter.Limit(), p.limiter.Burst())
	}
}

// A refusal is told, and one that others tell slows down as much.
func TestRefusalsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{retryAfter: "1", refuses: func(n int, _ time.Time) bool { return n == 1 || n == 2 }}
		c := s.client(t, 40)
		var told []backend.Refusal
		c.Rate().Share(func() float64 { return 40 }, func(r backend.Refusal) { told = append(told, r) })
		ask(t, c, 2, 1)
		if want := []backend.Refusal{{Served: 5.0 / 6, Pause: time.Second}, {Served: 5.0 / 6, Pause: time.Second}}; !slices.Equal(told, want) {
			t.Errorf("it tells %v, want %v", told, want)
		}

		other := &service{}
		c = other.client(t, 40)
		c.Rate().Refused(backend.Refusal{Served: 0.5, Pause: 2 * time.Second})
		start := time.Now()
		ask(t, c, 20, 20)
		if first := other.at[0].Sub(start); first != 2*time.Second {
			t.Errorf("the first request is sent after %v", first)
		}
		if n := within(other.at, other.at[0]); n > 20 {
			t.Errorf("%d requests in the first second, of a rate that was halved to 20", n)
		}
		c.Rate().Refused(backend.Refusal{Pause: 24 * time.Hour}) // what nobody should tell
		start = time.Now()
		if ask(t, c, 1, 1); time.Since(start) > time.Minute {
			t.Errorf("it waits %v", time.Since(start))
		}
	})
}

// A client without a limit has none to share.
func TestNoRate(t *testing.T) {
	c, err := New(withDefaults(Options{Transport: http.DefaultTransport, Rate: -1}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Rate() != nil {
		t.Error("it has a rate")
	}
}
