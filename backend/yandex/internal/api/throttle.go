package api

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// throttle limits requests to the rate that the service allows. It slows down
// on a 429, and recovers afterwards.
type throttle struct {
	next    http.RoundTripper
	limiter *rate.Limiter
	full    rate.Limit

	mu      sync.Mutex // guards changed
	changed time.Time  // when the rate was last changed
}

// How the rate adapts: halved by a 429, at most once in the time of a response;
// a quarter more after each interval without one.
const (
	slowest     = 1 // requests a second
	reactTime   = 500 * time.Millisecond
	recoverTime = 5 * time.Second
)

// newThrottle limits next to perSecond requests a second, with a burst of
// as many. A negative rate is no limit.
func newThrottle(next http.RoundTripper, perSecond float64) *throttle {
	t := &throttle{next: next, full: rate.Limit(perSecond)}
	if perSecond < 0 {
		t.full = rate.Inf
	}
	t.limiter = rate.NewLimiter(t.full, max(1, int(perSecond)))
	return t
}

func (t *throttle) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.limiter.Wait(req.Context()); err != nil {
		return nil, notSentError{err}
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && t.full != rate.Inf {
		t.adapt(resp.StatusCode == http.StatusTooManyRequests)
	}
	return resp, err
}

// adapt adapts the rate after a response.
func (t *throttle) adapt(tooMany bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now, limit := time.Now(), t.limiter.Limit()
	switch since := now.Sub(t.changed); {
	case tooMany && since >= reactTime:
		limit = max(min(slowest, t.full), limit/2)
	case !tooMany && limit < t.full && since >= recoverTime:
		limit = min(t.full, limit*5/4)
	default:
		return
	}
	t.changed = now
	t.limiter.SetLimit(limit)
}
