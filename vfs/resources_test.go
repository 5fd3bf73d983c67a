package vfs_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/testwait"
	"github.com/davdisk/davdisk/vfs"
)

// pattern is a store of one file that is not kept anywhere: what is put is
// thrown away, what is read is made up.
type pattern struct {
	*memory.Backend
	size int64
}

func (p pattern) info() backend.Info {
	return backend.Info{Name: "f", Size: p.size, Version: "pattern"}
}

func (p pattern) List(_ context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if name != "." {
		return p.info(), nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	return backend.Info{Name: ".", Dir: true}, func(yield func(backend.Info, error) bool) { yield(p.info(), nil) }, nil
}

func (p pattern) Open(context.Context, string, string) (backend.Content, error) {
	return patternContent{p}, nil
}

func (p pattern) Put(_ context.Context, _ string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	n, err := io.Copy(io.Discard, body)
	if err == nil && n != opts.Size {
		err = io.ErrUnexpectedEOF
	}
	return p.info(), err
}

type patternContent struct{ p pattern }

func (c patternContent) Info() backend.Info { return c.p.info() }
func (c patternContent) Close() error       { return nil }

func (c patternContent) Range(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if length < 0 {
		length = math.MaxInt64
	}
	return io.NopCloser(io.LimitReader(zeros{}, min(length, c.p.size-offset))), nil
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestPeakMemory stores and reads more than 1 GiB in a process of its own, and
// less in other ways.
func TestPeakMemory(t *testing.T) {
	const limit = 64 << 20
	if how := os.Getenv("DAVDISK_TEST_PEAK"); how != "" {
		storeAndRead(t, how, map[string]int64{"known size": 1 << 30}[how]+(128<<20))
		return
	}
	if _, err := os.Stat("/proc/self/status"); err != nil || testing.Short() {
		t.Skip("needs Linux, and some seconds")
	}
	if raceDetector {
		t.Skip("the race detector takes several times the memory")
	}
	for _, how := range []string{"known size", "unknown size", "handle"} {
		child := exec.Command(os.Args[0], "-test.run=^TestPeakMemory$")
		child.Env = append(os.Environ(), "DAVDISK_TEST_PEAK="+how)
		out, err := child.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		_, after, _ := strings.Cut(string(out), "VmHWM:")
		kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		t.Logf("%s: peak of %d MiB", how, kib>>10)
		if kib<<10 > limit {
			t.Errorf("%s: peak of %d MiB, want less than %d", how, kib>>10, limit>>20)
		}
	}
}

func storeAndRead(t *testing.T, how string, size int64) {
	f := newFS(t, pattern{memory.New(memory.Options{}), size}, vfs.WithSpoolDir(t.TempDir()), vfs.WithCacheDir(t.TempDir(), 16<<20))
	body := io.LimitReader(zeros{}, size)
	var err error
	switch how {
	case "known size":
		_, err = f.Put("/f", body, size, time.Time{}, "", false)
	case "unknown size":
		_, err = f.Put("/f", body, -1, time.Time{}, "", false)
	case "handle":
		var h afero.File
		if h, err = f.Create("/f"); err == nil {
			_, err = io.Copy(h, body)
			err = errors.Join(err, h.Close())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	h, err := f.Open("/f")
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if n, err := io.Copy(io.Discard, h); n != size || err != nil {
		t.Fatal(n, err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.Write(status)
}

// TestNothingIsLeft looks for goroutines, open transfers and temporary files
// after everything has been closed.
func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	spool := t.TempDir()
	r := newRanges(t, randomBytes(1<<20, 9))
	open := 0
	r.body = func(body io.ReadCloser, _ int) (io.ReadCloser, error) {
		open++
		return closing{body, &open}, nil
	}
	f, err := vfs.New(r, vfs.WithSpoolDir(spool), vfs.WithCacheDir(t.TempDir(), 1<<20), vfs.WithStateDir(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	h, err := f.OpenFile("/f", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 1000)
	for off := int64(0); off < 1<<20; off += 100_000 {
		if _, err := h.ReadAt(part, off); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.WriteAt(make([]byte, large), 0); err != nil {
		t.Fatal(err)
	}
	abandoned, err := f.Create("/abandoned")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := abandoned.Write(make([]byte, large)); err != nil {
		t.Fatal(err)
	}
	tree(t, f)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if open != 0 {
		t.Errorf("%d transfers are still open", open)
	}
	if left, _ := os.ReadDir(spool); len(left) > 0 {
		t.Errorf("%d files are left in the spool", len(left))
	}
	for deadline := time.Now().Add(testwait.Limit(t)); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// closing counts a transfer until it is closed.
type closing struct {
	io.ReadCloser
	open *int
}

func (c closing) Close() error {
	*c.open--
	return c.ReadCloser.Close()
}

// closingOpens is a store whose opens call a function of the test.
type closingOpens struct {
	*stormStore
	opening func()
}

func (s *closingOpens) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := s.stormStore.Open(ctx, name, version)
	if s.opening != nil {
		s.opening()
	}
	return content, err
}

// TestClosedWhileItIsOpened closes the last handle on a file while its content is
// being opened, because the file is deleted: the content is closed too.
func TestClosedWhileItIsOpened(t *testing.T) {
	s := &closingOpens{stormStore: newStormStore(t, memory.New(memory.Options{}))}
	f := newFS(t, s)
	write(t, f, "/f", "content")
	h := openFile(t, f, "/f", os.O_RDWR)
	s.opening = func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := f.Delete("/f", ""); err != nil {
		t.Fatal(err)
	}
	if n := s.opened.Load(); n != 0 {
		t.Errorf("%d contents are still open", n)
	}
}
