package yandex

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// errStalled says that a transfer stood still for too long.
var errStalled = errors.New("the transfer stands still")

// stall cancels a transfer that stands still. Time counts only while the
// other side is waited for, not while the caller of ours takes its time.
type stall struct {
	timer *time.Timer
	limit time.Duration
	fired atomic.Bool
}

// newStall begins to count.
func newStall(limit time.Duration, cancel context.CancelFunc) *stall {
	s := &stall{limit: limit}
	s.timer = time.AfterFunc(limit, func() {
		s.fired.Store(true)
		cancel()
	})
	return s
}

func (s *stall) resume() { s.timer.Reset(s.limit) }
func (s *stall) pause()  { s.timer.Stop() }
func (s *stall) stop()   { s.timer.Stop() }

// stallReader is the body of a download under guard.
type stallReader struct {
	io.ReadCloser
	guard  *stall
	cancel context.CancelFunc
}

func (r *stallReader) Read(p []byte) (int, error) {
	r.guard.resume()
	n, err := r.ReadCloser.Read(p)
	r.guard.pause()
	if err != nil && r.guard.fired.Load() {
		err = errStalled
	}
	return n, err
}

func (r *stallReader) Close() error {
	r.guard.stop()
	r.cancel()
	return r.ReadCloser.Close()
}

// userAgent names us to the servers of the links.
type userAgent struct {
	next http.RoundTripper
	name string
}

func (u userAgent) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", u.name)
	return u.next.RoundTrip(req)
}

// CloseIdleConnections lets http.Client do so.
func (u userAgent) CloseIdleConnections() {
	(&http.Client{Transport: u.next}).CloseIdleConnections()
}
