//go:build linux || darwin

package local

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/davdisk/davdisk/backend"
)

// identity identifies a file independent of its name.
func identity(fi fs.FileInfo) string {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		id := strconv.AppendUint(make([]byte, 0, 32), uint64(st.Dev), 16) //nolint:unconvert // of another type elsewhere
		return string(strconv.AppendUint(append(id, '-'), uint64(st.Ino), 16))
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

// private reports whether an open file is a regular one that only the user of this
// process can open, and has no other name.
func private(f *os.File) bool {
	fi, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && fi.Mode().IsRegular() && fi.Mode().Perm()&0o077 == 0 && st.Nlink == 1 && int(st.Uid) == os.Geteuid()
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
