package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestUploadThatFinishesLater stops waiting for an upload that the service
// stores in the end. The next content of that name must not be undone by it.
func TestUploadThatFinishesLater(t *testing.T) {
	t.Parallel() // it waits
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{FinalizeDelay: 4 * time.Second}},
		yandex.Config{UploadWait: 50 * time.Millisecond, After: func(d time.Duration) <-chan time.Time { return time.After(d / 50) }})
	err := put(b, "f", "first")
	var e *backend.Error
	if !errors.Is(err, backend.ErrUncertain) || !errors.As(err, &e) || e.RetryAfter <= 0 {
		t.Fatalf("it answered %v", err)
	}
	if yandex.PendingUploads(b) != 1 {
		t.Fatal("the upload is forgotten")
	}
	srv.SetKnobs(func(k *emulator.Knobs) { k.FinalizeDelay = 0 })
	eventually(t, "the next content is stored", func() bool {
		err := put(b, "f", "second")
		if err != nil && !errors.Is(err, backend.ErrLocked) {
			t.Fatal(err)
		}
		return err == nil
	})
	hold(t, srv, map[string]string{"/f": "second"}, nil)
	if yandex.PendingUploads(b) != 0 {
		t.Error("the first upload is still taken for open")
	}
}

// TestUploadOfUnknownEnd loses an upload without any way to find its outcome.
// Its name stays closed, also for the next process, until the link has lapsed.
func TestUploadOfUnknownEnd(t *testing.T) {
	ctx := context.Background()
	c := newClock()
	fast := func(d time.Duration) <-chan time.Time { return time.After(d / 1000) }
	state := t.TempDir()
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{NoResume: true}}, yandex.Config{Now: c.Now, After: fast, StateDir: state})
	plant(t, srv, map[string]string{"/d/f": "old"})
	srv.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Reset: true})
	if err := put(b, "d/f", "new"); !errors.Is(err, backend.ErrUncertain) {
		t.Fatalf("it answered %v", err)
	}
	left := t.TempDir()
	if err := os.CopyFS(left, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	next := connect(t, srv, yandex.Config{Now: c.Now, After: fast, StateDir: left})
	for who, b := range map[string]*yandex.Backend{"this process": b, "the next": next} {
		for op, err := range map[string]error{
			"put":    put(b, "d/f", "newer"),
			"remove": b.Remove(ctx, "d/f", backend.RemoveOptions{}),
			"move":   b.Move(ctx, "d/f", "g", backend.MoveOptions{}),
			"tree":   b.Remove(ctx, "d", backend.RemoveOptions{}),
		} {
			var e *backend.Error
			if !errors.Is(err, backend.ErrLocked) || !errors.As(err, &e) || e.RetryAfter <= 0 {
				t.Errorf("%s: %s answered %v", who, op, err)
			}
		}
		if err := put(b, "d/other", "free"); err != nil {
			t.Errorf("%s: another name answered %v", who, err)
		}
	}
	hold(t, srv, map[string]string{"/d/f": "old"}, nil)
	c.pass(31 * time.Minute)
	if err := put(next, "d/f", "newer"); err != nil {
		t.Errorf("after the link has lapsed it answered %v", err)
	}
	hold(t, srv, map[string]string{"/d/f": "newer"}, nil)
}

// TestUploadResumes breaks a large upload in the middle: only the rest is sent
// again where the uploader can do that.
func TestUploadResumes(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 2<<20) // 32 MiB
	for name, test := range map[string]struct {
		knobs emulator.Knobs
		most  int64
	}{
		"where it can":    {emulator.Knobs{}, int64(len(content)) * 5 / 4},
		"where it cannot": {emulator.Knobs{NoResume: true}, int64(len(content)) * 2},
	} {
		t.Run(name, func(t *testing.T) {
			breaker := &breakOnce{after: int64(len(content)) / 2}
			srv, b := start(t, emulator.Options{Knobs: test.knobs}, yandex.Config{Transport: breaker})
			if err := put(b, "f", content); err != nil {
				t.Fatal(err)
			}
			hold(t, srv, map[string]string{"/f": content}, nil)
			if !breaker.done.Load() {
				t.Error("nothing broke")
			}
			if up := srv.Counters().BytesUp; up > test.most {
				t.Errorf("%d bytes were sent for %d", up, len(content))
			}
		})
	}
	t.Run("a body that cannot be read again", func(t *testing.T) {
		breaker := &breakOnce{after: int64(len(content)) / 2}
		srv, b := start(t, emulator.Options{}, yandex.Config{Transport: breaker})
		plant(t, srv, map[string]string{"/f": "old"})
		_, err := b.Put(context.Background(), "f", io.LimitReader(strings.NewReader(content), int64(len(content))), backend.PutOptions{Size: int64(len(content))})
		expectKind(t, "put", err, backend.ErrUnavailable)
		hold(t, srv, map[string]string{"/f": "old"}, nil)
	})
}

// breakOnce breaks the first large upload after so many bytes.
type breakOnce struct {
	after int64
	done  atomic.Bool
}

func (b *breakOnce) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPut && req.ContentLength > b.after && !b.done.Swap(true) {
		req = req.Clone(req.Context())
		req.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(req.Body, b.after), brokenLine{}), req.Body}
	}
	return http.DefaultTransport.RoundTrip(req)
}

type brokenLine struct{}

func (brokenLine) Read([]byte) (int, error) { return 0, errors.New("the line is dead") }

// TestUnansweredUploadOfWhatIsThere: an upload whose answer is lost, and of which the
// service says that it goes on, is taken for stored only if its content was not there
// before. Else it may come late, and replace what was stored after it.
func TestUnansweredUploadOfWhatIsThere(t *testing.T) {
	for what, test := range map[string]struct {
		before string // "" is no file
		seen   bool   // by the driver, a moment ago
		opts   backend.PutOptions
		stored bool
	}{
		"the same, seen":    {"new", true, backend.PutOptions{}, false},
		"the same, unseen":  {"new", false, backend.PutOptions{}, false},
		"other, seen":       {"old", true, backend.PutOptions{}, true},
		"other, unseen":     {"old", false, backend.PutOptions{}, false},
		"nothing, asserted": {"", false, backend.PutOptions{IfAbsent: true}, true},
		"nothing, seen":     {"", true, backend.PutOptions{}, true},
		"nothing, unseen":   {"", false, backend.PutOptions{}, false},
	} {
		for _, arrived := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, arrived %v", what, arrived), func(t *testing.T) {
				srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{NoResume: true}},
					yandex.Config{After: func(d time.Duration) <-chan time.Time { return time.After(d / 1000) }})
				if test.before != "" {
					plant(t, srv, map[string]string{"/f": test.before})
				}
				if test.seen && test.before != "" {
					if _, err := b.Stat(t.Context(), "f"); err != nil {
						t.Fatal(err)
					}
				} else if test.seen {
					if _, _, err := b.List(t.Context(), "."); err != nil {
						t.Fatal(err)
					}
				}
				srv.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Reset: true, After: arrived},
					emulator.Fault{Endpoint: emulator.GetOperation, Times: -1, Body: `{"status":"in-progress"}`})
				test.opts.Size = 3
				_, err := b.Put(t.Context(), "f", strings.NewReader("new"), test.opts)
				if stored := arrived && test.stored; stored != (err == nil) || !stored && !errors.Is(err, backend.ErrUncertain) {
					t.Errorf("it answered %v", err)
				} else if pending := yandex.PendingUploads(b); stored != (pending == 0) {
					t.Errorf("%d are pending", pending)
				}
			})
		}
	}
}
