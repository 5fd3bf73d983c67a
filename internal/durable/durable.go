// Package durable writes files so that they survive a crash of the program and
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

// WriteFile atomically creates or replaces a file: whatever happens, the old or
// the new content is there, whole, and when it returns nil the new one is
// durable. The file has exactly the permissions of perm. The folder must exist;
// for a moment it also contains a temporary file, whose name begins with a dot
// (see Sweep).
//
// Concurrent writers of the same file are safe: the last one wins.
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

// temporary returns the prefix of the temporary names of a file.
func temporary(name string) string { return "." + filepath.Base(name) + ".new-" }

// Sweep removes the temporary files that killed writers of a file have left.
// The file must not be written meanwhile.
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

// SyncDir makes creations, renames and removals in a folder durable.
func SyncDir(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(Sync(dir), dir.Close())
}

// Sync is SyncDir for an open folder. Windows has no such call and does not need
// it; a file system that does not support it is no error.
func Sync(dir *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	if err := dir.Sync(); !cannot(err) {
		return err
	}
	return nil
}

// cannot reports whether an error means that a file system cannot sync a folder:
// EINVAL, as in fsync(2), or one of the errors for unsupported calls.
func cannot(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported)
}
