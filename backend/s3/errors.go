package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// A refusal is a response that is not a success.
type refusal struct {
	status     int
	code       string // S3's, or the status line where there is none
	message    string
	retryAfter time.Duration
	foreign    bool // there is no XML in it: it may be that of a proxy
}

func (e *refusal) Error() string {
	text := "the server answered " + e.code
	if e.message != "" {
		text += ": " + e.message
	}
	return httpclient.OneLine(text)
}

// uncertainError is the error of a change that may have been made although there
// was no success.
type uncertainError struct{ error }

func (e uncertainError) Unwrap() error { return e.error }

// failure returns the error of a call with what the answer tells of it.
func (c *client) failure(a *answer, err error) error {
	var e minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case a.err != nil:
		return a.err
	case !errors.As(err, &e):
		if a.status != 0 && a.status/100 != 2 {
			return &refusal{status: a.status, code: http.StatusText(a.status)}
		}
		return fmt.Errorf("%w (%w)", errNotS3, err)
	case a.status == 0: // not sent
		return err
	}
	r := &refusal{status: a.status, code: e.Code, message: e.Message, retryAfter: httpclient.RetryAfter(a.header, c.cfg.Now())}
	r.foreign = !strings.Contains(strings.ToLower(a.header.Get("Content-Type")), "xml")
	switch {
	case e.Code == "NoSuchBucket" && r.foreign:
		r.code, r.message = fmt.Sprint(a.status), "that is no answer of S3; is the endpoint right?"
	case e.Code == "RequestTimeTooSkewed":
		r.message = c.skew(a.header)
	case slices.Contains([]string{"InvalidAccessKeyId", "InvalidAccessKeyID"}, e.Code):
		r.message = "the server does not know the access key"
	case e.Code == "SignatureDoesNotMatch":
		r.message = "the secret key is wrong"
	case e.Code == "AuthorizationHeaderMalformed" || e.Code == "InvalidRegion" || e.Code == "PermanentRedirect" || e.Code == "IllegalLocationConstraintException" || a.status/100 == 3:
		r.message = "the region or the endpoint is not the bucket's"
		if region := httpclient.OneLine(e.Region, a.header.Get("X-Amz-Bucket-Region")); region != "" {
			r.message += ": set the option region to " + region
		}
	case e.Code == "AccessDenied":
		r.message = "the key may not do that, or the bucket belongs to somebody else"
	case e.Code == "InvalidObjectState":
		r.message = "the object is in an archive and has to be restored first"
	}
	return r
}

// skew says by how much the clock of this machine is off.
func (c *client) skew(header http.Header) string {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return "the clock of this machine is wrong"
	}
	off := c.cfg.Now().Sub(date).Round(time.Second)
	if off < 0 {
		return fmt.Sprintf("the clock of this machine is %v behind the server's", -off)
	}
	return fmt.Sprintf("the clock of this machine is %v ahead of the server's", off)
}

// again reports whether the change was not made, and may be by another try.
func (e *refusal) again() bool {
	switch e.code {
	case "SlowDown", "SlowDownWrite", "ServiceUnavailable", "TooManyRequests", "Throttling", "RequestLimitExceeded", "Busy",
		"BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "RequestTimeout", "OperationAborted", "ConditionalRequestConflict":
		return true
	}
	return e.status == http.StatusTooManyRequests || e.status == http.StatusServiceUnavailable && e.retryAfter > 0 && !e.foreign
}

// unknown reports whether the change may have been made.
func (e *refusal) unknown() bool {
	switch e.status {
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported, http.StatusInsufficientStorage:
		return false
	}
	return e.status >= 500 || e.status/100 == 2 // an error in a response that began as a success
}

// kinds maps the codes of S3, those of MinIO included.
var kinds = map[string]error{
	"NoSuchKey":                      fs.ErrNotExist,
	"AccessDenied":                   fs.ErrPermission,
	"AllAccessDisabled":              fs.ErrPermission,
	"AccountProblem":                 fs.ErrPermission,
	"InvalidObjectState":             fs.ErrPermission,
	"MethodNotAllowed":               fs.ErrPermission,
	"InvalidAccessKeyId":             backend.ErrUnauthorized,
	"InvalidAccessKeyID":             backend.ErrUnauthorized,
	"SignatureDoesNotMatch":          backend.ErrUnauthorized,
	"ExpiredToken":                   backend.ErrUnauthorized,
	"InvalidToken":                   backend.ErrUnauthorized,
	"RequestTimeTooSkewed":           backend.ErrUnauthorized,
	"PreconditionFailed":             backend.ErrChanged,
	"EntityTooLarge":                 backend.ErrTooLarge,
	"QuotaExceeded":                  backend.ErrQuota,
	"XMinioAdminBucketQuotaExceeded": backend.ErrQuota,
	"XMinioStorageFull":              backend.ErrQuota,
	"KeyTooLongError":                fs.ErrInvalid,
	"KeyTooLong":                     fs.ErrInvalid,
	"XMinioInvalidObjectName":        fs.ErrInvalid,
	"XMinioObjectExistsAsDirectory":  backend.ErrIsDir,
	"SlowDown":                       backend.ErrRateLimited,
	"SlowDownWrite":                  backend.ErrRateLimited,
	"TooManyRequests":                backend.ErrRateLimited,
	"NotImplemented":                 errors.ErrUnsupported,
}

// statuses maps the statuses of responses whose code says nothing.
var statuses = map[int]error{
	http.StatusUnauthorized:          backend.ErrUnauthorized,
	http.StatusForbidden:             fs.ErrPermission,
	http.StatusPreconditionFailed:    backend.ErrChanged,
	http.StatusRequestEntityTooLarge: backend.ErrTooLarge,
	http.StatusTooManyRequests:       backend.ErrRateLimited,
	http.StatusInsufficientStorage:   backend.ErrQuota,
	http.StatusNotImplemented:        errors.ErrUnsupported,
}

func (e *refusal) kind() error {
	if e.status/100 == 2 || e.status == http.StatusNotFound && e.foreign {
		return backend.ErrUnavailable
	}
	if kind := kinds[e.code]; kind != nil {
		return kind
	}
	if kind := statuses[e.status]; kind != nil {
		return kind
	}
	return backend.ErrUnavailable
}

// translate maps the error of a call to an error of the contract. Those of the
// contract, of the caller's body and of a context are returned unchanged.
func translate(err error) error {
	var known *backend.Error
	var refused *refusal
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
	case errors.As(err, &refused):
		return &backend.Error{Kind: refused.kind(), Message: refused.Error(), RetryAfter: refused.retryAfter}
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

// hasCode reports whether err is a refusal by an S3 server with this code.
func hasCode(err error, code string) bool {
	var e *refusal
	return errors.As(err, &e) && e.code == code && !e.foreign
}

// refusedCondition reports whether err says that the condition of a request was
// not met.
func refusedCondition(err error) bool {
	var e *refusal
	return errors.As(err, &e) && e.status == http.StatusPreconditionFailed
}
