package vfs_test

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestStalledBodyBesideAFolderChange has a body stall while it is streamed to a
// file, and a change of its folder wait for that: what else lies below the
// folder can be written, and the change of the folder is given up after ten
// seconds.
func TestStalledBodyBesideAFolderChange(t *testing.T) {
	for name, change := range map[string]func(f *vfs.FS) error{
		"rename": func(f *vfs.FS) error { return f.Rename("/d", "/e") },
		"move":   func(f *vfs.FS) error { return f.Move("/other", "/d", true) },
		"copy":   func(f *vfs.FS) error { return f.Copy("/d", "/e", false, -1) },
		"delete": func(f *vfs.FS) error { return f.Delete("/d", "") },
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFS(t, memory.New(memory.Options{}), vfs.WithSpoolDir(t.TempDir()))
			for _, folder := range []string{"/d", "/other"} {
				if err := f.Mkdir(folder, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			write(t, f, "/d/k", "kept")
			body, client := io.Pipe()
			var both sync.WaitGroup
			gone := errors.New("the client is gone")
			both.Go(func() {
				if _, err := f.Put("/d/slow", body, large, time.Time{}, "", false); !errors.Is(err, gone) {
					t.Errorf("the body that stalled: %v", err)
				}
			})
			synctest.Wait() // it has the name
			both.Go(func() {
				start := time.Now()
				if err := change(f); !errors.Is(err, backend.ErrLocked) || time.Since(start) != 10*time.Second {
					t.Errorf("%s: %v after %v, want ErrLocked after 10 s", name, err, time.Since(start))
				}
			})
			synctest.Wait() // it waits
			start := time.Now()
			write(t, f, "/d/beside", "written")
			h := openFile(t, f, "/d/k", os.O_WRONLY|os.O_TRUNC)
			overwrite(t, h, "edited")
			if err := h.Close(); err != nil {
				t.Error(err)
			}
			if waited := time.Since(start); waited > 0 {
				t.Errorf("%s: writes beside it waited for %v", name, waited)
			}
			time.Sleep(time.Minute)
			client.CloseWithError(gone)
			both.Wait()
			if got := tree(t, f); got != "d/ d/beside=written d/k=edited other/" {
				t.Errorf("%s: there is %q", name, got)
			}
		})
	}
}

// TestCloseOfAReader closes handles through which nothing was written while the
// file is being stored.
func TestCloseOfAReader(t *testing.T) {
	b := memory.New(memory.Options{})
	var amid func()
	f := newFS(t, putter{b, func(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
		if amid != nil {
			amid()
		}
		return b.Put(ctx, name, body, opts)
	}})
	write(t, f, "/f", "old")
	writer := openFile(t, f, "/f", os.O_RDWR)
	overwrite(t, writer, "new")
	idle := []io.Closer{openFile(t, f, "/f", os.O_RDONLY), openFile(t, f, "/f", os.O_RDWR)}
	amid = func() {
		for _, h := range idle {
			closed := make(chan error, 1)
			go func() { closed <- h.Close() }()
			select {
			case err := <-closed:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(20 * time.Second):
				t.Error("Close waits for the upload")
			}
		}
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	if got := tree(t, f); got != "f=new" {
		t.Errorf("there is %q", got)
	}
}

// TestOthersOperationsDisturbNoLook has folders be replaced while a file
// elsewhere is looked at, and another folder listed: the store is asked once.
func TestOthersOperationsDisturbNoLook(t *testing.T) {
	b := newCounting(memory.Options{})
	f := newFS(t, b, vfs.WithDirCache(0, 0))
	replaceFixture(t, f)
	for _, folder := range []string{"/away", "/away/from", "/away/to", "/away/other"} {
		if err := f.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for what, look := range map[string]func() error{
		"stat /plain": func() error { _, err := f.Stat("/plain"); return err },
		"list /d":     func() error { _, err := openFile(t, f, "/d", os.O_RDONLY).Readdir(-1); return err },
	} {
		asked, replaced := 0, false
		b.gate = func(op, name string) {
			if asks := (op == "stat" || op == "list") && !strings.HasPrefix(name, "away"); !asks {
				return
			}
			asked++
			if replaced {
				return
			}
			replaced = true
			if err := f.Copy("/away/from", "/away/to", true, -1); err != nil {
				t.Error(err)
			}
		}
		if err := look(); err != nil {
			t.Error(err)
		}
		b.gate = nil
		if asked != 1 || !replaced {
			t.Errorf("%s: the store was asked %d times", what, asked)
		}
	}
}
