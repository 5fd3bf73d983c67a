package local

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// setTimeOpen sets the times of an open file. It fails before Linux 5.8.
func setTimeOpen(f *os.File, t time.Time) error {
	to, err := unix.TimeToTimespec(t)
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(int(f.Fd()), "", []unix.Timespec{to, to}, unix.AT_EMPTY_PATH)
}
