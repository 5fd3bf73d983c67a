package vfs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testwait"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

// TestConformanceWriteBack runs the suite on file systems that store later.
func TestConformanceWriteBack(t *testing.T) {
	disk := startEmulator(t, emulator.Options{})
	root := connect(t, disk, yandex.Config{})
	var cases atomic.Int64
	for name, open := range map[string]func(tb conformance.TB) backend.Backend{
		"memory": func(conformance.TB) backend.Backend { return memory.New(memory.Options{}) },
		"yandex": func(tb conformance.TB) backend.Backend {
			dir := fmt.Sprintf("case-%d", cases.Add(1))
			if err := root.Mkdir(t.Context(), dir); err != nil {
				tb.Fatalf("%v", err)
			}
			return connect(tb, disk, yandex.Config{Root: dir, StateDir: tb.TempDir()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := vfstest.Declarations(root)
			if name == "yandex" {
				opts = append(opts, conformance.Within(conformance.Limits{FileSize: 1 << 30, Why: "what a free account may upload"}))
			}
			if !testlevel.Long() {
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(50, 40))
			}
			conformance.Run(t, func(tb conformance.TB) afero.Fs {
				f, err := vfs.New(open(tb), vfs.WithStateDir(tb.TempDir()), vfs.WithWriteBack(64<<20))
				if err != nil {
					tb.Fatalf("%v", err)
				}
				tb.Cleanup(func() { f.Close() })
				return f
			}, opts...)
		})
	}
}

// withWriteBack is a file system that stores later.
func withWriteBack(t *testing.T, b backend.Backend, opts ...vfs.Option) *vfs.FS {
	t.Helper()
	return newFS(t, b, append(opts, vfs.WithStateDir(t.TempDir()), vfs.WithWriteBack(64<<20))...)
}

// waitStored waits until nothing is pending.
func waitStored(t *testing.T, f *vfs.FS) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(testwait.Limit(t)); ; {
		if files, _ := f.Queued(); files == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it is not stored")
		}
	}
}

// gated is a disk whose uploads a test may hold up.
type gated struct {
	*yandex.Backend
	gate  atomic.Pointer[chan struct{}] // uploads go on when it is closed
	begun chan struct{}                 // gets one for each upload
}

func (g *gated) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if gate := g.gate.Load(); gate != nil {
		g.begun <- struct{}{}
		<-*gate
	}
	return g.Backend.Put(ctx, name, body, opts)
}

// TestWriteBackBudget counts the calls of the background: an upload costs what
// it costs otherwise, and one look more where a file is replaced.
func TestWriteBackBudget(t *testing.T) {
	disk := startEmulator(t, emulator.Options{})
	b := &gated{Backend: connect(t, disk, yandex.Config{}), begun: make(chan struct{}, 10)}
	f := withWriteBack(t, b)
	budgetFixture(t, f)
	for _, cost := range []struct {
		doing          string
		name           string
		times          int
		api, transfers int
	}{
		{"store a new file", "/dir/new", 1, 2, 1},
		{"replace a file", "/dir/a", 1, 3, 1},
		{"write a new file again and again while it is uploaded", "/dir/quick", 10, 5, 2},
	} {
		waitStored(t, f)
		if _, err := afero.ReadDir(f, "/dir"); err != nil {
			t.Fatal(err)
		}
		before, gate := disk.Counters(), make(chan struct{})
		b.gate.Store(&gate)
		for i := range cost.times {
			if err := afero.WriteFile(f, cost.name, fmt.Append(nil, cost.doing, i), 0o666); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				<-b.begun
			}
		}
		if files, _ := f.Queued(); files != 1 {
			t.Errorf("%s: %d files wait", cost.doing, files)
		}
		close(gate)
		waitStored(t, f)
		after := disk.Counters()
		if api, transfers := after.API()-before.API(), after.Transfers()-before.Transfers(); api != cost.api || transfers != cost.transfers {
			t.Errorf("%s: %d calls, %d transfers, want %d, %d", cost.doing, api, transfers, cost.api, cost.transfers)
		}
	}
}

