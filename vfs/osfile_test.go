package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

type osFiler interface {
	OSFile() (f *os.File, unchanged func() error, err error)
}

// TestOSFile: a file has one if it is in a folder, and not while it is written.
func TestOSFile(t *testing.T) {
	dir := t.TempDir()
	f := newFS(t, openLocal(t, dir))
	write(t, f, "/f", "content")
	h := openFile(t, f, "/f", os.O_RDONLY)
	file, unchanged, err := h.(osFiler).OSFile()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || string(got) != "content" {
		t.Errorf("%q, %v", got, err)
	}
	if err := unchanged(); err != nil {
		t.Error(err)
	}

	// Replacing the file leaves the open one as it is.
	write(t, f, "/f", "other content")
	if err := unchanged(); err != nil {
		t.Errorf("replaced: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unchanged(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, _, err := h.(osFiler).OSFile(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed: %v", err)
	}

	// Written in place by another program: 503, so that the client tries again.
	h = openFile(t, f, "/f", os.O_RDONLY)
	defer h.Close()
	inPlace, unchanged, err := h.(osFiler).OSFile()
	if err != nil {
		t.Fatal(err)
	}
	defer inPlace.Close()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("what another program wrote"), 0o600); err != nil {
		t.Fatal(err)
	}
	var status interface {
		HTTPStatus() (int, time.Duration)
	}
	err = unchanged()
	if !errors.Is(err, backend.ErrChanged) || !errors.As(err, &status) {
		t.Fatalf("written in place: %v", err)
	}
	if code, _ := status.HTTPStatus(); code != http.StatusServiceUnavailable {
		t.Errorf("written in place: %d", code)
	}
}

// TestOSFileOfAFileBeingWritten: its content is not in the store.
func TestOSFileOfAFileBeingWritten(t *testing.T) {
	f := newFS(t, openLocal(t, t.TempDir()))
	write(t, f, "/f", "content")
	h := openFile(t, f, "/f", os.O_RDONLY)
	defer h.Close()
	file, unchanged, err := h.(osFiler).OSFile()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	writer := openFile(t, f, "/f", os.O_RDWR)
	overwrite(t, writer, "C")
	if err := unchanged(); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("written through another handle: %v", err)
	}
	if _, _, err := h.(osFiler).OSFile(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("written through another handle: %v", err)
	}
	if err := writer.(interface{ Abort() error }).Abort(); err != nil {
		t.Fatal(err)
	}
}

// TestOSFileOfOtherStores has none.
func TestOSFileOfOtherStores(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}), vfs.WithDirCache(0, 0))
	write(t, f, "/f", "content")
	h := openFile(t, f, "/f", os.O_RDONLY)
	defer h.Close()
	if _, _, err := h.(osFiler).OSFile(); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
