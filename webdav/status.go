package webdav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
	"github.com/davdisk/davdisk/webdav/internal/propstore"
)

// A statusError is an error with a status decided by the handler itself.
type statusError struct {
	status       int
	reason       string              // for people, without secrets
	cause        error               // for the log
	precondition davxml.Precondition // of RFC 4918 section 16, if one failed
	members      []davxml.Response   // for 207: the members in the way
	hangUp       bool                // the connection cannot be used any further
}

func (r *statusError) Error() string {
	if r.cause != nil {
		return r.reason + ": " + r.cause.Error()
	}
	return r.reason
}

func (r *statusError) Unwrap() error { return r.cause }

// refuse returns a statusError with a reason that the client may read.
func refuse(status int, reason string) error {
	return &statusError{status: status, reason: reason}
}

// withStatus gives an error that is target a status, and leaves others to the
// table. It is for methods where an error has a special meaning: the missing
// name of a PUT is the parent (409), not the file (404).
func withStatus(err, target error, status int, reason string) error {
	if errors.Is(err, target) {
		return &statusError{status: status, reason: reason, cause: err}
	}
	return err
}

// statuses maps errors that have no status of their own.
var statuses = []struct {
	is   error
	code int
}{
	{davxml.ErrInvalid, http.StatusBadRequest},
	{davxml.ErrTooLarge, http.StatusRequestEntityTooLarge},
	{lock.ErrTooMany, http.StatusInsufficientStorage},
	{lock.ErrNotOwner, http.StatusForbidden},
	{propstore.ErrFull, http.StatusInsufficientStorage},
	{cluster.ErrTooLarge, http.StatusInsufficientStorage},
	{cluster.ErrNotJoined, http.StatusServiceUnavailable},
	{cluster.ErrExpelled, http.StatusServiceUnavailable},
	{cluster.ErrUnavailable, http.StatusServiceUnavailable},
	{cluster.ErrUnknownOutcome, http.StatusServiceUnavailable},
	{cluster.ErrOtherLog, http.StatusServiceUnavailable},
	{cluster.ErrFormat, http.StatusServiceUnavailable},
	{lock.ErrReplaceable, http.StatusServiceUnavailable},
	{fs.ErrNotExist, http.StatusNotFound},
	{fs.ErrExist, http.StatusPreconditionFailed},
	{fs.ErrPermission, http.StatusForbidden},
	{syscall.EROFS, http.StatusForbidden},
	{syscall.ENOTDIR, http.StatusConflict},
	{syscall.ENOTEMPTY, http.StatusConflict},
	{syscall.EISDIR, http.StatusMethodNotAllowed},
	{syscall.ENAMETOOLONG, http.StatusBadRequest},
	{syscall.EINVAL, http.StatusBadRequest},
	{syscall.ENOSPC, http.StatusInsufficientStorage},
	{syscall.EDQUOT, http.StatusInsufficientStorage},
	{syscall.EFBIG, http.StatusRequestEntityTooLarge},
	{fs.ErrInvalid, http.StatusBadRequest},
	{errors.ErrUnsupported, http.StatusForbidden},
	{context.DeadlineExceeded, http.StatusServiceUnavailable},
	{context.Canceled, http.StatusServiceUnavailable},
	{os.ErrDeadlineExceeded, http.StatusRequestTimeout},
}

// retrySoon is the Retry-After of a 503 if the file system has not set one.
const retrySoon = 5 * time.Second

