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

// pathError translates what the system said, once, where it enters. What is
// translated already is passed on.
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

// passesOn tells of errors that are not the system's: those of the context and
// of a body that ends or breaks.
func passesOn(err error) bool {
	var errno syscall.Errno
	var path *fs.PathError
	var link *os.LinkError
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) ||
		!errors.As(err, &errno) && !errors.As(err, &path) && !errors.As(err, &link)
}

// kinds of the whole contract that io/fs knows already; the system's own
// numbers stand in numbers, for each system.
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

// number is what one error number of the system means.
type number struct {
	errno syscall.Errno
	kind  error
}

// words are the system's own, unless the kind says the same.
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

// cause takes the system's words out of errors that repeat path and operation,
// which may show where on this machine the folder lies.
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
