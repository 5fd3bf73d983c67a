package api

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// throttle limits requests to the rate that the service bears. Clients
// ([backend.WithClient]) take turns; the requests of one are sent in the order in
// which they were made. Those of [backend.First] are sent before all others.
type throttle struct {
	next  http.RoundTripper
	now   func() time.Time
	after func(time.Duration) <-chan time.Time

	mu      sync.Mutex // guards the fields below
	pace    pace
	clients []*queue                // those with waiting requests, in the order of their turns
	limit   func() float64          // nil: the rate is not shared
	refused func(r backend.Refusal) // nil: nobody is told
	asked   uint64                  // requests so far
	waited  uint64                  // those of them that had to wait for the rate
}

// queue are the waiting requests of one client. A request is the channel that is
// signaled when it may have become the first of all.
type queue struct {
	client  string
	first   bool // before all others; it has one request
	waiting []chan struct{}
}

func newThrottle(next http.RoundTripper, opts Options) *throttle {
	return &throttle{next: next, now: opts.Now, after: opts.After, pace: newPace(opts.Rate)}
}

func (t *throttle) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.wait(req.Context()); err != nil {
		return nil, notSentError{err}
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		t.observe(resp)
	}
	return resp, err
}

// observe adapts the rate after a response.
func (t *throttle) observe(resp *http.Response) {
	t.mu.Lock()
	now, refused := t.now(), t.refused
	if resp.StatusCode != http.StatusTooManyRequests {
		if t.pace.serve(now) {
			t.wake()
		}
		t.mu.Unlock()
		return
	}
	r := t.pace.refuse(now, httpclient.RetryAfter(resp.Header, now))
	t.mu.Unlock()
	if refused != nil {
		refused(r)
	}
}

// wait returns when the request of ctx may be sent, or the error of ctx.
func (t *throttle) wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	request := t.join(backend.ClientFromContext(ctx), backend.IsFirst(ctx))
	for tries := 0; ; tries++ {
		wait, first := t.try(request)
		if first && wait <= 0 {
			return nil
		}
		if tries == 0 {
			t.delayed()
		}
		var timer <-chan time.Time
		if first {
			timer = t.after(wait)
		}
		select {
		case <-timer:
		case <-request:
		case <-ctx.Done():
			t.leave(request)
			return ctx.Err()
		}
	}
}

// join adds a request to those that wait.
func (t *throttle) join(client string, first bool) chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	request := make(chan struct{}, 1)
	at := len(t.clients)
	for i, q := range t.clients {
		switch {
		case q.first:
		case first:
			at = min(at, i)
		case q.client == client:
			q.waiting = append(q.waiting, request)
			return request
		}
	}
	t.clients = slices.Insert(t.clients, at, &queue{client, first, []chan struct{}{request}})
	return request
}

// try reports whether a request is the first, and how long it has to wait. If
// that is no time, it has had its turn.
func (t *throttle) try(request chan struct{}) (wait time.Duration, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q := t.clients[0]
	if q.waiting[0] != request {
		return 0, false
	}
	now := t.now()
	if t.limit != nil {
		t.pace.allow(now, rate.Limit(t.limit()))
	}
	if wait = t.pace.next(now); wait > 0 {
		return wait, true
	}
	q.waiting, t.clients = q.waiting[1:], t.clients[1:]
	if len(q.waiting) > 0 {
		t.clients = append(t.clients, q)
	}
	t.wake()
	return 0, true
}

// leave removes a request that no longer waits.
func (t *throttle) leave(request chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, q := range t.clients {
		if at := slices.Index(q.waiting, request); at >= 0 {
			if q.waiting = slices.Delete(q.waiting, at, at+1); len(q.waiting) == 0 {
				t.clients = slices.Delete(t.clients, i, i+1)
			}
			break
		}
	}
	t.wake()
}

// wake signals the first request. The caller holds t.mu.
func (t *throttle) wake() {
	if len(t.clients) > 0 {
		select {
		case t.clients[0].waiting[0] <- struct{}{}:
		default: // it is signaled already
		}
	}
}
