package local

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"github.com/davdisk/davdisk/backend"
)

// identity is unknown: Windows only has it, and the time of the last status change,
// for an open file.
func identity(fs.FileInfo) (fileNumber, int64) { return fileNumber{}, 0 }

// owner is unknown: Windows inherits it from the folder.
func owner(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }

// unlinked need not be known: the version of a file does not depend on it.
func unlinked(fs.FileInfo) bool { return false }

// numbers are the error numbers that io/fs does not know.
func numbers() []number {
	return []number{
		{windows.ERROR_DISK_FULL, backend.ErrQuota},
		{windows.ERROR_HANDLE_DISK_FULL, backend.ErrQuota},
		{windows.ERROR_FILE_TOO_LARGE, backend.ErrTooLarge},
		{windows.ERROR_WRITE_PROTECT, fs.ErrPermission},
		{windows.ERROR_INVALID_NAME, fs.ErrInvalid},
		{windows.ERROR_FILENAME_EXCED_RANGE, fs.ErrInvalid},
		{windows.ERROR_DIRECTORY, fs.ErrNotExist}, // a part of the path is a file
		{windows.ERROR_DIR_NOT_EMPTY, backend.ErrNotEmpty},
		{windows.ERROR_SHARING_VIOLATION, backend.ErrLocked},
		{windows.ERROR_LOCK_VIOLATION, backend.ErrLocked},
		{windows.ERROR_NOT_SAME_DEVICE, errors.ErrUnsupported}, // another drive is mounted there
	}
}

// opensWithoutWaiting is false: openWithoutWaiting is not known here.
const opensWithoutWaiting = false

func openWithoutWaiting(*os.Root, string) (*os.File, error) { return nil, errors.ErrUnsupported }

// hasLocks is false: stale names are found by age.
const hasLocks = false

// private is not asked without locks.
func private(*os.File) bool { return false }

func tryLock(*os.File) (held bool, err error) { return false, errors.ErrUnsupported }
