// Package durable puts files on the disk so that they outlive the program and
// a loss of power.
package durable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// WriteFile replaces a file, or makes it, in one step: whatever happens, the
// old content or the new one is there, whole, and when it returns nil the new
// one stays. It has exactly the permissions of perm. The folder must be there;
// for a moment it holds a file of another name too, which begins with a dot (see
// Sweep).
//
// Writers of the same file do not harm each other: the last one wins.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	return Write(name, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write is WriteFile for content that is written piece by piece. If write fails
// the old content stays.
func Write(name string, perm fs.FileMode, write func(w io.Writer) error) error {
	dir := filepath.Dir(name)
	temp, err := os.CreateTemp(dir, temporary(name)+"*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // no longer there once renamed
	err = write(temp)
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

// temporary begins the names that a file has until it is whole.
func temporary(name string) string { return "." + filepath.Base(name) + ".new-" }

// Sweep removes what writers of a file that were killed have left. Nobody may
// be writing it.
func Sweep(name string) error {
	dir := filepath.Dir(name)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary(name)) {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
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
