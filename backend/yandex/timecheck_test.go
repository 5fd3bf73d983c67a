package yandex_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestTimesAreReadBackTogether counts the calls for the times of many files in one
// folder, and has the service lose some of them.
func TestTimesAreReadBackTogether(t *testing.T) {
	const files = 40
	srv, b := start(t, emulator.Options{}, yandex.Config{ModTimeWait: time.Second, After: time.After, StateDir: t.TempDir()})
	for i := range files {
		putAt(t, b, fmt.Sprintf("f%d", i), "content", when)
	}
	srv.ResetCounters()
	if left, err := b.SyncTimes(context.Background()); left != 0 || err != nil {
		t.Fatalf("%d are left, %v", left, err)
	}
	c := srv.Counters()
	if looks := c.By[emulator.GetResource]; looks > files/2 {
		t.Errorf("%d calls to read back the times of %d files", looks, files)
	}
	for i := range files {
		if property(t, srv, fmt.Sprintf("/f%d", i)) == "" {
			t.Errorf("f%d has no time", i)
		}
	}
}
