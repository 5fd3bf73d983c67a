//go:build linux || darwin

package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// TestTheOwnerIsKept replaces a file of another user, as root.
func TestTheOwnerIsKept(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	write(t, file, "old")
	if err := os.Chown(file, 1234, 2345); err != nil {
		t.Skipf("cannot give a file away here: %v", err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t, open(t, dir), "f", "new", backend.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if st := fi.Sys().(*syscall.Stat_t); st.Uid != 1234 || st.Gid != 2345 || fi.Mode().Perm() != 0o640 {
		t.Errorf("it belongs to %d:%d with %v", st.Uid, st.Gid, fi.Mode())
	}
}

// TestAPipeIsNoFolder names something below a pipe: nothing waits until somebody
// writes to it.
func TestAPipeIsNoFolder(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skipf("there are no pipes here: %v", err)
	}
	b := open(t, dir)
	_, putErr := put(t, b, "pipe/f", "content", backend.PutOptions{})
	for op, err := range map[string]error{
		"put":    putErr,
		"remove": b.Remove(t.Context(), "pipe/f", backend.RemoveOptions{}),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
