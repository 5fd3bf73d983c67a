package emulator

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// A lateRequest is one whose connection was reset, and which is carried out later,
// as it finds the disk then.
type lateRequest struct {
	due     time.Time
	handler http.HandlerFunc
	request *http.Request
}

// lateRequests are those that are not due yet, in the order in which they came.
type lateRequests struct {
	mu      sync.Mutex
	waiting []lateRequest
}

// keep keeps a request until it is due.
func (l *lateRequests) keep(due time.Time, handler http.HandlerFunc, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it has not arrived
	}
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, lateRequest{due, handler, r})
}

// take removes and returns the first that is due.
func (l *lateRequests) take(now time.Time) (lateRequest, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, late := range l.waiting {
		if !now.Before(late.due) {
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			return late, true
		}
	}
	return lateRequest{}, false
}

// drop forgets all.
func (l *lateRequests) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = nil
}

// carryOutLate carries out what is due. The caller does not hold the lock.
func (e *Emulator) carryOutLate() {
	for {
		late, due := e.late.take(e.now())
		if !due {
			return
		}
		func() {
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					panic(p)
				}
			}()
			late.handler(&discardWriter{header: make(http.Header)}, late.request)
		}()
	}
}
