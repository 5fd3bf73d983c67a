package yandex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// How often a request is repeated. A lock is waited for longer than a fault:
// it is another operation at work.
const (
	maxFaults  = 5
	maxLocked  = 10
	maxWait    = 5 * time.Second
	maxAskWait = 30 * time.Second // the longest Retry-After that is waited for
)

// tries is what has become of a request so far.
type tries struct {
	call    call
	recheck func(ctx context.Context) error

	faults int
	locked int
	denied bool // one 401
	lost   bool // an attempt may have had its effect without an answer to tell
}

type triesKey struct{}

func withTries(ctx context.Context, t *tries) context.Context {
	return context.WithValue(ctx, triesKey{}, t)
}

// checkRetry decides whether an attempt is followed by another
// (retryablehttp.CheckRetry).
func (c *client) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	t := ctx.Value(triesKey{}).(*tries)
	if err != nil {
		return c.afterError(ctx, t, err)
	}
	if wait := retryAfter(resp.Header, c.cfg.Now()); wait > maxAskWait {
		return false, nil // the caller is told when to come back
	}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		// A good token is refused now and then: other clients of the API ask
		// once more too before they believe it.
		again := !t.denied
		t.denied = true
		return again, nil
	case status == http.StatusLocked:
		t.locked++
		return t.locked <= maxLocked && lockedCode(resp), nil
	case status == http.StatusTooManyRequests:
		t.faults++
		return t.faults <= maxFaults, nil
	case status >= 500 && status != http.StatusInsufficientStorage:
		t.faults++
		t.lost = true
		return t.faults <= maxFaults && t.call.repeat == always, nil
	}
	return false, nil
}

// prepareRetry makes the check of a request before it is sent again
// (retryablehttp.PrepareRetry).
func prepareRetry(req *http.Request) error {
	t := req.Context().Value(triesKey{}).(*tries)
	if t.recheck == nil {
		return nil
	}
	return t.recheck(req.Context())
}

// afterError is checkRetry for a request that got no answer.
func (c *client) afterError(ctx context.Context, t *tries, err error) (bool, error) {
	sent := !unsent(err)
	t.lost = t.lost || sent
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if errors.As(err, new(notSent)) {
		return false, err
	}
	t.faults++
	return t.faults <= maxFaults && (t.call.repeat == always || !sent), err
}

// unsent tells whether a request surely did not reach the service.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, new(notSent)) || errors.As(err, &op) && op.Op == "dial"
}

// lockedCode tells the lock of a running operation, which ends, from the
// monthly limit and from maintenance, which have the same status.
func lockedCode(resp *http.Response) bool {
	data, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(data))
	var f failure
	return err == nil && json.Unmarshal(data, &f) == nil && f.Code == "DiskResourceLockedError"
}

// backoff is how long to wait before the next attempt: what the service asks
// for, or else twice as long each time, between half and the whole of it, so
// that several clients do not come back together.
func (c *client) backoff(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait := retryAfter(resp.Header, c.cfg.Now()); wait > 0 {
			return wait
		}
	}
	wait := min(c.cfg.RetryWait<<min(attempt, 16), maxWait)
	return wait/2 + time.Duration(c.cfg.Rand()*float64(wait/2))
}

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds
// or a date. It is zero if there is none.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
