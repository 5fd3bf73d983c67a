package vfs

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// failure returns an error of this package, of one of the kinds of the contract.
func failure(kind error, message string) error {
	return &backend.Error{Kind: kind, Message: message}
}

// pathError adds the operation and the path as the caller knows them, in place
// of those that the backend was called with.
func pathError(op, given string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: given, Err: cause(err)}
}

// linkError is like pathError, for an operation on two names.
func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: cause(err)}
}

// cause unwraps the layers that name an operation and a path. It returns two
// sentinels bare, because os.IsNotExist and os.IsExist, on which much code
// written for afero relies, do not unwrap further.
func cause(err error) error {
	for {
		switch outer := err.(type) {
		case *fs.PathError:
			err = outer.Err
		case *os.LinkError:
			err = outer.Err
		case *backend.Error:
			if errors.Is(err, fs.ErrNotExist) {
				return fs.ErrNotExist
			}
			if errors.Is(err, fs.ErrExist) {
				return fs.ErrExist
			}
			return err
		default:
			return err
		}
	}
}

// changed is an ErrChanged met while reading: the client made no mistake and
// should retry.
type changed struct{ error }

func (c changed) Unwrap() error { return c.error }

// HTTPStatus returns 503, not the 412 of a failed precondition.
func (changed) HTTPStatus() (code int, retryAfter time.Duration) {
	return http.StatusServiceUnavailable, 0
}

// readError marks an error met while reading.
func readError(err error) error {
	if errors.Is(err, backend.ErrChanged) {
		return changed{cause(err)}
	}
	return cause(err)
}
