package replica

import (
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot returns the time since the machine was started, suspended or not.
// The monotonic clock of Go stands still meanwhile.
func sinceBoot(awake time.Duration) time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return awake
	}
	return time.Duration(t.Nano())
}
