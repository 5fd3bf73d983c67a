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

// identity names a file for as long as it lives, whatever it is called.
func identity(fi fs.FileInfo) string {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%x-%x", st.Dev, st.Ino)
	}
	return ""
}

// changed is the time of the last change of a file, in nanoseconds, which no
// program can set back.
func changed(fi fs.FileInfo) int64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return statusTime(st).Nano()
	}
	return 0
}

// owner gives the user and the group that a file belongs to.
func owner(fi fs.FileInfo) (uid, gid int, ok bool) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid), true
	}
	return 0, 0, false
}

// hasLocks tells that tryLock works, unless the file system has none.
const hasLocks = true

// tryLock locks an open file or folder until it is closed, and reports false
// if another has it locked, in this process or another.
func tryLock(f *os.File) (held bool, err error) {
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}

// unlinked reports whether an open file has no name any more.
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
