package backend

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"time"
)

// The errors that io/fs does not have. Test for them, and for those of io/fs,
// with [errors.Is].
var (
	ErrQuota        = errors.New("not enough space in the store")
	ErrTooLarge     = errors.New("too large for the store")
	ErrLocked       = errors.New("busy with another operation")
	ErrUnauthorized = errors.New("not logged in to the store")
	ErrRateLimited  = errors.New("too many requests to the store")
	ErrUnavailable  = errors.New("the store cannot be reached or is in trouble")
	ErrUncertain    = errors.New("the effect is unknown")
	ErrChanged      = errors.New("changed meanwhile")
	ErrIsDir        = errors.New("is a folder")
	ErrNotDir       = errors.New("is not a folder")
	ErrNotEmpty     = errors.New("folder is not empty")
)

// Error is a failure reported by a store: its kind, and the message of the store.
type Error struct {
	Kind       error         // a sentinel of this package or of io/fs
	Message    string        // of the store; may be empty
	RetryAfter time.Duration // when to retry, if the store has reported it
}

// Error returns the text of the kind, followed by the message of the store.
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Kind.Error()
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
