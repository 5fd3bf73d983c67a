package vfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestFoldersOfOurOwnAreDeleted takes the folders for journal and spool away,
// and then puts something in their place that is none. The first does no harm;
// the second is an error, and not one that says something about the share.
func TestFoldersOfOurOwnAreDeleted(t *testing.T) {
	state, spool := filepath.Join(t.TempDir(), "state"), filepath.Join(t.TempDir(), "spool")
	f, err := vfs.New(memory.New(memory.Options{}), vfs.WithStateDir(state), vfs.WithSpoolDir(spool))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	big := make([]byte, 9<<20)
	for _, folder := range []string{"/a", "/b", "/c"} {
		if err := f.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	change := func() (move, put error) {
		_, put = f.Put("/big", bytes.NewReader(big), -1, time.Time{}, "", false)
		return f.Move("/a", "/b", true), put
	}
	remove := func() {
		for _, dir := range []string{state, spool} {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove()
	if move, put := change(); move != nil || put != nil {
		t.Errorf("without the folders: Move gave %v, Put %v", move, put)
	}
	remove()
	for _, dir := range []string{state, spool} {
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Rename("/c", "/a"); err != nil {
		t.Fatal(err)
	}
	move, put := change()
	for what, err := range map[string]error{"Move": move, "Put": put} {
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%s with files in the place of the folders gave %v", what, err)
		}
	}
}
