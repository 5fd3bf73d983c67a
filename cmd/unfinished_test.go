package cmd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestStaleEntriesOfCopiesAreSwept makes a folder with cp -r, which notes it. Entries
// of other copies go when they do not count any more.
func TestStaleEntriesOfCopiesAreSwept(t *testing.T) {
	home(t)
	state := t.TempDir()
	entries := filepath.Join(state, "transfers")
	copyNew := func() {
		t.Helper()
		if _, errs, err := runApp(t, "cp", "-r", "--state-dir", state, smallFiles(t, 1), filepath.Join(t.TempDir(), "new")); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
	}
	copyNew()
	for name, age := range map[string]time.Duration{"stale": unfinishedLife + time.Hour, "recent": unfinishedLife - time.Hour} {
		file, then := filepath.Join(entries, name+".json"), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(file, []byte("{}"), 0o600), os.Chtimes(file, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	copyNew()
	left, err := fs.Glob(os.DirFS(entries), "*")
	if err != nil || len(left) != 1 || left[0] != "recent.json" {
		t.Errorf("there are left %v, %v", left, err)
	}
}
