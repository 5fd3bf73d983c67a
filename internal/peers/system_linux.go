package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// processClock returns the CPU time of a process, all threads included, those
// that have ended too. The number of the clock is what clock_getcpuclockid(3)
// returns; /proc/PID/stat has ticks of 10 ms only.
func processClock(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED of the kernel
	var t unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduler), &t)
	return time.Duration(t.Nano()), err
}

// fileSystem names the file system of a folder.
func fileSystem(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return "an unknown file system"
	}
	for magic, name := range map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
	} {
		if int64(s.Type) == magic { //nolint:unconvert // it is 32 bits wide on some
			return name
		}
	}
	return fmt.Sprintf("file system %#x", s.Type)
}
