package spool

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Budget bounds the bytes of request bodies that are held at once. A share that
// needs more than is left waits for others to leave. The oldest share never
// waits, however large its body is, so that one can always finish and shares
// never deadlock. A Budget is safe for concurrent use.
type Budget struct {
	limit int64         // bytes
	wait  time.Duration // longest wait for room

	mu     sync.Mutex // guards the fields below
	used   int64
	shares []*Share      // by age
	freed  chan struct{} // closed when a share ends
}

// NewBudget returns a budget of limit bytes. A share waits for room no longer
// than wait.
func NewBudget(limit int64, wait time.Duration) *Budget {
	return &Budget{limit: limit, wait: wait, freed: make(chan struct{})}
}

// A Share is what one body takes of a Budget.
type Share struct {
	budget *Budget
	bytes  int64 // guarded by budget.mu
}

// Join returns an empty share. The caller must call Leave.
func (b *Budget) Join() *Share {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &Share{budget: b}
	b.shares = append(b.shares, s)
	return s
}

// Leave returns what the share has taken.
func (s *Share) Leave() {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= s.bytes
	b.shares = slices.DeleteFunc(b.shares, func(other *Share) bool { return other == s })
	close(b.freed)
	b.freed = make(chan struct{})
}

// Take adds n bytes to the share. It waits for room until ctx ends or the
// budget's longest wait is over; the error then has the HTTP status 503.
func (s *Share) Take(ctx context.Context, n int64) error {
	freed := s.take(n)
	if freed == nil {
		return nil
	}
	end := time.NewTimer(s.budget.wait)
	defer end.Stop()
	for freed != nil {
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		case <-end.C:
			return fullError{}
		}
		freed = s.take(n)
	}
	return nil
}

// take adds n bytes if there is room, or returns a channel that is closed when
// there may be.
func (s *Share) take(n int64) (freed <-chan struct{}) {
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit && b.shares[0] != s {
		return b.freed
	}
	b.used += n
	s.bytes += n
	return nil
}

// Reader returns a reader of src that takes the bytes as they are read.
func (s *Share) Reader(ctx context.Context, src io.Reader) io.Reader { return &taking{s, ctx, src} }

type taking struct {
	share *Share
	ctx   context.Context
	src   io.Reader
}

func (t *taking) Read(p []byte) (int, error) {
	n, err := t.src.Read(p)
	if full := t.share.Take(t.ctx, int64(n)); full != nil {
		return 0, full
	}
	return n, err
}

// fullError reports that other shares have taken the whole budget.
type fullError struct{}

func (fullError) Error() string {
	return "no room for the upload at the moment: other uploads take all of it"
}

// HTTPStatus returns 503: there is room when the others have ended.
func (fullError) HTTPStatus() (code int, retryAfter time.Duration) {
	return http.StatusServiceUnavailable, 0
}
