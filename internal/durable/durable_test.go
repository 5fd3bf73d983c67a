package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestWriteFileReplaces(t *testing.T) {
	name := filepath.Join(t.TempDir(), "Ж $x%20 #1")
	for content, perm := range map[string]fs.FileMode{"first": 0o600, "second, which is longer": 0o644, "": 0o640} {
		if err := WriteFile(name, []byte(content), perm); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != content {
			t.Errorf("there is %q (%v), want %q", got, err, content)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != perm {
			t.Errorf("its mode is %v, want %v", info.Mode().Perm(), perm)
		}
	}
	alone(t, name)
}

// TestWriteFileFails leaves what was there, and nothing else.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "folder")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(taken, []byte("x"), 0o600); err == nil {
		t.Error("a file took the place of a folder")
	}
	alone(t, taken)
	if err := WriteFile(filepath.Join(dir, "missing", "f"), []byte("x"), 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder it says %v", err)
	}
}

// TestWriteFailsHalfway leaves the old content, and nothing beside it.
func TestWriteFailsHalfway(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := Write(name, 0o600, func(w io.Writer) error {
		if _, err := io.WriteString(w, "ne"); err != nil {
			return err
		}
		return broken
	})
	if got, _ := os.ReadFile(name); !errors.Is(err, broken) || string(got) != "old" {
		t.Errorf("it says %v and there is %q", err, got)
	}
	alone(t, name)
}

// TestSweep removes what a writer of this file has left, and of no other.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "[a]*")
	for _, left := range []string{".[a]*.new-1", ".[a]*.new-23", ".a.new-1"} {
		if err := os.WriteFile(filepath.Join(dir, left), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(name); err != nil {
		t.Fatal(err)
	}
	alone(t, filepath.Join(dir, ".a.new-1"))
	if err := Sweep(filepath.Join(dir, "missing", "f")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a folder: %v", err)
	}
}

// TestWritersOfOneFile race: one of the contents is there, whole.
func TestWritersOfOneFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	var writers sync.WaitGroup
	for i := range 8 {
		writers.Go(func() {
			if err := WriteFile(name, []byte(strings.Repeat(strconv.Itoa(i), 64<<10)), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	got, err := os.ReadFile(name)
	if err != nil || len(got) != 64<<10 || strings.Trim(string(got), string(got[:1])) != "" {
		t.Errorf("there are %d bytes, of more than one writer (%v)", len(got), err)
	}
	alone(t, name)
}

func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	if err := SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := SyncDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestCannot tells a file system that has no such thing from a disk that is
// broken.
func TestCannot(t *testing.T) {
	for err, want := range map[error]bool{
		nil:             false,
		syscall.EINVAL:  true,
		syscall.ENOTSUP: true,
		syscall.EIO:     false,
		syscall.ENOSPC:  false,
	} {
		if err != nil {
			err = &fs.PathError{Op: "sync", Path: "d", Err: err}
		}
		if got := cannot(err); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
}

// alone checks that a folder holds one thing.
func alone(t *testing.T, name string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(name) {
		t.Errorf("beside %s there is more: %v (%v)", name, entries, err)
	}
}
