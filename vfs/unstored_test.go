package vfs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// newWithUnstored makes a file system in which the folder /d holds the file k,
// and /new is being written but not stored yet.
func newWithUnstored(t *testing.T, b backend.Backend) (f *vfs.FS, abort func() error) {
	t.Helper()
	f = newFS(t, b)
	if err := f.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, f, "/d/k", "kept")
	h := openFile(t, f, "/new", os.O_WRONLY|os.O_CREATE)
	overwrite(t, h, "new")
	return f, h.(interface{ Abort() error }).Abort
}

// TestMoveUnstoredOverFolder moves a file that is still being written over a
// folder: the folder is replaced whole, or stays if the store refuses.
func TestMoveUnstoredOverFolder(t *testing.T) {
	t.Run("stored", func(t *testing.T) {
		f, abort := newWithUnstored(t, memory.New(memory.Options{}))
		if err := f.Move("/new", "/d", true); err != nil {
			t.Fatal(err)
		}
		if err := abort(); err != nil {
			t.Error(err)
		}
		if got := tree(t, f); got != "d=new" {
			t.Errorf("there is %q", got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		b := memory.New(memory.Options{})
		f, abort := newWithUnstored(t, putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
			if name == "d" {
				return backend.Info{}, backend.PathError("put", name, backend.ErrQuota, "")
			}
			return b.Put(ctx, name, body, opts)
		}})
		if err := f.Move("/new", "/d", true); !errors.Is(err, backend.ErrQuota) {
			t.Errorf("it answered %v, want ErrQuota", err)
		}
		if got := tree(t, f); got != "d/ d/k=kept new=new" {
			t.Errorf("there is %q", got)
		}
		if err := abort(); err != nil {
			t.Error(err)
		}
		if got := tree(t, f); got != "d/ d/k=kept" {
			t.Errorf("after Abort there is %q", got)
		}
	})
	t.Run("taken by someone else", func(t *testing.T) {
		b := memory.New(memory.Options{})
		f, abort := newWithUnstored(t, putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
			if name == "d" {
				if _, err := b.Put(ctx, name, strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
					t.Error(err)
				}
			}
			return b.Put(ctx, name, body, opts)
		}})
		if err := f.Move("/new", "/d", true); !errors.Is(err, fs.ErrExist) {
			t.Errorf("it answered %v, want ErrExist", err)
		}
		if err := abort(); err != nil {
			t.Error(err)
		}
		got := tree(t, f)
		if !strings.HasPrefix(got, "d=theirs d (before ") || !strings.HasSuffix(got, "/k=kept") {
			t.Errorf("there is %q: something has been lost", got)
		}
	})
}

// TestCopyUnstored copies a file that is listed and not stored yet: the copy has
// what was written so far, whatever becomes of the original.
func TestCopyUnstored(t *testing.T) {
	for to, want := range map[string]string{
		"/copy":  "copy=new d/ d/k=kept plain=plain",
		"/plain": "d/ d/k=kept plain=new",
		"/d":     "d=new plain=plain",
	} {
		b := memory.New(memory.Options{})
		f, abort := newWithUnstored(t, b)
		write(t, f, "/plain", "plain")
		if err := f.Copy("/new", to, true, -1); err != nil {
			t.Errorf("to %s: %v", to, err)
		}
		if got := tree(t, f); !strings.Contains(" "+got+" ", " new=new ") {
			t.Errorf("to %s: there is %q; the original has gone", to, got)
		}
		if err := abort(); err != nil {
			t.Error(err)
		}
		for which, view := range map[string]*vfs.FS{"here": f, "in the store": newFS(t, b)} {
			if got := tree(t, view); got != want {
				t.Errorf("to %s: %s there is %q, want %q", to, which, got, want)
			}
		}
	}
	f, _ := newWithUnstored(t, memory.New(memory.Options{}))
	write(t, f, "/plain", "plain")
	if err := f.Copy("/new", "/plain", false, -1); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file, without overwrite: %v, want ErrExist", err)
	}
	if got := tree(t, f); got != "d/ d/k=kept new=new plain=plain" {
		t.Errorf("there is %q", got)
	}
}

