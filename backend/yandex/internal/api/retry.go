package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/davdisk/davdisk/internal/httpclient"
)

// How often a request is retried. A lock is waited for longer than a fault:
// another operation is running. So is the rate: the others adapt to it too.
const (
	maxFaults     = 5
	maxRefused    = 8
	maxLocked     = 10
	maxWait       = 5 * time.Second
	maxRetryAfter = 30 * time.Second // the longest Retry-After that is waited for
)

// attempts is the history of a request.
type attempts struct {
	call    Call
	recheck func(ctx context.Context) error

	faults  int
	refused int // for the rate
	locked  int
	denied  bool // one 401
	lost    int  // how many may have taken effect, and their responses were lost
}

type attemptsKey struct{}

// checkRetry reports whether to retry (retryablehttp.CheckRetry).
func (c *Client) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	a := ctx.Value(attemptsKey{}).(*attempts)
	if err != nil {
		return a.afterError(ctx, err)
	}
	status := resp.StatusCode
	fault := status >= 500 && status != http.StatusInsufficientStorage
	if fault {
		a.faults++
		a.lost++
	}
	if wait := httpclient.RetryAfter(resp.Header, c.opts.Now()); wait > maxRetryAfter {
		return false, nil // the caller gets the Retry-After
	}
	switch {
	case status == http.StatusUnauthorized:
		// The service sometimes rejects a valid token: other clients of the
		// API retry once too.
		again := !a.denied
		a.denied = true
		return again, nil
	case status == http.StatusLocked:
		a.locked++
		return a.locked <= maxLocked && resourceLocked(resp), nil
	case status == http.StatusTooManyRequests:
		a.refused++
		return a.refused <= maxRefused, nil
	case fault:
		return a.faults <= maxFaults && a.call.idempotent(), nil
	}
	return false, nil
}

// prepareRetry calls Recheck before a request is sent again
// (retryablehttp.PrepareRetry).
func prepareRetry(req *http.Request) error {
	a := req.Context().Value(attemptsKey{}).(*attempts)
	if a.recheck == nil {
		return nil
	}
	return a.recheck(req.Context())
}

// afterError is checkRetry for a request that got no response.
func (a *attempts) afterError(ctx context.Context, err error) (bool, error) {
	sent := !notSent(err)
	if sent {
		a.lost++
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if errors.As(err, new(notSentError)) {
		return false, err
	}
	a.faults++
	return a.faults <= maxFaults && (a.call.idempotent() || !sent), err
}

// notSent reports whether a request certainly did not reach the service.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, new(notSentError)) || errors.As(err, new(unwrittenError)) || errors.As(err, &op) && op.Op == "dial"
}

// unwrittenError is the error of an attempt that found no way to the service.
type unwrittenError struct{ error }

func (e unwrittenError) Unwrap() error { return e.error }

// notSentError is the error of a request that was not sent.
type notSentError struct{ error }

func (e notSentError) Unwrap() error { return e.error }

// resourceLocked reports whether a response of status 423 means the lock of a
// running operation, which ends: the monthly limit and maintenance have the
// same status.
func resourceLocked(resp *http.Response) bool {
	data, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(data))
	var f failure
	return err == nil && json.Unmarshal(data, &f) == nil && f.Code == "DiskResourceLockedError"
}

// backoff returns how long to wait before the next attempt
// (retryablehttp.Backoff): the Retry-After of the service, or else exponential
// backoff with jitter, so that several clients do not retry at the same time.
func (c *Client) backoff(_, _ time.Duration, attempt int, resp *http.Response) time.Duration {
	if resp != nil {
		if wait := httpclient.RetryAfter(resp.Header, c.opts.Now()); wait > 0 {
			return wait
		}
	}
	wait := min(c.opts.RetryWait<<min(attempt, 16), maxWait)
	return wait/2 + time.Duration(c.opts.Rand()*float64(wait/2))
}

// Backoff waits before a caller retries by itself; attempt counts from zero.
// The error is that of ctx.
func (c *Client) Backoff(ctx context.Context, attempt int) error {
	return c.Sleep(ctx, c.backoff(0, 0, attempt, nil))
}

// Sleep waits for d. The error is that of ctx, if it ends before.
func (c *Client) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.opts.After(d):
		return nil
	}
}
