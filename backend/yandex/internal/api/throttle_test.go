package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// service answers after 30 ms, and refuses what refuses says.
type service struct {
	refuses    func(request int, now time.Time) bool
	retryAfter string

	mu      sync.Mutex
	at      []time.Time // when requests came
	served  []time.Time
	clients []string // of the requests
}

func (s *service) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	now := time.Now()
	s.at = append(s.at, now)
	s.clients = append(s.clients, backend.ClientFromContext(req.Context()))
	refused := s.refuses != nil && s.refuses(len(s.at), now)
	if !refused {
		s.served = append(s.served, now)
	}
	s.mu.Unlock()
	time.Sleep(30 * time.Millisecond)
	if refused && s.retryAfter != "" {
		return status(http.StatusTooManyRequests, "", "Retry-After", s.retryAfter)()
	}
	if refused {
		return status(http.StatusTooManyRequests, "")()
	}
	return good()
}

// within returns how many of the times lie in the second that begins at from.
func within(times []time.Time, from time.Time) int {
	n := 0
	for _, at := range times {
		if !at.Before(from) && at.Before(from.Add(time.Second)) {
			n++
		}
	}
	return n
}

// bears is a service that serves so many requests in any second.
func (s *service) bears(perSecond int) {
	s.refuses = func(_ int, now time.Time) bool {
		return within(s.served, now.Add(1-time.Second)) >= perSecond
	}
}

func (s *service) client(t *testing.T, rate float64) *Client {
	t.Helper()
	c, err := New(withDefaults(Options{Transport: s, Rate: rate, Rand: func() float64 { return 1 }}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ask makes requests by several at a time, and returns how long that took.
func ask(t *testing.T, c *Client, requests, atOnce int) time.Duration {
	t.Helper()
	start := time.Now()
	todo := make(chan struct{}, requests)
	for range requests {
		todo <- struct{}{}
	}
	close(todo)
	var asking sync.WaitGroup
	for range atOnce {
		asking.Go(func() {
			for range todo {
				if _, err := c.Do(t.Context(), Request{Call: GetDisk}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	asking.Wait()
	return time.Since(start)
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := s.client(t, 40)
		start := time.Now()
		ask(t, c, 120, 120)
		if n := within(s.at, start.Add(-time.Millisecond)); n < 78 || n > 80 { // a burst, and a second's worth
			t.Errorf("%d requests in the first second", n)
		}
		if last := s.at[119].Sub(start); math.Abs(last.Seconds()-2) > 0.01 {
			t.Errorf("the last of 120 requests was sent after %v", last)
		}
	})
}

// TestOneRefusalInTen has a service that refuses one request in ten, whatever
// the rate is: each refusal costs what the service asks for, and little more.
func TestOneRefusalInTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(6, uint64(time.Now().UnixNano())))
		s := &service{refuses: func(int, time.Time) bool { return random.IntN(10) == 0 }, retryAfter: "1"}
		took := ask(t, s.client(t, 40), 380, 8)
		if refused := len(s.at) - len(s.served); took > time.Duration(refused)*450*time.Millisecond {
			t.Errorf("380 requests by 8, of which %d were refused, took %v", refused, took)
		}
	})
}

// TestServiceBearsLess has a service that serves ten requests a second, less than
// the rate is set to.
func TestServiceBearsLess(t *testing.T) {
	for _, retryAfter := range []string{"", "1"} {
		t.Run("Retry-After "+retryAfter, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{retryAfter: retryAfter}
				s.bears(10)
				c := s.client(t, 40)
				start := time.Now()
				took := ask(t, c, 200, 30)
				if took > 30*time.Second {
					t.Errorf("200 requests took %v", took)
				}
				for second := 3; second < int(took.Seconds()); second++ {
					if n := within(s.at, start.Add(time.Duration(second)*time.Second)); n > 20 {
						t.Errorf("in second %d it sent %d requests", second, n)
					}
				}

				// What was not tried meanwhile is not trusted to be borne.
				time.Sleep(time.Hour)
				sent := len(s.at)
				ask(t, c, 20, 20)
				if n := len(slices.CompactFunc(slices.Clone(s.at[sent:]), time.Time.Equal)); n < 10 {
					t.Errorf("after an hour 20 requests were sent at %d times: %v", n, s.at[sent:])
				}

				s.refuses = nil
				ask(t, c, 200, 40)
				sent = len(s.at)
				ask(t, c, 200, 40)
				if took := s.at[len(s.at)-1].Sub(s.at[sent]); took > 5*time.Second {
					t.Errorf("200 requests after the service had recovered took %v", took)
				}
			})
		})
	}
}

// TestRecovery has a service that refuses everything for a while: the full rate
// is back within seconds of use.
func TestRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		begin := time.Now()
		s.refuses = func(_ int, now time.Time) bool { return now.Sub(begin) < 5*time.Second }
		c := s.client(t, 40)
		ask(t, c, 400, 8)
		first := s.served[0].Sub(begin)
		if first > 8*time.Second {
			t.Errorf("the first request was served after %v", first)
		}
		if n := within(s.at, s.served[0].Add(6*time.Second)); n < 39 {
			t.Errorf("six seconds later %d requests were sent in a second", n)
		}
	})
}

