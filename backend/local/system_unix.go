//go:build linux || darwin

package local

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/davdisk/davdisk/backend"
)

// identity returns the number of a file, and the time of its last status change.
func identity(fi fs.FileInfo) (fileNumber, int64) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return fileNumber{true, uint64(st.Dev), uint64(st.Ino)}, statusTime(st).Nano() //nolint:unconvert // of another type elsewhere
	}
	return fileNumber{}, 0
}

// looker returns a function that describes the files and folders in a folder, and
// reports false for anything else, and what cannot be described. It asks the system
// alone, where [os.Root] also looks at each name and remembers more. The caller
// calls end.
func (v *view) looker(dir string) (look func(base string) (attributes, bool), end func(), err error) {
	if dir != "." {
		dir += "/." // without the dot it would wait for the writer of a pipe
	}
	f, err := v.root.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	var st unix.Stat_t
	return func(base string) (attributes, bool) {
		if err := unix.Fstatat(int(f.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return attributes{}, false
		}
		kind := uint32(st.Mode) & unix.S_IFMT //nolint:unconvert // as above
		return attributes{
			dir: kind == unix.S_IFDIR, size: st.Size, modTime: time.Unix(st.Mtim.Unix()), changed: st.Ctim.Nano(),
			number: fileNumber{true, uint64(st.Dev), uint64(st.Ino)}, //nolint:unconvert // as above
		}, kind == unix.S_IFDIR || kind == unix.S_IFREG
	}, func() { f.Close() }, nil
}

// owner returns the user and the group of a file.
func owner(fi fs.FileInfo) (uid, gid int, ok bool) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid), int(st.Gid), true
	}
	return 0, 0, false
}

// opensWithoutWaiting reports that openWithoutWaiting works.
const opensWithoutWaiting = true

// openWithoutWaiting opens something for reading. It does not wait for the writer of a
// pipe, and fails where another program had to give up a lease of a file first.
func openWithoutWaiting(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.SetNonblock(int(f.Fd()), false); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
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
