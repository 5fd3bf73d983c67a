//go:build linux || darwin

package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/davdisk/davdisk/backend"
)

// identity identifies a file independent of its name.
func identity(fi fs.FileInfo) string {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%x-%x", st.Dev, st.Ino)
	}
	return ""
}

// changed returns the time of the last status change of a file, in nanoseconds,
// which no program can set.
func changed(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return statusTime(st).Nano()
	}
	return 0
}

// owner returns the user and the group of a file.
func owner(fi fs.FileInfo) (uid, gid int, ok bool) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid), true
	}
	return 0, 0, false
}

// hasLocks reports that tryLock works, if the file system supports locks.
const hasLocks = true

// tryLock locks an open file or folder until it is closed, and reports false
// if it is locked already, in this process or another.
func tryLock(f *os.File) (held bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}

// unlinked reports whether an open file was unlinked.
func unlinked(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}

// numbers are the error numbers that io/fs does not know.
func numbers() []number {
	return []number{
		{syscall.ENOSPC, backend.ErrQuota},
		{syscall.EDQUOT, backend.ErrQuota},
		{syscall.EFBIG, backend.ErrTooLarge},
		{syscall.EROFS, fs.ErrPermission},
		{syscall.ENAMETOOLONG, fs.ErrInvalid},
		{syscall.ELOOP, fs.ErrInvalid},
		{syscall.EINVAL, fs.ErrInvalid},
		{syscall.EILSEQ, fs.ErrInvalid},
		{syscall.ENOTDIR, fs.ErrNotExist}, // a part of the path is a file
		{syscall.EISDIR, backend.ErrIsDir},
		{syscall.ENOTEMPTY, backend.ErrNotEmpty},
		{syscall.EBUSY, backend.ErrLocked},
		{syscall.ETXTBSY, backend.ErrLocked},
		{syscall.EXDEV, errors.ErrUnsupported}, // another file system is mounted there
	}
}
