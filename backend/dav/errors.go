package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// statusError is a response that is not a success.
type statusError struct {
	status     int
	reading    bool   // the request changed nothing
	message    string // what the server or we say of it
	retryAfter time.Duration
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("the server answered %d %s", e.status, http.StatusText(e.status))
	if e.message != "" {
		text += ": " + e.message
	}
	return text
}

// uncertainError is the error of a change that may have been made although there
// was no success.
type uncertainError struct{ error }

func (e uncertainError) Unwrap() error { return e.error }

// kinds maps the statuses of responses. 404 is looked at before it is believed,
// see client.missing.
var kinds = map[int]error{
	http.StatusUnauthorized:          backend.ErrUnauthorized,
	http.StatusForbidden:             fs.ErrPermission,
	http.StatusNotFound:              fs.ErrNotExist,
	http.StatusGone:                  fs.ErrNotExist,
	http.StatusPreconditionFailed:    backend.ErrChanged,
	http.StatusRequestEntityTooLarge: backend.ErrTooLarge,
	http.StatusRequestURITooLong:     fs.ErrInvalid,
	http.StatusLocked:                backend.ErrLocked,
	http.StatusTooManyRequests:       backend.ErrRateLimited,
	http.StatusInsufficientStorage:   backend.ErrQuota,
	http.StatusNotImplemented:        errors.ErrUnsupported,
}

// changeKinds are statuses that mean something in the response to a change alone.
var changeKinds = map[int]error{
	http.StatusBadRequest:          fs.ErrInvalid,
	http.StatusUnprocessableEntity: fs.ErrInvalid,
	http.StatusMethodNotAllowed:    errors.ErrUnsupported,
}

func (e *statusError) kind() error {
	kind, ok := kinds[e.status]
	if !ok && !e.reading {
		kind, ok = changeKinds[e.status]
	}
	full := e.status == http.StatusInsufficientStorage || e.status == http.StatusRequestEntityTooLarge
	if !ok || e.reading && full { // reading needs no room: the server is in trouble
		return backend.ErrUnavailable
	}
	return kind
}

// translate maps the error of a request to an error of the contract. Those of
// the contract, of the caller's body and of a context are returned unchanged.
func translate(err error) error {
	var known *backend.Error
	var status *statusError
	var uncertain uncertainError
	var body httpclient.BodyError
	switch {
	case errors.As(err, &body):
		return body.Err
	case errors.As(err, &uncertain):
		return &backend.Error{Kind: backend.ErrUncertain, Message: httpclient.Message(uncertain.error)}
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &status):
		return &backend.Error{Kind: status.kind(), Message: status.Error(), RetryAfter: status.retryAfter}
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: httpclient.Message(err)}
}

// pathError is translate with the operation and the name it was for.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &fs.PathError{Op: op, Path: name, Err: translate(err)}
}

// linkError is pathError for an operation on two names.
func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: translate(err)}
}

// is reports whether err is of a kind once translated.
func is(err, kind error) bool {
	return err != nil && errors.Is(translate(err), kind)
}

// hasStatus reports whether err is a response with this status.
func hasStatus(err error, status int) bool {
	var e *statusError
	return errors.As(err, &e) && e.status == status
}

// newStatusError returns the error of a response.
func newStatusError(method string, resp *http.Response, body []byte, now time.Time) *statusError {
	e := &statusError{
		status: resp.StatusCode, reading: safe(method),
		retryAfter: httpclient.RetryAfter(resp.Header, now), message: davMessage(body),
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		e.message = unauthorized(resp)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		e.message = redirected(resp)
	}
	return e
}

// unauthorized says why the server did not let us in.
func unauthorized(resp *http.Response) string {
	challenges := resp.Header.Values("WWW-Authenticate")
	known := len(challenges) == 0
	for _, challenge := range challenges {
		scheme, _, _ := strings.Cut(strings.ToLower(challenge), " ")
		known = known || scheme == "basic" || scheme == "bearer"
	}
	switch {
	case !known:
		return "it wants another way to log in (" + httpclient.OneLine(challenges...) + ") than a password (Basic) or a token (Bearer)"
	case !loggedIn(resp.Request):
		return "set user and password, or token"
	}
	return "the user name, the password or the token is wrong; where there is two-factor login, the server wants a password made for this program"
}

// loggedIn reports whether a request had a password or a token.
func loggedIn(req *http.Request) bool {
	_, password, basic := req.BasicAuth()
	return req.Header.Get("Authorization") != "" && (!basic || password != "")
}

// redirected says where the server wants us to go, without the query, which may
// be secret.
func redirected(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return "it redirects to nowhere"
	}
	return httpclient.OneLine("it redirects to " + to.Scheme + "://" + to.Host + to.EscapedPath() + "; set url to the address of the folder itself, if that is not a page to log in")
}

// davMessage returns the message of an error body: SabreDAV and Nextcloud say in
// one what they refuse.
func davMessage(body []byte) string {
	var e struct {
		XMLName xml.Name `xml:"DAV: error"`
		Message string   `xml:"http://sabredav.org/ns message"`
	}
	if xml.Unmarshal(body, &e) != nil {
		return ""
	}
	return httpclient.OneLine(e.Message)
}
