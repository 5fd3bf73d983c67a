package yandex_test

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// hides makes the service answer as if it had nothing under a name, so many times.
func hides(srv *emulator.Server, name string, times int) {
	srv.Inject(emulator.Fault{Endpoint: emulator.GetResource, Path: name, Times: times, Status: 404, Code: "DiskNotFoundError"})
}

// TestLearn: what another process has stored is not missing because the service does
// not show it yet; what it has removed or moved away is missing at once, though this
// process has just stored it.
func TestLearn(t *testing.T) {
	srv, other := start(t, emulator.Options{}, yandex.Config{})
	b := connect(t, srv, yandex.Config{})
	version := func(of *yandex.Backend, name string) string {
		info, err := of.Put(t.Context(), name, strings.NewReader("content of "+name), backend.PutOptions{Size: int64(len("content of " + name))})
		if err != nil {
			t.Fatal(err)
		}
		return info.Version
	}
	plant(t, srv, map[string]string{"/d/old": "old", "/e/old": "old"})

	stored := version(other, "e/other")
	hides(srv, "/e/other", 3)
	if _, err := b.Stat(t.Context(), "e/other"); err == nil {
		t.Error("it is found untold: this test shows nothing")
	}
	b.Learn("e/other", stored)
	if info, err := b.Stat(t.Context(), "e/other"); err != nil || info.Version != stored {
		t.Errorf("what was stored by another is %+v, %v", info, err)
	}

	asked := func(name string, want int) {
		t.Helper()
		srv.ResetCounters()
		_, err := b.Stat(t.Context(), name)
		if n := srv.Counters().By[emulator.GetResource]; n != want || err == nil {
			t.Errorf("%s: asked %d times, want %d, %v", name, n, want, err)
		}
		expectKind(t, "stat", err, fs.ErrNotExist)
	}
	for _, name := range []string{"d/f", "d/g", "e/h"} {
		version(b, name)
		if err := other.Remove(t.Context(), name, backend.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	asked("d/f", 7)
	b.Learn("d/f", "")
	asked("d/f", 1)
	b.Learn("d", "") // with all below it
	asked("d/g", 1)
	b.Learn(".", "")
	asked("e/h", 1)
}

// TestLearnedFileMayBeListedLate: a listing without it is asked for again.
func TestLearnedFileMayBeListedLate(t *testing.T) {
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/d/old": "old"})
	b.Learn("d/f", "a version")
	srv.ResetCounters()
	if listed(t, b, "d", "old") == "" || srv.Counters().By[emulator.GetResource] != 7 {
		t.Errorf("the listing was asked for %d times", srv.Counters().By[emulator.GetResource])
	}
}

// TestTimeOfReplacedContent: a modification time that was to be written is not written
// to what another process has put in its place, and is written to what it was for: what
// another has told decides neither.
func TestTimeOfReplacedContent(t *testing.T) {
	for what, test := range map[string]struct {
		learn    [2]string // name and version
		replaced bool
	}{
		"a file, replaced":                {[2]string{"d/f", "another version"}, true},
		"a file, stored before":           {[2]string{"d/f", "another version"}, false},
		"moved over it":                   {[2]string{"d/f", ""}, true},
		"other properties":                {[2]string{"d/f", ""}, false},
		"a folder above":                  {[2]string{"d", ""}, true},
		"anything, after being away":      {[2]string{".", ""}, true},
		"nothing of it, after being away": {[2]string{".", ""}, false},
	} {
		t.Run(what, func(t *testing.T) {
			srv, b := start(t, emulator.Options{}, yandex.Config{ModTimeWait: time.Hour, StateDir: t.TempDir()})
			plant(t, srv, map[string]string{"/d/old": "old"})
			putAt(t, b, "d/f", "x", time.Unix(1e9, 0))
			if test.replaced {
				plant(t, srv, map[string]string{"/d/f": "of another"})
			}
			b.Learn(test.learn[0], test.learn[1])
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			if n, want := srv.Counters().By[emulator.PatchResource], map[bool]int{false: 1}[test.replaced]; n != want {
				t.Errorf("written %d times, want %d", n, want)
			}
		})
	}
}

// TestNewTimeIsNotInDoubt: what another process has stored before makes no doubt of a time
// that is recorded after it: it is written without a look.
func TestNewTimeIsNotInDoubt(t *testing.T) {
	srv, b := start(t, emulator.Options{}, yandex.Config{ModTimeWait: time.Hour, StateDir: t.TempDir()})
	plant(t, srv, map[string]string{"/d/old": "old"})
	putAt(t, b, "d/f", "x", time.Unix(1e9, 0))
	b.Learn("d/f", "another version")
	putAt(t, b, "d/f", "newer", time.Unix(2e9, 0))
	srv.ResetCounters()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	calls := srv.Counters().By
	if calls[emulator.GetResource] != 0 || calls[emulator.PatchResource] != 1 {
		t.Errorf("it was looked at %d times, and written %d times", calls[emulator.GetResource], calls[emulator.PatchResource])
	}
}
