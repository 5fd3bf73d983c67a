package api

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// Error is an error response of the service.
type Error struct {
	Status     int    // 0: the status was a success
	Code       string // stable name such as DiskNotFoundError, empty if the body was not JSON
	Message    string // the service's own
	RetryAfter time.Duration
	Reading    bool // the request asked for something that is there
}

func (e *Error) Error() string {
	if e.Message == "" {
		return http.StatusText(e.Status)
	}
	return e.Message
}

// UncertainError is the error of a change of unknown outcome: it was sent, and
// there was no response.
type UncertainError struct{ Err error }

func (e UncertainError) Error() string { return e.Err.Error() }
func (e UncertainError) Unwrap() error { return e.Err }

// RetryableError is a failure of a transfer that may be retried. Nothing of an
// upload was stored.
type RetryableError struct{ Err error }

func (e RetryableError) Error() string { return e.Err.Error() }
func (e RetryableError) Unwrap() error { return e.Err }

// codes maps the codes of the API's errors ("Error codes" of the API reference;
// some are only known from other clients).
var codes = map[string]error{
	"UnauthorizedError":                      backend.ErrUnauthorized,
	"DiskNotFoundError":                      fs.ErrNotExist,
	"DiskPathDoesntExistsError":              fs.ErrNotExist,
	"DiskPathPointsToExistentDirectoryError": fs.ErrExist,
	"DiskResourceAlreadyExistsError":         fs.ErrExist,
	"DiskPathFormatError":                    fs.ErrInvalid,
	"DiskPathPointsToRootError":              fs.ErrInvalid,
	"FieldValidationError":                   fs.ErrInvalid,
	"MD5DifferError":                         backend.ErrChanged,
	"DiskFileSizeLimitExceededError":         backend.ErrTooLarge,
	"DiskResourceLockedError":                backend.ErrLocked,
	"DiskStorageQuotaExhaustedError":         backend.ErrQuota,
	"DiskNotEnoughFreeSpaceError":            backend.ErrQuota,
	"TooManyRequestsError":                   backend.ErrRateLimited,
	"DiskResourceDownloadLimitExceededError": backend.ErrRateLimited,
}

// kinds maps the statuses of responses with an unknown code, and those of the
// upload server, which has no codes.
var kinds = map[int]error{
	http.StatusUnauthorized:          backend.ErrUnauthorized,
	http.StatusRequestEntityTooLarge: backend.ErrTooLarge,
	http.StatusTooManyRequests:       backend.ErrRateLimited,
	http.StatusInsufficientStorage:   backend.ErrQuota,
}

// codedKinds are statuses trusted only together with a code, since proxies send
// them too. 404 is not among them: "not found" needs its specific code.
var codedKinds = map[int]error{
	http.StatusBadRequest: fs.ErrInvalid,
	http.StatusForbidden:  fs.ErrPermission,
	http.StatusConflict:   fs.ErrExist,
}

// Kind returns the error of io/fs or package backend that corresponds to e.
func (e *Error) Kind() error {
	kind := e.kind()
	if e.Reading && (kind == backend.ErrQuota || kind == backend.ErrTooLarge) {
		return backend.ErrUnavailable // reading needs no room: the service refuses to serve
	}
	return kind
}

func (e *Error) kind() error {
	if kind, ok := codes[e.Code]; ok {
		return kind
	}
	// The code of the monthly limit was reported in two spellings.
	if strings.Contains(e.Code, "TrafficLimit") {
		return backend.ErrQuota
	}
	if kind, ok := kinds[e.Status]; ok {
		return kind
	}
	if kind, ok := codedKinds[e.Status]; ok && e.Code != "" {
		return kind
	}
	return backend.ErrUnavailable
}

// readError returns the error of a response by its status and body, which may
// be anything.
func readError(status int, header http.Header, body []byte, now time.Time) *Error {
	e := &Error{Status: status, RetryAfter: httpclient.RetryAfter(header, now)}
	var f failure
	if json.Unmarshal(body, &f) == nil {
		e.Code = string(f.Code)
		e.Message = httpclient.OneLine(string(f.Message), string(f.Description))
	}
	switch {
	case e.Message == "" && e.Code == "":
		e.Message = "the service answered " + strings.TrimSpace(httpclient.OneLine(http.StatusText(status))+" without a reason")
	case e.Code != "":
		e.Message = strings.TrimSpace(e.Message + " (" + httpclient.OneLine(e.Code) + ")")
	}
	return e
}