// statusOf returns the status for an error, and for 503 the Retry-After. A
// status of the store about this server (401, 402, 407, 423, a redirect) is not
// about the client and becomes 503: on 401 a client asks its user for a
// password that is right already, and on 404 it believes the file deleted.
func statusOf(err error) (code int, retryAfter time.Duration) {
	var r *statusError
	var s HTTPStatuser
	if errors.As(err, &r) {
		if errors.As(err, &s) {
			_, retryAfter = s.HTTPStatus()
		}
		return r.status, max(retryAfter, retrySoon)
	}
	if errors.As(err, &s) {
		code, retryAfter = s.HTTPStatus()
		switch {
		case code < 400, code == http.StatusUnauthorized, code == http.StatusPaymentRequired,
			code == http.StatusProxyAuthRequired, code == http.StatusLocked, code == http.StatusTooManyRequests:
			code = http.StatusServiceUnavailable
		}
		if retryAfter <= 0 {
			retryAfter = retrySoon
		}
		return code, retryAfter
	}
	for _, s := range statuses {
		if errors.Is(err, s.is) {
			return s.code, retrySoon
		}
	}
	return http.StatusInternalServerError, 0
}

// isMissing reports whether a lookup error means that the name does not exist,
// also because a parent is a file.
func isMissing(err error) bool {
	code, _ := statusOf(err)
	return code == http.StatusNotFound || code == http.StatusConflict
}

// reasonOf returns the part of an error that a client may read: never a path
// on the server's disk.
func reasonOf(err error) string {
	var r *statusError
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &r):
		return r.reason
	case errors.As(err, &pe):
		return pe.Err.Error()
	case errors.As(err, &le):
		return le.Err.Error()
	}
	for _, s := range statuses {
		if errors.Is(err, s.is) {
			return s.is.Error()
		}
	}
	return ""
}

// errorHeader sets the header of an answer with an error, but for that of its
// body, and returns its status.
func errorHeader(w http.ResponseWriter, err error) int {
	code, retryAfter := statusOf(err)
	h := w.Header()
	for _, name := range []string{"ETag", "Last-Modified", "Content-Length", "Content-Range", "Content-Encoding", "Accept-Ranges"} {
		h.Del(name)
	}
	if code == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(int((retryAfter+time.Second-1)/time.Second)))
	}
	var r *statusError
	if errors.As(err, &r) && r.hangUp {
		h.Set("Connection", "close")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	return code
}

// writeError writes the response for an error. Nothing may have been written
// before.
func writeError(w http.ResponseWriter, err error) {
	code := errorHeader(w, err)
	h := w.Header()
	body := xmlError(err)
	if body != nil {
		h.Set("Content-Type", davxml.ContentType)
	} else {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		body = bytes.NewBufferString(statusText(code))
		if reason := reasonOf(err); reason != "" {
			body.WriteString(": " + reason)
		}
		body.WriteString("\n")
	}
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(code)
	_, _ = body.WriteTo(w)
}

// xmlError returns the machine-readable body of an error, or nil.
func xmlError(err error) *bytes.Buffer {
	var r *statusError
	var body bytes.Buffer
	if errors.As(err, &r) && len(r.members) > 0 {
		out := davxml.NewMultistatus(&body, nil)
		for _, member := range r.members {
			if out.Write(member) != nil {
				return nil
			}
		}
		if out.Close() != nil {
			return nil
		}
		return &body
	}
	failed := preconditionOf(err)
	if failed.Name == "" || davxml.WriteError(&body, failed) != nil {
		return nil
	}
	return &body
}

// preconditionOf returns the precondition of an error: the handler's own or, for
// a 507 of the file system, one of RFC 4331 section 6.
func preconditionOf(err error) davxml.Precondition {
	var r *statusError
	var s HTTPStatuser
	switch code, _ := statusOf(err); {
	case errors.As(err, &r):
		return r.precondition
	case code != http.StatusInsufficientStorage:
	case errors.Is(err, syscall.ENOSPC):
		return davxml.Precondition{Name: davxml.SufficientDiskSpace}
	case errors.As(err, &s), errors.Is(err, syscall.EDQUOT):
		return davxml.Precondition{Name: davxml.QuotaNotExceeded}
	}
	return davxml.Precondition{}
}

// statusText returns http.StatusText in lower case.
func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return strings.ToLower(text)
	}
	return fmt.Sprintf("status %d", code)
}
