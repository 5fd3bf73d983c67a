package cmd

import (
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// TestTimesBesideServe copies a file beside a running server, to a service that
// loses the modification time. The queue lists it, as it does without the server,
// and the next command writes it.
func TestTimesBesideServe(t *testing.T) {
	disk := onDisk(t)
	t.Setenv("DAVDISK_YANDEX_MOD_TIME_WAIT", "1ms")
	disk.SetKnobs(func(k *emulator.Knobs) { k.PatchLost = time.Hour })
	startServing(t)
	if _, errs, err := runApp(t, "cp", "--no-wait", file(t, "content"), "yandex:new.txt"); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if listed := queue(t); !strings.Contains(listed, "new.txt") {
		t.Fatalf("davdisk queue tells %q", listed)
	}
	disk.SetKnobs(func(k *emulator.Knobs) { k.PatchLost = 0 })
	for deadline := time.Now().Add(testwait.Limit(t)); queue(t) != ""; {
		if time.Now().After(deadline) {
			t.Fatalf("davdisk queue still tells %q", queue(t))
		}
		if _, errs, err := runApp(t, "stat", "yandex:new.txt"); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
	}
	if entry, err := disk.Stat("disk:/new.txt"); err != nil || entry.Properties["rclone_modified"] == "" {
		t.Errorf("the file is %+v, %v", entry, err)
	}
}
