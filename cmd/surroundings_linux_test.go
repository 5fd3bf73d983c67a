package cmd

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestFullDiskOfThisMachine runs every command where this machine has no room, for
// files nor for the state.
func TestFullDiskOfThisMachine(t *testing.T) {
	testlevel.NeedMore(t)
	small := t.TempDir()
	if err := syscall.Mount("davdisk-test", small, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a disk of its own cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	b := newBadInput(t)
	b.most = 2
	b.dir = filepath.Join(small, "here")
	for _, name := range slices.Sorted(maps.Keys(surroundedOf)) {
		if err := errors.Join(os.RemoveAll(filepath.Join(small, "ballast")), os.RemoveAll(filepath.Join(small, "state"))); err != nil {
			t.Fatal(err)
		}
		b.prepare(name)
		t.Setenv("XDG_STATE_HOME", filepath.Join(small, "state"))
		b.wants("before", "queue", exitDone)
		fillUp(t, filepath.Join(small, "ballast"))
		_, b.mayBeDone = surroundedOf[name].codes["a full disk of this machine"] // where nothing had to be remembered
		b.surround("a full disk of this machine", name)
		b.mayBeDone = false
	}
}

// fillUp writes a file until there is no room.
func fillUp(t *testing.T, name string) {
	t.Helper()
	ballast, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
