package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/davdisk/davdisk/backend"
)

// pathError maps an error of the system, once, where it enters. Mapped errors
// are returned unchanged.
func pathError(op, name string, err error) error {
	if err == nil || isTranslated(err) {
		return err
	}
	if passesOn(err) {
		return &fs.PathError{Op: op, Path: name, Err: cause(err)}
	}
	kind := kindOf(err)
	return backend.PathError(op, name, kind, words(kind, err))
}

// linkError is pathError for an operation on two names.
func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	var told *backend.Error
	if errors.As(err, &told) {
		return &os.LinkError{Op: op, Old: from, New: to, Err: told}
	}
	if passesOn(err) {
		return &os.LinkError{Op: op, Old: from, New: to, Err: cause(err)}
	}
	kind := kindOf(err)
	return backend.LinkError(op, from, to, kind, words(kind, err))
}

func isTranslated(err error) bool {
	var told *backend.Error
	return errors.As(err, &told)
}

// passesOn reports whether an error is not the system's but of the context or
// of the body.
func passesOn(err error) bool {
	var errno syscall.Errno
	var path *fs.PathError
	var link *os.LinkError
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) ||
		!errors.As(err, &errno) && !errors.As(err, &path) && !errors.As(err, &link)
}

// kindOf returns the kind of an error of the system; error numbers that
// io/fs does not know are in numbers, for each system.
func kindOf(err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fs.ErrPermission // os.Root: the name leads out of the folder
	}
	for _, n := range numbers() {
		if errno == n.errno {
			return n.kind
		}
	}
	for _, kind := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return backend.ErrUnavailable
}

// number maps one error number of the system to a kind.
type number struct {
	errno syscall.Errno
	kind  error
}

// words returns the system's message, unless it equals that of the kind.
func words(kind, err error) string {
	var errno syscall.Errno
	said := cause(err).Error()
	switch {
	case said == kind.Error(), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		return ""
	case !errors.As(err, &errno):
		return "the name, or a link in it, leads out of the folder"
	}
	return said
}

// cause returns the system's error without path and operation, which could reveal
// the folder's location on this machine.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
