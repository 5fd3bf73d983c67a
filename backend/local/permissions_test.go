package local_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// modesWhile is a body that notes, as it is read, the modes of what is in a
// folder under a temporary name.
type modesWhile struct {
	io.Reader
	dir  string
	seen map[os.FileMode]bool
}

func (m modesWhile) Read(p []byte) (int, error) {
	temporary, _ := filepath.Glob(filepath.Join(m.dir, ".~davdisk-*"))
	for _, name := range temporary {
		if fi, err := os.Lstat(name); err == nil {
			m.seen[fi.Mode().Perm()] = true
		}
	}
	return m.Reader.Read(p)
}

// TestUnfinishedContentIsPrivate looks at the temporary file while a private
// file is replaced, and a new one made.
func TestUnfinishedContentIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "private"), "old")
	usual, err := os.OpenFile(filepath.Join(dir, "usual"), os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer usual.Close()
	fi, err := usual.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	for name, want := range map[string]os.FileMode{"private": 0o600, "new": fi.Mode().Perm()} {
		body := modesWhile{strings.NewReader("content"), dir, map[os.FileMode]bool{}}
		if _, err := b.Put(t.Context(), name, body, backend.PutOptions{Size: 7}); err != nil {
			t.Fatal(err)
		}
		if len(body.seen) != 1 || !body.seen[0o600] {
			t.Errorf("while %s was stored its content had the modes %v", name, body.seen)
		}
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Mode().Perm() != want {
			t.Errorf("%s has %v, want %v (%v)", name, fi.Mode(), want, err)
		}
	}
}