// TestWriteBackShows has a store that does not answer: what was written is to
// be seen at once, with the entity tag that it keeps.
func TestWriteBackShows(t *testing.T) {
	goOn := make(chan struct{})
	c := newCounting(memory.Options{})
	f := withWriteBack(t, c)
	budgetFixture(t, f)
	waitStored(t, f)
	c.gate = func(op, _ string) {
		if op == "put" {
			<-goOn
		}
	}
	told := map[string]string{}
	put := func(name, content, ifMatch string, ifAbsent bool) error {
		info, err := f.Put(name, strings.NewReader(content), int64(len(content)), time.Time{}, ifMatch, ifAbsent)
		if err == nil {
			told[name] = info.(*vfs.FileInfo).ETag()
		}
		return err
	}
	for _, refused := range []struct {
		name, ifMatch string
		ifAbsent      bool
		want          error
	}{
		{"/dir/a", `"other"`, false, backend.ErrChanged},
		{"/dir/none", `"other"`, false, backend.ErrChanged},
		{"/dir/a", "", true, fs.ErrExist},
		{"/dir/sub", "", false, backend.ErrIsDir},
		{"/missing/a", "", false, fs.ErrNotExist},
		{"/dir/a/b", "", false, backend.ErrNotDir},
	} {
		if err := put(refused.name, "x", refused.ifMatch, refused.ifAbsent); !errors.Is(err, refused.want) {
			t.Errorf("put %s, if match %s, if absent %v: %v, want %v", refused.name, refused.ifMatch, refused.ifAbsent, err, refused.want)
		}
	}
	if err := errors.Join(put("/dir/a", "first", "", false), put("/dir/new", "n", "", true)); err != nil {
		t.Fatal(err)
	}
	if err := put("/dir/a", "second", told["/dir/a"], false); err != nil {
		t.Errorf("with the entity tag of what waits: %v", err)
	}
	if err := put("/dir/new", "m", "", true); !errors.Is(err, fs.ErrExist) {
		t.Errorf("if absent, over what waits: %v", err)
	}
	h, err := f.OpenFile("/dir/b", os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteString(", and more"); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	const want = "dir/ dir/a=second dir/b=content of b, and more dir/new=n dir/sub/ dir/sub/c=content of c"
	check := func(when string) {
		t.Helper()
		if got := tree(t, f); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
		for name, etag := range told {
			if info, err := f.Stat(name); err != nil || info.(*vfs.FileInfo).ETag() != etag {
				t.Errorf("%s: %s has another entity tag than %s, %v", when, name, etag, err)
			}
		}
		part, err := f.Open("/dir/a")
		if err != nil {
			t.Fatal(err)
		}
		defer part.Close()
		data := make([]byte, 3)
		if _, err := part.ReadAt(data, 2); err != nil || string(data) != "con" {
			t.Errorf("%s: a part of it is %q, %v", when, data, err)
		}
	}
	check("before it is stored")
	if files, bytes := f.Queued(); files != 3 || bytes != 6+1+22 {
		t.Errorf("%d files, %d bytes wait", files, bytes)
	}
	close(goOn)
	waitStored(t, f)
	check("when it is stored")
	if got := tree(t, newFS(t, c)); got != want {
		t.Errorf("the store has %q, want %q", got, want)
	}
}

// refusing is a store that can refuse all uploads.
type refusing struct {
	*counting
	down atomic.Bool
}

func (r *refusing) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if r.down.Load() {
		return backend.Info{}, backend.PathError("put", name, backend.ErrUnavailable, "")
	}
	return r.counting.Put(ctx, name, body, opts)
}

// waitIn makes folders in f, and a file in one of them, /from, that waits to be stored.
func waitIn(t *testing.T, f *vfs.FS, c *refusing) {
	t.Helper()
	budgetFixture(t, f)
	if err := f.Mkdir("/from", 0o777); err != nil {
		t.Fatal(err)
	}
	waitStored(t, f)
	c.down.Store(true)
	write(t, f, "/from/new", "waits")
}

// TestReplacedByWhatWaits: a folder stays where it is if it is to be replaced by one in
// which a file waits that cannot be stored.
func TestReplacedByWhatWaits(t *testing.T) {
	for name, replace := range map[string]func(f *vfs.FS) error{
		"move": func(f *vfs.FS) error { return f.Move("/from", "/dir", true) },
		"copy": func(f *vfs.FS) error { return f.Copy("/from", "/dir", true, -1) },
	} {
		t.Run(name, func(t *testing.T) {
			c := &refusing{counting: newCounting(memory.Options{})}
			f := withWriteBack(t, c)
			waitIn(t, f, c)
			c.gate = func(op, name string) {
				if op == "move" {
					t.Errorf("%s is moved", name)
				}
			}
			if err := replace(f); !errors.Is(err, backend.ErrUnavailable) {
				t.Errorf("it answered %v", err)
			}
			c.gate = nil
			c.down.Store(false)
			if err := replace(f); err != nil {
				t.Errorf("when it can be stored, it answered %v", err)
			}
			if got := tree(t, newFS(t, c)); !strings.Contains(got, "dir/new=waits") || strings.Contains(got, "dir/a") {
				t.Errorf("the store has %q", got)
			}
		})
	}
}