// TestRetryAfterForAll has a service that serves nobody until a time.
func TestRetryAfterForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := &service{retryAfter: "7"}
		s.refuses = func(request int, _ time.Time) bool { return request <= 3 }
		c := s.client(t, 40)
		var first sync.WaitGroup
		first.Go(func() { ask(t, c, 3, 3) })
		time.Sleep(time.Second)
		ask(t, c, 5, 5)
		first.Wait()
		for _, at := range s.at[3:] {
			if at.Sub(begin) < 7*time.Second {
				t.Errorf("a request was sent after %v", at.Sub(begin))
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &service{retryAfter: "3600"} // longer than anything waits
		s.refuses = func(int, time.Time) bool { return true }
		c := s.client(t, 40)
		start := time.Now()
		for range 3 {
			if _, err := c.Do(t.Context(), Request{Call: GetDisk}); kind(err) != backend.ErrRateLimited {
				t.Errorf("it answered %v", err)
			}
		}
		if time.Since(start) > 4*time.Second {
			t.Errorf("to be refused three times took %v", time.Since(start))
		}
	})
}

// TestTurns has a client with many requests, and others with few.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := s.client(t, 1)
		ask(t, c, 1, 1) // the burst
		var asking sync.WaitGroup
		request := func(ctx context.Context, client string) {
			asking.Go(func() { c.Do(backend.WithClient(ctx, client), Request{Call: GetDisk}) })
			synctest.Wait()
		}
		impatient, give := context.WithCancel(t.Context())
		for range 4 {
			request(t.Context(), "many")
		}
		request(impatient, "few")
		request(impatient, "gone")
		request(t.Context(), "few")
		request(t.Context(), "")
		request(t.Context(), "few")
		give()
		asking.Wait()
		want := []string{"many", "few", "", "many", "few", "many", "many"}
		if got := s.clients[1:]; !slices.Equal(got, want) {
			t.Errorf("the requests were sent in the order %q, want %q", got, want)
		}
		for i := range s.at[1:] {
			if d := s.at[i+1].Sub(s.at[i]); d < 990*time.Millisecond {
				t.Errorf("request %d came %v after the one before", i+1, d)
			}
		}
	})
}

// TestFirst has requests that others depend on: they are before all that wait, but
// count as one more each, and wait as long as the service wants none.
func TestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := s.client(t, 1)
		ask(t, c, 1, 1) // the burst
		var asking sync.WaitGroup
		request := func(ctx context.Context, client string) {
			asking.Go(func() { c.Do(backend.WithClient(ctx, client), Request{Call: GetDisk}) })
			synctest.Wait()
		}
		for _, client := range []string{"a", "a", "b"} {
			request(t.Context(), client)
		}
		request(backend.First(t.Context()), "d")
		request(backend.First(t.Context()), "c")
		c.Rate().Refused(backend.Refusal{Served: 1, Pause: 3 * time.Second})
		asking.Wait()
		if got, want := s.clients[1:], []string{"d", "c", "a", "b", "a"}; !slices.Equal(got, want) || s.at[1].Sub(s.at[0]) < 3*time.Second {
			t.Errorf("the requests were sent in the order %q, want %q, at %v", got, want, s.at)
		}
		for i := range s.at[1:] {
			if d := s.at[i+1].Sub(s.at[i]); d < 990*time.Millisecond {
				t.Errorf("request %d came %v after the one before", i+1, d)
			}
		}
	})
}

// TestOrder makes requests of one client one after the other.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type number struct{}
		var sent []string
		order := roundTripper(func(req *http.Request) (*http.Response, error) {
			sent = append(sent, fmt.Sprint(req.Context().Value(number{})))
			return good()
		})
		c, err := New(withDefaults(Options{Transport: order, Rate: 2, Rand: func() float64 { return 1 }}))
		if err != nil {
			t.Fatal(err)
		}
		var asking sync.WaitGroup
		var want []string
		for i := range 20 {
			ctx := context.WithValue(t.Context(), number{}, i)
			asking.Go(func() { c.Do(ctx, Request{Call: GetDisk}) })
			synctest.Wait()
			want = append(want, fmt.Sprint(i))
		}
		asking.Wait()
		if !slices.Equal(sent, want) {
			t.Errorf("the requests were sent in the order %v", sent)
		}
	})
}

// TestCanceledInTheQueue cancels requests that wait: none is sent, and no other
// is delayed.
func TestCanceledInTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{}
		c := s.client(t, 1)
		ask(t, c, 1, 1)
		begin := s.at[0]
		ctx, cancel := context.WithCancel(t.Context())
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				if _, err := c.Do(ctx, Request{Call: GetDisk}); !errors.Is(err, context.Canceled) {
					t.Errorf("it answered %v", err)
				}
			})
		}
		synctest.Wait()
		go func() {
			time.Sleep(500 * time.Millisecond)
			cancel()
		}()
		asking.Go(func() { ask(t, c, 1, 1) })
		asking.Wait()
		if len(s.at) != 2 || s.at[1].Sub(begin) != time.Second {
			t.Errorf("the requests were sent at %v", s.at)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
