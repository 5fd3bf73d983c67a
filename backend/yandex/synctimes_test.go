package yandex_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// hasty is a clock of driver and service on which time passes quicker.
type hasty struct{ start time.Time }

const haste = 20

func (h hasty) Now() time.Time                         { return h.start.Add(haste * time.Since(h.start)) }
func (h hasty) After(d time.Duration) <-chan time.Time { return time.After(d / haste) }

// TestSyncTimes waits for times with a service that keeps them at once, loses
// or refuses them for a while, or for good.
func TestSyncTimes(t *testing.T) {
	for name, test := range map[string]struct {
		knobs emulator.Knobs
		left  int
	}{
		"kept at once":      {emulator.Knobs{}, 0},
		"lost for a while":  {emulator.Knobs{PatchLost: 7 * time.Second}, 0},
		"refused":           {emulator.Knobs{PatchFails: 2 * time.Second}, 0},
		"lost and accepted": {emulator.Knobs{PatchLost: 4 * time.Second, Upload202: true, OperationPolls: 1}, 0},
		"lost all the time": {emulator.Knobs{PatchLost: time.Hour}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := hasty{time.Now()}
			srv, b := start(t, emulator.Options{Now: c.Now, Knobs: test.knobs}, yandex.Config{
				Now: c.Now, After: c.After, ModTimeWait: 3 * time.Second, StateDir: t.TempDir(),
			})
			putAt(t, b, "f", "content", when)
			putAt(t, b, "Ж # +.txt", "more", when.Add(time.Hour))
			left, err := b.SyncTimes(context.Background())
			if left != test.left || err != nil {
				t.Fatalf("%d are left, %v; want %d", left, err, test.left)
			}
			if got := property(t, srv, "/f"); (got == "") != (test.left > 0) {
				t.Errorf("the service holds %q", got)
			}
		})
	}
}

// TestSyncTimesLooksAgain wants the service asked after the write, because what
// it answers to a write is not what it holds later.
func TestSyncTimesLooksAgain(t *testing.T) {
	clock := stopped{begin: time.Now()} // it is not due before the write that is waited for
	srv, b := start(t, emulator.Options{}, yandex.Config{
		ModTimeWait: 30 * time.Millisecond, Now: clock.Now, After: time.After,
		Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPatch {
				clock.start()
			}
			return http.DefaultTransport.RoundTrip(req)
		}),
	})
	putAt(t, b, "f", "content", when)
	if err := srv.SetProperties("/f", nil); err != nil {
		t.Fatal(err)
	}
	before := srv.Counters().API()
	if left, err := b.SyncTimes(context.Background()); left != 0 || err != nil {
		t.Fatalf("%d are left, %v", left, err)
	}
	if n := srv.Counters().API() - before; n != 2 {
		t.Errorf("%d requests, want one to write and one to look", n)
	}
}

// TestSyncTimesEnds stops the waiting, and waits for nothing that an earlier
// process has left.
func TestSyncTimesEnds(t *testing.T) {
	srv, err := emulator.Start(emulator.Options{Knobs: emulator.Knobs{PatchLost: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	state := t.TempDir()
	b := connect(t, srv, yandex.Config{StateDir: state, ModTimeWait: time.Hour, After: time.After})
	putAt(t, b, "f", "content", when)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if left, err := b.SyncTimes(ctx); left != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d are left, %v", left, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	next := connect(t, srv, yandex.Config{StateDir: state, ModTimeWait: time.Hour, After: time.After})
	if left, err := next.SyncTimes(context.Background()); left != 0 || err != nil {
		t.Errorf("%d are waited for that are another's, %v", left, err)
	}
	if info, err := next.Stat(context.Background(), "f"); err != nil || !info.ModTime.Equal(when) {
		t.Errorf("its time shows as %v, %v", info.ModTime, err)
	}
	if err := next.Remove(context.Background(), "f", backend.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestTimeWrittenWhileAskedFor writes and confirms a time while the answer to a
// question from before is on its way: that does not have it, and must not show
// another.
func TestTimeWrittenWhileAskedFor(t *testing.T) {
	type held struct{}
	synced := make(chan struct{})
	late := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if req.Context().Value(held{}) != nil {
			<-synced
		}
		return resp, err
	})
	_, b := start(t, emulator.Options{}, yandex.Config{ModTimeWait: time.Millisecond, Transport: late, After: time.After})
	for name, ask := range map[string]func(ctx context.Context) (backend.Info, error){
		"stat": func(ctx context.Context) (backend.Info, error) { return b.Stat(ctx, "stat") },
		"list": func(ctx context.Context) (backend.Info, error) {
			_, children, err := b.List(ctx, ".")
			if err != nil {
				return backend.Info{}, err
			}
			for info := range children {
				if info.Name == "list" {
					return info, nil
				}
			}
			return backend.Info{}, fs.ErrNotExist
		},
	} {
		putAt(t, b, name, "content", when)
		before := make(chan struct{})
		answers := make(chan backend.Info)
		go func() {
			defer close(answers)
			close(before)
			info, err := ask(context.WithValue(t.Context(), held{}, true))
			if err != nil {
				t.Error(err)
			}
			answers <- info
		}()
		<-before
		if left, err := b.SyncTimes(t.Context()); left != 0 || err != nil {
			t.Fatalf("%d are left, %v", left, err)
		}
		synced <- struct{}{}
		if info := <-answers; !info.ModTime.Equal(when) {
			t.Errorf("%s says %v, want %v", name, info.ModTime, when)
		}
	}
}
