package writeback

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/memory"
)

func open(tb backendtest.TB, store backend.Backend, dir string) *Queue {
	tb.Helper()
	o := Options{Dir: dir, MaxBytes: 64 << 20, Log: slog.New(slog.DiscardHandler), Now: time.Now, Changed: func(string) {}}
	var q *Queue
	o.Look = func(ctx context.Context, name string) (backend.Info, error) {
		if s, ok := store.(*stubborn); ok { // as if all of it were remembered
			if info, waits := q.waiting(name); waits {
				return info, nil
			}
			return s.Backend.Stat(ctx, name)
		}
		return q.Stat(ctx, name)
	}
	q, err := Open(store, o)
	if err != nil {
		tb.Fatal(err)
	}
	q.Start()
	return q
}

// timed hides what a queue cannot know of a file that waits: the time that the
// store will give it, unless it is told one, and its ID.
type timed struct{ *Queue }

func (q timed) Stat(ctx context.Context, name string) (backend.Info, error) {
	info, err := q.Queue.Stat(ctx, name)
	info.ID = ""
	return info, err
}

func (q timed) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, err := q.Queue.List(ctx, name)
	return self, func(yield func(backend.Info, error) bool) {
		for info, err := range children {
			if info.ID = ""; !yield(info, err) {
				return
			}
		}
	}, err
}

func (q timed) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if opts.ModTime.IsZero() {
		opts.ModTime = time.Now()
	}
	return q.Queue.Put(ctx, name, body, opts)
}

// Revision waits until all is stored: that moves the revision too, at any time.
func (q timed) Revision(ctx context.Context) (string, error) {
	if err := q.Flush(ctx, "."); err != nil {
		return "", err
	}
	return q.Queue.Revision(ctx)
}

// TestContract holds a queue to what is asked of any store.
func TestContract(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		return timed{open(tb, memory.New(memory.Options{}), tb.TempDir())}
	})
}

// hidden is a store of which only the methods of the contract can be seen.
type hidden struct{ backend.Backend }
