package cmd

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
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

// TestAnInterruptionTellsWhatGoesOn where the new folder could not be noted: the
// same command would copy into it. In a folder that was there it goes on.
func TestAnInterruptionTellsWhatGoesOn(t *testing.T) {
	for _, test := range []struct{ to, first, says string }{
		{"yandex:new", "disk:/new/f0.txt", `'davdisk sync' of "SOURCE" to "yandex:new" goes on from there`},
		{"yandex:there", "disk:/there/files/f0.txt", "the same command goes on from there"},
	} {
		disk := onDisk(t)
		if err := disk.Mkdir("disk:/there"); err != nil {
			t.Fatal(err)
		}
		state, dir := t.TempDir(), smallFiles(t, 2)
		if _, errs, err := runApp(t, "ls", "--state-dir", state, "yandex:"); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
		if err := os.WriteFile(filepath.Join(state, "transfers"), nil, 0o600); err != nil { // in place of a folder
			t.Fatal(err)
		}
		disk.Inject(emulator.Fault{Endpoint: emulator.UploadLink, Path: "f1.txt", Delay: time.Hour, Times: 1})
		_, cancel, ended := begin(t, "cp", "-r", "--no-wait", "--transfers", "1", "--state-dir", state, dir, test.to)
		for deadline := time.Now().Add(testwait.Limit(t)); ; time.Sleep(time.Millisecond) {
			if _, err := disk.ReadFile(test.first); err == nil {
				break
			}
			if time.Now().After(deadline) || len(ended) > 0 {
				t.Fatal("the first file is not stored")
			}
		}
		cancel() // the second never is
		var text bytes.Buffer
		code := exit(&text, <-ended)
		if says := strings.ReplaceAll(test.says, "SOURCE", dir); code != exitInterrupted || !strings.Contains(text.String(), says) {
			t.Errorf("to %s: it ends with %d: %q; want %q", test.to, code, &text, says)
		}
	}
}
