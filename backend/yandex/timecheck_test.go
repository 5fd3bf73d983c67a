package yandex_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestTimesAreReadBackTogether counts the calls for the times of many files in one
// folder, and has the service lose some of them.
func TestTimesAreReadBackTogether(t *testing.T) {
	const files = 40
	clock := stopped{begin: time.Now()} // no time is due while the files are stored
	srv, b := start(t, emulator.Options{}, yandex.Config{ModTimeWait: time.Second, Now: clock.Now, After: time.After})
	for i := range files {
		putAt(t, b, fmt.Sprintf("f%d", i), "content", when)
	}
	srv.ResetCounters()
	clock.start()
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

// stopped is a clock that stands still until it is started.
type stopped struct {
	begin   time.Time
	started atomic.Pointer[time.Time]
}

func (c *stopped) start() {
	now := time.Now()
	c.started.CompareAndSwap(nil, &now)
}

func (c *stopped) Now() time.Time {
	if started := c.started.Load(); started != nil {
		return c.begin.Add(time.Since(*started))
	}
	return c.begin
}
