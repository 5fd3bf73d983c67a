package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

var keepState = flag.String("keep-state", "", "write to a new `DIR` the state folder that a davdisk leaves which is killed at work")

// keptStates are folders of internal/journal/testdata that a davdisk killed at
// work has left, state-FORMAT or state-FORMAT-RELEASE. There is one of the format
// of today, and each release adds its own, made by
//
//	go test ./internal/e2e -run TestStateOfReleases -keep-state "$PWD/internal/journal/testdata/state-2-v1.2.3"
func keptStates(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../journal/testdata/state-*")
	if err != nil {
		t.Fatal(err)
	}
	// TestStateOfVersion1 is about this one, whose journals are other files.
	return slices.DeleteFunc(found, func(dir string) bool { return filepath.Base(dir) == "state-1" })
}

const waits = "waits Ж $ %41" // an upload that --write-back has confirmed

// leaveState is killed while an upload waits, and a modification time is to be
// written.
func leaveState(t *testing.T, dir string) {
	disk := startDisk(t, emulator.Options{})
	home := t.TempDir()
	state := filepath.Join(home, "state")
	s := serveIn(t, disk, home, "--state-dir", state, "--write-back", "--yandex-mod-time-wait", "1h")
	if status, _ := s.request("PUT", "stored", strings.NewReader("stored"), "X-OC-Mtime", "1400000000"); status/100 != 2 {
		t.Fatalf("PUT: %d", status)
	}
	until(t, "the file is stored", func() bool { _, err := disk.ReadFile("disk:/stored"); return err == nil })
	disk.Inject(emulator.Fault{Endpoint: emulator.UploadContent, Status: 503, Times: -1})
	if status, _ := s.request("PUT", "waits%20%D0%96%20$%20%2541", strings.NewReader("what waits")); status/100 != 2 {
		t.Fatalf("PUT: %d", status)
	}
	s.kill()
	if err := os.CopyFS(dir, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
}

// TestStateOfReleases starts on the state folders of earlier davdisks: what they
// had promised is done.
func TestStateOfReleases(t *testing.T) {
	if *keepState != "" {
		leaveState(t, *keepState)
	}
	newest := 0
	for _, folder := range keptStates(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			home := t.TempDir()
			state := filepath.Join(home, "state")
			if err := os.CopyFS(state, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(state, 0o700); err != nil {
				t.Fatal(err)
			}
			disk := startDisk(t, emulator.Options{})
			put(t, disk, "stored", "stored")
			serveIn(t, disk, home, "--state-dir", state).stop()
			same(t, "at the disk", stored(disk), map[string]string{"stored": sum([]byte("stored")), waits: sum([]byte("what waits"))})
			if e, err := disk.Stat("/stored"); err != nil || e.Properties["rclone_modified"] != "2014-05-13T16:53:20Z" {
				t.Errorf("the file has the time %q, %v", e.Properties["rclone_modified"], err)
			}
		})
		newest = max(newest, versionOf(t, folder))
	}
	home := t.TempDir()
	run(t, command(t, binary, "queue", "--state-dir", home))
	if now := versionOf(t, home); now != newest {
		t.Errorf("this davdisk has state folders of version %d; internal/journal/testdata lacks one", now)
	}
}

func versionOf(t *testing.T, state string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(state, "version"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
