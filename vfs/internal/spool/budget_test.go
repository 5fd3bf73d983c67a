package spool

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// TestBudgetIsKept has more bodies than there is room for, all of which need more
// when all of it is taken. They are finished one after the other.
func TestBudgetIsKept(t *testing.T) {
	const limit, bodies, size = 1000, 20, 300
	b := NewBudget(limit, time.Hour)
	var running sync.WaitGroup
	for range bodies {
		running.Go(func() {
			s := b.Join()
			defer s.Leave()
			got, err := io.ReadAll(s.Reader(t.Context(), iotest.OneByteReader(bytes.NewReader(make([]byte, size)))))
			if err != nil || len(got) != size {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			if others := b.used - b.shares[0].bytes; others > limit {
				t.Errorf("%d bytes beside those of the first", others)
			}
		})
	}
	running.Wait()
	if b.used != 0 || len(b.shares) != 0 {
		t.Errorf("%d bytes, %d shares are left", b.used, len(b.shares))
	}
}

func TestBudgetThatIsTaken(t *testing.T) {
	b := NewBudget(10, time.Nanosecond)
	first, second := b.Join(), b.Join()
	if err := first.Take(t.Context(), 100); err != nil { // more than there is: nobody else stands in the way
		t.Fatal(err)
	}
	err := second.Take(t.Context(), 1)
	var status interface {
		HTTPStatus() (int, time.Duration)
	}
	if !errors.As(err, &status) {
		t.Fatalf("beyond the budget: %v", err)
	}
	if code, _ := status.HTTPStatus(); code != http.StatusServiceUnavailable {
		t.Errorf("beyond the budget: %d", code)
	}
	b.wait = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := second.Take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("of an ended request: %v", err)
	}
	first.Leave()
	if err := second.Take(t.Context(), 100); err != nil {
		t.Errorf("the only one: %v", err)
	}
}
