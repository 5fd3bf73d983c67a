package httpclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// IdleTimeout is how long a transfer may make no progress.
const IdleTimeout = time.Minute

// ErrIdleTimeout is the error of a transfer that made no progress.
var ErrIdleTimeout = errors.New("the transfer made no progress (idle timeout)")

// idleTimer cancels a transfer that makes no progress. Only time spent waiting
// for the server counts, not time spent in the caller.
type idleTimer struct {
	timer *time.Timer
	limit time.Duration
	fired atomic.Bool
}

// newIdleTimer starts to count.
func newIdleTimer(limit time.Duration, cancel context.CancelFunc) *idleTimer {
	t := &idleTimer{limit: limit}
	t.timer = time.AfterFunc(limit, func() {
		t.fired.Store(true)
		cancel()
	})
	return t
}

func (t *idleTimer) resume() { t.timer.Reset(t.limit) }
func (t *idleTimer) stop()   { t.timer.Stop() }

// idleReader is the body of a download with an idle timeout.
type idleReader struct {
	io.ReadCloser
	idle   *idleTimer
	cancel context.CancelFunc
}

func (r *idleReader) Read(p []byte) (int, error) {
	r.idle.resume()
	n, err := r.ReadCloser.Read(p)
	r.idle.stop()
	if err != nil && r.idle.fired.Load() {
		err = ErrIdleTimeout
	}
	return n, err
}

func (r *idleReader) Close() error {
	r.idle.stop()
	r.cancel()
	return r.ReadCloser.Close()
}

// Get sends a request whose response is a download, which is given up when it
// makes no progress. Closing the body ends the request.
func Get(client *http.Client, req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	idle := newIdleTimer(IdleTimeout, cancel)
	resp, err := client.Do(req.WithContext(ctx))
	idle.stop()
	if err != nil {
		cancel()
		if idle.fired.Load() {
			err = ErrIdleTimeout
		}
		return nil, err
	}
	resp.Body = &idleReader{resp.Body, idle, cancel}
	return resp, nil
}
