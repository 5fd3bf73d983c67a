package backend

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"syscall"
	"time"
)

// The errors that io/fs does not have. Test for them, and for those of io/fs,
// with [errors.Is]. The last three are also syscall.EISDIR, syscall.ENOTDIR and
// syscall.ENOTEMPTY, which package os returns.
var (
	ErrQuota        = errors.New("not enough space in the store")
	ErrTooLarge     = errors.New("too large for the store")
	ErrLocked       = errors.New("busy with another operation")
	ErrUnauthorized = errors.New("not logged in to the store")
	ErrRateLimited  = errors.New("too many requests to the store")
	ErrUnavailable  = errors.New("the store cannot be reached or is in trouble")
	ErrUncertain    = errors.New("the effect is unknown")
	ErrChanged      = errors.New("changed meanwhile")
	ErrIsDir        = error(&errnoError{"is a folder", []syscall.Errno{syscall.EISDIR}})
	ErrNotDir       = error(&errnoError{"is not a folder", []syscall.Errno{syscall.ENOTDIR}})
	ErrNotEmpty     = error(&errnoError{"folder is not empty", notEmpty()})
)

// errnoError is an error for which package os returns an error number, which
// programs written for package os test for.
type errnoError struct {
	text   string
	errnos []syscall.Errno
}

func (e *errnoError) Error() string { return e.text }

// Is reports whether target is the number that package os returns.
func (e *errnoError) Is(target error) bool {
	errno, ok := target.(syscall.Errno)
	return ok && slices.Contains(e.errnos, errno)
}

// Error is a failure reported by a store: its kind, and the message of the store.
type Error struct {
	Kind       error         // a sentinel of this package or of io/fs
	Message    string        // what is known besides; the store's own words in brackets; may be empty
	RetryAfter time.Duration // when to retry, if the store has reported it
}

// Error returns the text of the kind, followed by the message of the store.
func (e *Error) Error() string {
	switch {
	case e.Message == "":
		return e.Kind.Error()
	case e.Message[0] == '(':
		return e.Kind.Error() + " " + e.Message
	}
	return e.Kind.Error() + ": " + e.Message
}

// Unwrap returns the kind, for [errors.Is].
func (e *Error) Unwrap() error { return e.Kind }

// statuses maps kinds to HTTP status codes (RFC 9110, RFC 4918). Errors about
// the server's own account with the store (login, rate, locks) are 503: for its
// clients, the server is unavailable.
var statuses = []struct {
	kind error
	code int
}{
	{ErrQuota, http.StatusInsufficientStorage},
	{ErrTooLarge, http.StatusRequestEntityTooLarge},
	{ErrIsDir, http.StatusMethodNotAllowed},
	{ErrNotDir, http.StatusConflict},
	{ErrNotEmpty, http.StatusConflict},
	{ErrChanged, http.StatusPreconditionFailed},
	{fs.ErrNotExist, http.StatusNotFound},
	{fs.ErrExist, http.StatusPreconditionFailed},
	{fs.ErrPermission, http.StatusForbidden},
	{fs.ErrInvalid, http.StatusBadRequest},
	{errors.ErrUnsupported, http.StatusForbidden},
}

// HTTPStatus returns the status for a server's response, and the Retry-After,
// if known. ErrChanged is 412, which suits a write; a failed read should be
// answered with 503 instead.
func (e *Error) HTTPStatus() (code int, retryAfter time.Duration) {
	for _, s := range statuses {
		if errors.Is(e.Kind, s.kind) {
			return s.code, e.RetryAfter
		}
	}
	return http.StatusServiceUnavailable, e.RetryAfter
}

// PathError wraps a kind and the store's message in the form of the contract.
func PathError(op, name string, kind error, message string) error {
	return &fs.PathError{Op: op, Path: name, Err: &Error{Kind: kind, Message: message}}
}

// LinkError is PathError for an operation on two names.
func LinkError(op, from, to string, kind error, message string) error {
	return &os.LinkError{Op: op, Old: from, New: to, Err: &Error{Kind: kind, Message: message}}
}
