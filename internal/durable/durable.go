// Package durable puts files on the disk so that they outlive the program and
// a loss of power.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteFile replaces a file, or makes it, in one step: whatever happens, the
// old content or the new one is there, whole, and when it returns nil the new
// one stays. It has exactly the permissions of perm. The folder must be there;
// for a moment it holds a file of another name too, which begins with a dot.
//
// Writers of the same file do not harm each other: the last one wins.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	dir := filepath.Dir(name)
	temp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // no longer there once renamed
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Chmod(perm)
	}
	if err == nil {
		err = temp.Sync()
	}
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), name); err != nil {
		return err
	}
	return SyncDir(dir)
}

// SyncDir makes lasting what was made, renamed and removed in a folder.
func SyncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(Sync(dir), dir.Close())
}

// Sync is SyncDir for a folder that is open. Windows has no such call and does
// not need it; where a file system cannot do it nothing more can be had.
func Sync(dir *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	if err := dir.Sync(); !cannot(err) {
		return err
	}
	return nil
}

// cannot tells that a file system does not know how to sync a folder: EINVAL,
// as fsync(2) has it, or one of the errors for what is not supported.
func cannot(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
