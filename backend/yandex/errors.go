package yandex

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/davdisk/davdisk/backend"
)

// refusal is an answer of the service that is no success.
type refusal struct {
	status     int    // 0: it came with a success
	code       string // stable name such as DiskNotFoundError, empty if the body was not JSON
	words      string // the service's own
	retryAfter time.Duration
}

func (r *refusal) Error() string {
	if r.words == "" {
		return http.StatusText(r.status)
	}
	return r.words
}

// lost marks the error of a request whose effect is unknown: it was sent, and
// no answer says what became of it.
type lost struct{ error }

func (l lost) Unwrap() error { return l.error }

// codes translates the names of the API's errors ("Error codes" of the API
// reference; some are known from the clients of others only).
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

// kinds translates the statuses of answers whose code says nothing, and those
// of the uploader, which has no codes.
var kinds = map[int]error{
	http.StatusUnauthorized:          backend.ErrUnauthorized,
	http.StatusRequestEntityTooLarge: backend.ErrTooLarge,
	http.StatusTooManyRequests:       backend.ErrRateLimited,
	http.StatusInsufficientStorage:   backend.ErrQuota,
}

// codedKinds are believed only together with a code, since a proxy on the way
// gives these answers too. There is no 404: "not there" needs the very code.
var codedKinds = map[int]error{
	http.StatusBadRequest: fs.ErrInvalid,
	http.StatusForbidden:  fs.ErrPermission,
	http.StatusConflict:   fs.ErrExist,
}

// kind is the sentinel for a refusal.
func (r *refusal) kind() error {
	if kind, ok := codes[r.code]; ok {
		return kind
	}
	// The code of the monthly limit is spelt in two ways by those who met it.
	if strings.Contains(r.code, "TrafficLimit") {
		return backend.ErrQuota
	}
	if kind, ok := kinds[r.status]; ok {
		return kind
	}
	if kind, ok := codedKinds[r.status]; ok && r.code != "" {
		return kind
	}
	return backend.ErrUnavailable
}

// readRefusal makes a refusal of an answer's status and body, of which
// nothing is taken for granted.
func readRefusal(status int, header http.Header, body []byte, now time.Time) *refusal {
	r := &refusal{status: status, retryAfter: retryAfter(header, now)}
	var f failure
	if json.Unmarshal(body, &f) == nil {
		r.code = string(f.Code)
		r.words = oneLine(string(f.Message), string(f.Description))
	}
	switch {
	case r.words == "" && r.code == "":
		r.words = "the service answered " + strings.TrimSpace(oneLine(http.StatusText(status))+" without a reason")
	case r.code != "":
		r.words = strings.TrimSpace(r.words + " (" + oneLine(r.code) + ")")
	}
	return r
}

// oneLine returns the first text that is not empty, short and without control
// characters: it comes from outside and goes to logs and terminals.
func oneLine(texts ...string) string {
	for _, t := range texts {
		t = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, strings.ToValidUTF8(t, "?"))
		if t = strings.TrimSpace(t); t == "" {
			continue
		}
		if runes := []rune(t); len(runes) > 300 {
			t = string(runes[:300]) + "…"
		}
		return t
	}
	return ""
}

// translate turns what a request failed with into an error of the contract.
// What is one already, what the caller's own body failed with, and the end of
// a context pass unchanged.
func translate(err error) error {
	var known *backend.Error
	var no *refusal
	var notSure lost
	var source sourceError
	switch {
	case errors.As(err, &source):
		return source.error
	case errors.As(err, &known):
		return known
	case errors.As(err, &notSure):
		e := &backend.Error{Kind: backend.ErrUncertain, Message: plain(notSure.error)}
		if errors.As(err, &no) && no.kind() == backend.ErrUnauthorized {
			e.Message += ": " + refusedHint
		}
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &no):
		e := &backend.Error{Kind: no.kind(), Message: no.words, RetryAfter: no.retryAfter}
		if errors.Is(e.Kind, backend.ErrUnauthorized) {
			e.Message = strings.TrimSpace(no.words + ": " + refusedHint)
		}
		return e
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: plain(err)}
}

const (
	// loginHint is what to do where there is no token.
	loginHint = "run davdisk login, or set DAVDISK_TOKEN"
	// refusedHint is what to do about a token that is no good.
	refusedHint = "run davdisk login, or change DAVDISK_TOKEN, which comes before a login"
)

// plain says what went wrong on the way, without the address of the request:
// links to content are secrets.
func plain(err error) string {
	var at *url.Error
	for errors.As(err, &at) {
		err = at.Err
	}
	return oneLine(err.Error())
}

// pathError is translate with the operation and the name it was for.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: translate(err)}
}

// linkError is pathError for an operation on two names.
func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: translate(err)}
}

// hasCode tells whether err is a refusal with one of the service's codes.
func hasCode(err error, names ...string) bool {
	var no *refusal
	return errors.As(err, &no) && slices.Contains(names, no.code)
}

// is tells whether err is of a kind.
func is(err, kind error) bool {
	return err != nil && errors.Is(translate(err), kind)
}
