package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testwait"
)

// tree is all that is on the disk and in the trash, but for the folder of a
// check.
func tree(t *testing.T, disk *emulator.Server) []string {
	t.Helper()
	var all []string
	for _, e := range disk.Dump() {
		if !strings.HasPrefix(e.Path, "disk:/Docs/"+scratchPrefix) {
			all = append(all, fmt.Sprint(e.Path, e.Dir, e.Size, e.SHA256, e.Origin))
		}
	}
	return all
}

func fillDocs(t *testing.T, disk *emulator.Server) []string {
	t.Helper()
	for i := range 20 {
		if err := disk.WriteFile(fmt.Sprintf("disk:/Docs/f%d.txt", i), []byte(strings.Repeat("x", i))); err != nil {
			t.Fatal(err)
		}
	}
	return tree(t, disk)
}

// until waits until what the disk has counted is enough.
func until(t *testing.T, disk *emulator.Server, enough func(emulator.Counters) bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(testwait.Limit(t))
	for !enough(disk.Counters()) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the disk has counted only %+v", disk.Counters())
		}
	}
}

func TestACheckThatIsKilledTouchesOnlyItsOwnFolder(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, calls := range []int{3, 20, 100, 400} {
		disk := onDisk(t)
		before := fillDocs(t, disk)
		check := exec.Command(self)
		check.Args = []string{"davdisk", "check", "--yes", "yandex:Docs"}
		if err := check.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, disk, func(c emulator.Counters) bool { return c.API() >= calls })
		if err := check.Process.Kill(); err != nil {
			t.Errorf("it ended by itself: %v", err)
		}
		if err := check.Wait(); err == nil {
			t.Error("it was done before it could be killed")
		}
		if after := tree(t, disk); !slices.Equal(after, before) {
			t.Errorf("killed after %d calls: %q became %q", calls, before, after)
		}
	}
}

func TestACheckThatIsInterruptedRemovesItsFolder(t *testing.T) {
	disk := onDisk(t)
	before := fillDocs(t, disk)
	_, cancel, ended := begin(t, "check", "--yes", "yandex:Docs")
	until(t, disk, func(c emulator.Counters) bool { return c.API() >= 60 })
	cancel()
	if err := <-ended; err == nil {
		t.Error("it says that it was done")
	}
	if after := tree(t, disk); !slices.Equal(after, before) {
		t.Errorf("%q became %q", before, after)
	}
	for _, e := range disk.Dump() {
		if strings.Contains(e.Path, scratchPrefix) {
			t.Errorf("%s is left", e.Path)
		}
	}
}