// TestPropertiesOfUnstored checks that a file that is listed is not said to be
// missing when its properties are asked for or set.
func TestPropertiesOfUnstored(t *testing.T) {
	f, _ := newWithUnstored(t, memory.New(memory.Options{}))
	if props, err := f.Properties("/new"); err != nil || len(props) > 0 {
		t.Errorf("it has the properties %v, %v", props, err)
	}
	if err := f.SetProperties("/new", map[string]string{"{a}b": "<b xmlns='a'/>"}, nil); !errors.Is(err, backend.ErrLocked) {
		t.Errorf("setting one answered %v, want ErrLocked", err)
	}
	if _, err := f.Properties("/missing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a missing file: %v, want ErrNotExist", err)
	}
}

// TestExclusiveAfterAFailedMove has a file that was made with O_EXCL and could
// not be moved over another: it still replaces nothing under its own name.
func TestExclusiveAfterAFailedMove(t *testing.T) {
	b := memory.New(memory.Options{})
	f := newFS(t, putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
		if name == "old" && opts.Size != 3 {
			return backend.Info{}, backend.PathError("put", name, backend.ErrUnavailable, "")
		}
		return b.Put(ctx, name, body, opts)
	}})
	write(t, f, "/old", "old")
	h := openFile(t, f, "/new", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	overwrite(t, h, "mine")
	if err := f.Rename("/new", "/old"); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("it answered %v, want ErrUnavailable", err)
	}
	if _, err := b.Put(t.Context(), "new", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Close answered %v, want ErrExist", err)
	}
	if got := tree(t, newFS(t, b)); got != "new=theirs old=old" {
		t.Errorf("there is %q", got)
	}
}

// TestAbortAmidAMove aborts a file that is being written while it takes the
// place of another, at every call that the store gets for that: the move is
// made whole, or fails and there is nothing of the file.
func TestAbortAmidAMove(t *testing.T) {
	for target, test := range map[string]struct{ moved, failed string }{
		"/d":     {"d=new plain=plain", "d/ d/k=kept plain=plain"},
		"/plain": {"d/ d/k=kept plain=new", "d/ d/k=kept plain=plain"},
	} {
		for _, fails := range []bool{false, true} { // that call
			for at, calls := 1, 1; at <= calls; at++ {
				var abort func() error
				calls = 0
				f, unstored := newWithUnstored(t, hooked{memory.New(memory.Options{}), func(change func() error) error {
					if abort == nil {
						return change()
					}
					if calls++; calls != at {
						return change()
					}
					if err := abort(); err != nil {
						t.Error(err)
					}
					if fails {
						return backend.PathError("change", "-", backend.ErrUnavailable, "")
					}
					return change()
				}})
				write(t, f, "/plain", "plain")
				abort = unstored
				err := f.Move("/new", target, true)
				want := test.moved
				if err != nil {
					want = test.failed
				}
				if got := tree(t, f); got != want {
					t.Errorf("over %s, aborted at call %d (fails: %v): it answered %v, and there is %q, want %q", target, at, fails, err, got, want)
				}
			}
		}
	}
}

// TestAbortBesideRename has no moment chosen.
func TestAbortBesideRename(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	for range 2000 {
		write(t, f, "/old", "old")
		h := openFile(t, f, "/new", os.O_WRONLY|os.O_CREATE)
		overwrite(t, h, "new")
		var both sync.WaitGroup
		var err error
		both.Go(func() { err = f.Rename("/new", "/old") })
		both.Go(func() {
			if err := h.(interface{ Abort() error }).Abort(); err != nil {
				t.Error(err)
			}
		})
		both.Wait()
		want := "old=new"
		if err != nil {
			want = "old=old"
		}
		if got := tree(t, f); got != want {
			t.Fatalf("it answered %v, and there is %q, want %q", err, got, want)
		}
	}
}