// TestAgreementIsLostWhileItIsStored: what waits is stored before it is moved or removed,
// for minutes maybe, and the agreement on the names can be lost meanwhile.
func TestAgreementIsLostWhileItIsStored(t *testing.T) {
	for name, change := range map[string]func(f *vfs.FS) error{
		"over a folder": func(f *vfs.FS) error { return f.Move("/from", "/dir", true) },
		"moved":         func(f *vfs.FS) error { return f.Move("/from", "/to", false) },
		"removed":       func(f *vfs.FS) error { return f.RemoveAll("/from") },
	} {
		t.Run(name, func(t *testing.T) {
			c := &refusing{counting: newCounting(memory.Options{})}
			var lost atomic.Bool
			f := withWriteBack(t, c, vfs.WithAgreement(func(context.Context) bool { return !lost.Load() }))
			waitIn(t, f, c)
			c.gate = func(op, name string) {
				switch op {
				case "put":
					lost.Store(true)
				case "move", "remove":
					t.Errorf("%s: %s", op, name)
				}
			}
			c.down.Store(false)
			if err := change(f); !errors.Is(err, backend.ErrUnavailable) {
				t.Errorf("it answered %v", err)
			}
		})
	}
}

// TestWriteBackTurnedOff: what a previous run has left is stored all the same,
// and what is written now is not told before it is.
func TestWriteBackTurnedOff(t *testing.T) {
	var down atomic.Bool
	b, state := memory.New(memory.Options{}), t.TempDir()
	store := putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
		if down.Load() {
			return backend.Info{}, backend.PathError("put", name, backend.ErrUnavailable, "")
		}
		return b.Put(ctx, name, body, opts)
	}}
	down.Store(true)
	f := newFS(t, store, vfs.WithStateDir(state), vfs.WithWriteBack(1<<20))
	write(t, f, "/a", "1")
	write(t, f, "/b", "2")
	f.Close()
	if left, err := vfs.ReadQueue(state); err != nil || len(left) != 2 || left[0].Name != "a" || left[0].Error == "" {
		t.Fatalf("there waits %+v, %v", left, err)
	}
	f = newFS(t, store, vfs.WithStateDir(state))
	if got := tree(t, f); got != "a=1 b=2" {
		t.Errorf("%q is seen", got)
	}
	if _, err := f.Put("/c", strings.NewReader("3"), 1, time.Time{}, "", false); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("a write that was not stored: %v", err)
	}
	down.Store(false)
	write(t, f, "/a", "4")
	waitStored(t, f)
	if got := tree(t, newFS(t, b)); got != "a=4 b=2" {
		t.Errorf("the store has %q", got)
	}
}

// TestWriteBackNeeds shows what write-back requires.
func TestWriteBackNeeds(t *testing.T) {
	if _, err := vfs.New(memory.New(memory.Options{}), vfs.WithWriteBack(1)); err == nil || !strings.Contains(err.Error(), "state folder") {
		t.Errorf("without a state folder: %v", err)
	}
	if _, err := vfs.New(openLocal(t, t.TempDir()), vfs.WithStateDir(t.TempDir()), vfs.WithWriteBack(1)); err == nil || !strings.Contains(err.Error(), "versions") {
		t.Errorf("over a store that tells no version ahead: %v", err)
	}
}

// TestWriteBackAndTheRevision: what is acknowledged moves the revision, so that
// one which moves late is not taken for one that never does.
func TestWriteBackAndTheRevision(t *testing.T) {
	var log bytes.Buffer
	goOn, now := make(chan struct{}), newClock()
	c := newCounting(memory.Options{})
	f := withWriteBack(t, c, vfs.WithClock(now.Now), vfs.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	if _, err := afero.ReadDir(f, "/"); err != nil {
		t.Fatal(err)
	}
	c.gate = func(op, _ string) {
		if op == "put" {
			<-goOn
		}
	}
	look := func() {
		now.Advance(6 * time.Second)
		if _, err := afero.ReadDir(f, "/"); err != nil {
			t.Fatal(err)
		}
	}
	look()
	look()
	write(t, f, "/a", "1")
	look()
	look()
	close(goOn)
	waitStored(t, f)
	if strings.Contains(log.String(), "revision") {
		t.Errorf("it is not trusted any more:\n%s", &log)
	}
}
