package vfs

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// failure is a refusal of our own, in the words of the contract.
func failure(kind error, message string) error {
	return &backend.Error{Kind: kind, Message: message}
}

// pathError names the operation and the path as the caller knows them,
// instead of those that the backend was asked for.
func pathError(op, given string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: given, Err: cause(err)}
}

// linkError is pathError for an operation on two names.
func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: cause(err)}
}

// cause takes off the layers that name an operation and a path. Two kinds it
// makes bare, because os.IsNotExist and os.IsExist, on which much that is
// written for afero relies, do not look deeper.
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

// changed is ErrChanged met while reading, when the client did nothing that
// it could have done better: it should come again.
type changed struct{ error }

func (c changed) Unwrap() error { return c.error }

// HTTPStatus is 503, not the 412 of a refused condition.
func (changed) HTTPStatus() (code int, retryAfter time.Duration) {
	return http.StatusServiceUnavailable, 0
}

// readError marks what went wrong while reading.
func readError(err error) error {
	if errors.Is(err, backend.ErrChanged) {
		return changed{cause(err)}
	}
	return cause(err)
}
