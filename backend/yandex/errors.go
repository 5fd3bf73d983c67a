package yandex

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// translate maps the error of a request to an error of the contract. Errors
// of the contract, of the caller's body and of a context are returned unchanged.
func translate(err error) error {
	var known *backend.Error
	var apiErr *api.Error
	var uncertain api.UncertainError
	var body httpclient.BodyError
	switch {
	case errors.As(err, &body):
		return body.Err
	case errors.As(err, &known):
		return known
	case errors.As(err, &uncertain):
		e := &backend.Error{Kind: backend.ErrUncertain, Message: httpclient.Message(uncertain.Err)}
		if errors.As(err, &apiErr) && errors.Is(apiErr.Kind(), backend.ErrUnauthorized) {
			e.Message += ": " + rejectedHint
		}
		return e
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &apiErr):
		e := &backend.Error{Kind: apiErr.Kind(), Message: bracketed(apiErr.Message), RetryAfter: apiErr.RetryAfter}
		if errors.Is(e.Kind, backend.ErrUnauthorized) {
			e.Message = strings.TrimSpace(rejectedHint + " " + e.Message)
		}
		return e
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: httpclient.Message(err)}
}

// bracketed marks the service's own words.
func bracketed(words string) string {
	if words == "" {
		return ""
	}
	return "(" + words + ")"
}

const (
	// loginHint is the advice if there is no token.
	loginHint = "run davdisk login, or set DAVDISK_TOKEN"
	// rejectedHint is the advice if the service rejects the token.
	rejectedHint = "run davdisk login, or change DAVDISK_TOKEN, which comes before a login"
)

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

// hasCode reports whether err is an error of the service with one of the codes.
func hasCode(err error, codes ...string) bool {
	var apiErr *api.Error
	return errors.As(err, &apiErr) && slices.Contains(codes, apiErr.Code)
}

// is reports whether err is of a kind once translated.
func is(err, kind error) bool {
	return err != nil && errors.Is(translate(err), kind)
}
