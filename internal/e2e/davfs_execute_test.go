package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestDavfs2KeepsTheExecutableBit: the bit of a file is there after a new mount,
// whether the file was made with it or got it later.
func TestDavfs2KeepsTheExecutableBit(t *testing.T) {
	s := serve(t, startDisk(t, emulator.Options{}))
	mnt, unmount := mountDavfsWith(t, s.url, davfsDefaults)
	want := map[string]bool{"made.sh": true, "later.sh": true, "taken.sh": false, "plain.txt": false}
	for name := range want {
		mode := os.FileMode(0o644)
		if name == "made.sh" || name == "taken.sh" {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(mnt, name), []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"later.sh": 0o755, "taken.sh": 0o644} {
		if err := os.Chmod(filepath.Join(mnt, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	unmount()
	mnt, unmount = mountDavfsWith(t, s.url, davfsDefaults)
	for name, executable := range want {
		info, err := os.Stat(filepath.Join(mnt, name))
		if err != nil {
			t.Error(err)
		} else if got := info.Mode()&0o100 != 0; got != executable {
			t.Errorf("%s has the mode %v after a new mount", name, info.Mode())
		}
	}
	unmount()
}
