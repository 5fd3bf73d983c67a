package yandex_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestOperationThatIsNotWaitedFor cancels changes while the service is at them.
// They return, and until the operation ends their names stay closed, also for the
// next process.
func TestOperationThatIsNotWaitedFor(t *testing.T) {
	type change struct {
		do     func(ctx context.Context, b *yandex.Backend) error
		closed []string          // names that are refused meanwhile
		left   map[string]string // in the end
		gone   []string
	}
	for name, test := range map[string]change{
		"remove": {
			func(ctx context.Context, b *yandex.Backend) error {
				return b.Remove(ctx, "d", backend.RemoveOptions{})
			},
			[]string{"d", "d/f", "d/new"}, nil, []string{"/d"},
		},
		"move": {
			func(ctx context.Context, b *yandex.Backend) error {
				return b.Move(ctx, "d", "e", backend.MoveOptions{})
			},
			[]string{"e", "e/f", "d/f"}, map[string]string{"/e/f": "content"}, []string{"/d"},
		},
		"copy": {
			func(ctx context.Context, b *yandex.Backend) error {
				return b.Copy(ctx, "d", "e", backend.CopyOptions{})
			},
			[]string{"e", "e/f", "e/none"}, map[string]string{"/d/f": "content", "/e/f": "content"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			polled := roundTripper(func(req *http.Request) (*http.Response, error) {
				if strings.Contains(req.URL.Path, "/operations/") {
					cancel()
				}
				return http.DefaultTransport.RoundTrip(req)
			})
			state := t.TempDir()
			knobs := emulator.Knobs{Async: "always", OperationDelay: time.Hour, OperationNoLock: true}
			srv, b := start(t, emulator.Options{Now: c.Now, Knobs: knobs}, yandex.Config{StateDir: state, Transport: polled})
			plant(t, srv, map[string]string{"/d/f": "content"})
			if err := test.do(ctx, b); !errors.Is(err, backend.ErrUncertain) {
				t.Fatalf("it answered %v", err)
			}
			left := t.TempDir()
			if err := os.CopyFS(left, os.DirFS(state)); err != nil {
				t.Fatal(err)
			}
			next := connect(t, srv, yandex.Config{StateDir: left, After: func(d time.Duration) <-chan time.Time { return time.After(d / 1000) }})
			for _, name := range test.closed {
				if err := put(next, name, "newer"); !errors.Is(err, backend.ErrLocked) {
					t.Errorf("%s was answered %v", name, err)
				}
			}
			if err := put(next, "other", "free"); err != nil {
				t.Errorf("another name was answered %v", err)
			}
			c.pass(2 * time.Hour)
			srv.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
			last := test.closed[len(test.closed)-1] // which the change does not leave
			if err := next.Remove(context.Background(), last, backend.RemoveOptions{}); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after its end the name was answered %v", err)
			}
			hold(t, srv, test.left, test.gone)
		})
	}
}
