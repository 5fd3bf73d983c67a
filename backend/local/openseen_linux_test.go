package local

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/davdisk/davdisk/backend"
)

// TestOpenWhatWasSeen: what was seen to be a file may be something else by now. A pipe
// is not waited for, and the file that is opened waits as any other.
func TestOpenWhatWasSeen(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "f")
	b, err := New(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for name, test := range map[string]struct {
		make func() error
		want error
	}{
		"the file":     {func() error { return os.WriteFile(at, []byte("content"), 0o600) }, nil},
		"another file": {func() error { return os.WriteFile(at, []byte("other"), 0o600) }, backend.ErrChanged},
		"a pipe":       {func() error { return unix.Mkfifo(at, 0o600) }, fs.ErrPermission},
		"a folder":     {func() error { return os.Mkdir(at, 0o700) }, backend.ErrIsDir},
		"nothing":      {func() error { return nil }, fs.ErrNotExist},
		"a link":       {func() error { return os.Symlink("/etc/passwd", at) }, fs.ErrPermission},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.make(); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(at)
			version := "of another"
			if test.want == nil {
				info, err := b.Stat(t.Context(), "f")
				if err != nil {
					t.Fatal(err)
				}
				version = info.Version
			}
			c, err := b.Open(t.Context(), "f", version)
			if test.want != nil {
				if !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			opened := c.(*content)
			if flags, err := unix.FcntlInt(opened.file.Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("the file is open with flags %o, %v", flags, err)
			}
			r, err := c.Range(t.Context(), 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != "content" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
