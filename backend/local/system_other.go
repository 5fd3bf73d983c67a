//go:build !linux && !darwin && !windows

package local

import (
	"errors"
	"io/fs"
	"os"
)

// The fallbacks for other systems.

func identity(fs.FileInfo) (fileNumber, int64) { return fileNumber{}, 0 }

func owner(fs.FileInfo) (uid, gid int, ok bool) { return 0, 0, false }

func unlinked(fs.FileInfo) bool { return false }

func numbers() []number { return nil }

// opensWithoutWaiting is false: openWithoutWaiting is not known here.
const opensWithoutWaiting = false

func openWithoutWaiting(*os.Root, string) (*os.File, error) { return nil, errors.ErrUnsupported }

// hasLocks is false: stale names are found by age.
const hasLocks = false

// private is not asked without locks.
func private(*os.File) bool { return false }

func tryLock(*os.File) (held bool, err error) { return false, errors.ErrUnsupported }
