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

// canceledWhilePolled is a transport that cancels when an operation is polled.
func canceledWhilePolled(cancel func()) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		if strings.Contains(req.URL.Path, "/operations/") {
			cancel()
		}
		return http.DefaultTransport.RoundTrip(req)
	})
}

// TestOperationOfAnotherProcess begins an operation beside another process with the
// same state, which must not store into what is being removed, however long it takes.
func TestOperationOfAnotherProcess(t *testing.T) {
	c := newClock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	state := t.TempDir()
	quick := func(d time.Duration) <-chan time.Time { return time.After(d / 1000) }
	knobs := emulator.Knobs{Async: "always", OperationDelay: 100 * time.Hour, OperationNoLock: true}
	srv, server := start(t, emulator.Options{Now: c.Now, Knobs: knobs}, yandex.Config{StateDir: state, After: quick, Now: c.Now})
	plant(t, srv, map[string]string{"/d/f": "content"})
	command := connect(t, srv, yandex.Config{StateDir: state, Transport: canceledWhilePolled(cancel)})
	if err := command.Remove(ctx, "d", backend.RemoveOptions{}); !errors.Is(err, backend.ErrUncertain) {
		t.Fatalf("it answered %v", err)
	}
	for _, later := range []time.Duration{0, 48 * time.Hour} { // the service still says that it goes on
		c.pass(later)
		if err := put(server, "d/new", "newer"); !errors.Is(err, backend.ErrLocked) {
			t.Errorf("after %v the other process was answered %v", later, err)
		}
	}
}

// TestSourceOfARunningMove replaces a file by an upload under a temporary name, which
// stays while the service is still moving it.
func TestSourceOfARunningMove(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var srv *emulator.Server
	moved := roundTripper(func(req *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(req.URL.Path, "/resources/move"):
			srv.SetKnobs(func(k *emulator.Knobs) { k.Async, k.OperationDelay = "always", time.Hour })
		case strings.Contains(req.URL.Path, "/operations/"):
			cancel()
		case req.Method == http.MethodDelete:
			t.Errorf("it deletes %s", req.URL.Query().Get("path"))
		}
		return http.DefaultTransport.RoundTrip(req)
	})
	srv, b := start(t, emulator.Options{}, yandex.Config{UploadViaTempName: true, Transport: moved, StateDir: t.TempDir()})
	plant(t, srv, map[string]string{"/f": "old"})
	if _, err := b.Put(ctx, "f", strings.NewReader("new"), backend.PutOptions{Size: 3}); !errors.Is(err, backend.ErrUncertain) {
		t.Errorf("it answered %v", err)
	}
}

// TestAcceptedUploadThatIsNotWaitedFor cancels an upload that the service has
// accepted: its outcome is unknown, and its name closed.
func TestAcceptedUploadThatIsNotWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	state := t.TempDir()
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{Upload202: true, OperationDelay: time.Hour}},
		yandex.Config{StateDir: state, Transport: canceledWhilePolled(cancel), After: func(d time.Duration) <-chan time.Time { return time.After(d / 1000) }})
	plant(t, srv, map[string]string{"/f": "old"})
	if _, err := b.Put(ctx, "f", strings.NewReader("new"), backend.PutOptions{Size: 3}); !errors.Is(err, backend.ErrUncertain) {
		t.Errorf("it answered %v", err)
	}
	if yandex.PendingUploads(b) != 1 {
		t.Error("the name is open")
	}
}
