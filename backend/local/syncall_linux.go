package local

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fileSystemSync returns a function that makes everything durable that was
// written to the file system of a folder, as fsync of each file and folder would.
// It is nil where syncfs(2) does less: on file systems that are not local, which
// are not told to sync, and before Linux 5.17, where it does not report every error.
func fileSystemSync(dir *os.File) func() error {
	conn, err := dir.SyscallConn()
	if err != nil {
		return nil
	}
	var stat unix.Statfs_t
	if failed := conn.Control(func(fd uintptr) { err = unix.Fstatfs(int(fd), &stat) }); failed != nil || err != nil {
		return nil
	}
	switch uint32(stat.Type) { // of 32 or 64 bits, by the architecture
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC:
	default:
		return nil
	}
	var system unix.Utsname
	if unix.Uname(&system) != nil || !reportsErrors(unix.ByteSliceToString(system.Release[:])) {
		return nil
	}
	return func() (err error) {
		if failed := conn.Control(func(fd uintptr) { err = unix.Syncfs(int(fd)) }); failed != nil {
			return failed
		}
		return os.NewSyscallError("syncfs", err)
	}
}

// reportsErrors reports whether a release of Linux is 5.17 or newer.
func reportsErrors(release string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 5 || major == 5 && minor >= 17
}
