package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestStateOfVersion1 starts on a state folder that an earlier davdisk has left,
// which was killed while it had work to do: nothing of it is forgotten, and
// nothing is left in the formats of then.
func TestStateOfVersion1(t *testing.T) {
	home := t.TempDir()
	state := filepath.Join(home, "state")
	if err := os.CopyFS(state, os.DirFS("../journal/testdata/state-1")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(state, 0o700); err != nil {
		t.Fatal(err)
	}
	version := func() string {
		data, err := os.ReadFile(filepath.Join(state, "version"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(data))
	}
	if got := version(); got != "1" {
		t.Fatalf("the folder is of version %q", got)
	}
	queue := func() string { return run(t, command(t, binary, "queue", "--state-dir", state)) }
	for i, line := range strings.Split(strings.TrimSpace(queue()), "\n") {
		want := []string{
			"vfs/queue  queued Ж  ", "vfs/queue  queued2  ", "vfs/unfinished  dtarget", "vfs/unfinished  ctarget", "vfs/unfinished  target",
			"times-ab10f9c7b99f  time2", "times-ab10f9c7b99f  Ж time", "uploads-ab10f9c7b99f  old/unknown",
		}
		if i >= len(want) || !strings.Contains(line, want[i]) {
			t.Errorf("line %d of the queue is %q, want one of %q", i, line, want[min(i, len(want)-1):])
		}
	}

	disk := startDisk(t, emulator.Options{})
	for name, content := range map[string]string{
		"from/x": "moving", ".davdisk-uqxhpnxx5x-target/x": "put aside 1",
		"cfrom/x": "copying", ".davdisk-l4shn4p56o-ctarget/x": "put aside 2",
		"dtarget/x": "moved", ".davdisk-5l4ud7xhyw-dtarget/x": "replaced",
		"old/x": "old", "time2": "other content", "Ж time": "content",
	} {
		if dir, _, ok := strings.Cut(name, "/"); ok {
			if err := disk.Mkdir("/" + dir); err != nil {
				t.Fatal(err)
			}
		}
		put(t, disk, name, content)
	}
	serveIn(t, disk, home, "--state-dir", state, "--write-back").stop()
	want := map[string]string{}
	for name, content := range map[string]string{
		"from/x": "moving", "target/x": "put aside 1", "cfrom/x": "copying", "ctarget/x": "put aside 2", "dtarget/x": "moved",
		"old/x": "old", "time2": "other content", "Ж time": "content", "queued Ж": "a file that waits", "queued2": "another",
	} {
		want[name] = sum([]byte(content))
	}
	same(t, "at the disk", stored(disk), want)
	for name, want := range map[string]string{"time2": "2017-07-14T02:40:01Z", "Ж time": "2014-05-13T16:53:20Z"} {
		if e, err := disk.Stat("/" + name); err != nil || e.Properties["rclone_modified"] != want {
			t.Errorf("%s has the time %q, %v, want %q", name, e.Properties["rclone_modified"], err, want)
		}
	}
	if got := version(); got != "2" {
		t.Errorf("the folder is of version %q afterwards", got)
	}
	var left []string
	if err := filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
		if base := filepath.Base(path); err == nil && (slices.Contains([]string{".json", ".jsonl"}, filepath.Ext(base)) || base == "unfinished") {
			left = append(left, path)
		}
		return err
	}); err != nil || len(left) != 0 {
		t.Errorf("of version 1 there is left %q, %v", left, err)
	}
	if got := queue(); strings.Contains(got, "/vfs/") {
		t.Errorf("afterwards the queue is\n%s", got)
	}
}
