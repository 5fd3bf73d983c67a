package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestAfterClose calls everything on a file system that has been closed, and on
// the handles that were open then. What the store has is left alone.
func TestAfterClose(t *testing.T) {
	b := memory.New(memory.Options{})
	f, err := vfs.New(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, f, "/f", "content")
	open := func(name string, flag int) afero.File {
		h, err := f.OpenFile(name, flag, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h, reader, folder := open("/f", os.O_RDWR), open("/f", os.O_RDONLY), open("/d", os.O_RDONLY)
	if _, err := h.WriteAt([]byte("C"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Stat("/f"); err != nil { // is cached
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1)
	for name, call := range map[string]func() error{
		"Close":         f.Close,
		"Stat":          func() error { _, err := f.Stat("/f"); return err },
		"Open":          func() error { _, err := f.Open("/f"); return err },
		"Open folder":   func() error { _, err := f.Open("/d"); return err },
		"Create":        func() error { _, err := f.Create("/f"); return err },
		"OpenFile":      func() error { _, err := f.OpenFile("/f", os.O_RDWR, 0); return err },
		"Mkdir":         func() error { return f.Mkdir("/e", 0o777) },
		"MkdirAll":      func() error { return f.MkdirAll("/d", 0o777) },
		"Chmod":         func() error { return f.Chmod("/f", 0o666) },
		"Chown":         func() error { return f.Chown("/f", 0, 0) },
		"Chtimes":       func() error { return f.Chtimes("/f", time.Time{}, time.Unix(1, 0)) },
		"Rename":        func() error { return f.Rename("/f", "/g") },
		"Move":          func() error { return f.Move("/f", "/g", true) },
		"Copy":          func() error { return f.Copy("/f", "/g", true, -1) },
		"Remove":        func() error { return f.Remove("/f") },
		"RemoveAll":     func() error { return f.RemoveAll("/f") },
		"Delete":        func() error { return f.Delete("/f", "") },
		"Put":           func() error { _, err := f.Put("/f", strings.NewReader("-"), 1, time.Time{}, "", false); return err },
		"Properties":    func() error { _, err := f.Properties("/f"); return err },
		"SetProperties": func() error { return f.SetProperties("/f", map[string]string{"{a}b": "-"}, nil) },
		"Usage":         func() error { _, _, err := f.Usage(); return err },
		"UsageIn":       func() error { _, _, err := f.UsageIn("/d"); return err },
		"read":          func() error { _, err := reader.Read(buf); return err },
		"read at":       func() error { _, err := h.ReadAt(buf, 0); return err },
		"write":         func() error { _, err := h.Write(buf); return err },
		"write at":      func() error { _, err := h.WriteAt(buf, 0); return err },
		"truncate":      func() error { return h.Truncate(0) },
		"seek":          func() error { _, err := h.Seek(0, io.SeekEnd); return err },
		"stat":          func() error { _, err := h.Stat(); return err },
		"sync":          h.Sync,
		"readdir":       func() error { _, err := folder.Readdir(-1); return err },
		"stat folder":   func() error { _, err := folder.Stat(); return err },
		"seek folder":   func() error { _, err := folder.Seek(0, io.SeekStart); return err },
	} {
		if err := call(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
	if err := h.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closing a file with unsaved changes: %v, want ErrClosed", err)
	}
	for _, h := range []afero.File{reader, folder} {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := tree(t, newFS(t, b)); got != "d/ f=content" {
		t.Errorf("there is %q", got)
	}
}
