package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// The poll intervals of an operation: FirstPoll, doubled each time, up to
// LastPoll.
const (
	FirstPoll = 50 * time.Millisecond
	LastPoll  = time.Second
)

// ErrOperationFailed means that an operation failed. The service never reports
// the reason.
var ErrOperationFailed = errors.New("the service says that the operation failed, and not why")

// Change makes a change and waits for its end. next is the link to the result
// in the response.
func (c *Client) Change(ctx context.Context, call Call, query url.Values) (r Reply, next Link, err error) {
	if r, next, err = c.Begin(ctx, call, query); err == nil {
		err = c.Finish(ctx, r, next)
	}
	return r, next, err
}

// Begin makes a change, whose end Finish waits for.
func (c *Client) Begin(ctx context.Context, call Call, query url.Values) (r Reply, next Link, err error) {
	query.Set("fields", "href")
	r, err = c.Do(ctx, Request{Call: call, Query: query, Out: &next})
	return r, next, err
}

// Finish waits for the end of a change whose response is next: it returns at
// once unless the status is that of an operation (202). Every success of a
// change except 204 has a link; a response without one is not from the service.
func (c *Client) Finish(ctx context.Context, r Reply, next Link) error {
	switch {
	case r.status == http.StatusNoContent:
		return nil
	case next.Href == "":
		return UncertainError{errors.New("the response is not one of the service, which gives a link to what it did")}
	case r.Async():
		return c.Wait(ctx, string(next.Href))
	}
	return nil
}

// CodeNoOperation is the code of the error for an operation that the service does
// not know, or not any more.
const CodeNoOperation = "DiskOperationNotFoundError"

// OpenError is the error of a change whose operation has not ended, as far as is
// known: it may still take effect.
type OpenError struct {
	Link string // of the operation
	Err  error  // an UncertainError
}

func (e OpenError) Error() string { return e.Err.Error() }
func (e OpenError) Unwrap() error { return e.Err }

// Detach returns a context for a change that may have begun: it ends after a
// timeout and not with the caller, so that the response is received. Only the
// polling of an operation ends with the caller.
func Detach(caller context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	owner := caller
	if outer, ok := caller.Value(callerKey{}).(context.Context); ok {
		owner = outer
	}
	ctx := context.WithValue(context.WithoutCancel(caller), callerKey{}, owner)
	return context.WithTimeout(ctx, timeout)
}

// callerKey is the key of the context that was detached from.
type callerKey struct{}

// withCaller returns a context that also ends with the one it was detached from.
func withCaller(ctx context.Context) (context.Context, context.CancelFunc) {
	caller, ok := ctx.Value(callerKey{}).(context.Context)
	ctx, cancel := context.WithCancel(ctx)
	if !ok {
		return ctx, cancel
	}
	stop := context.AfterFunc(caller, cancel)
	return ctx, func() { stop(); cancel() }
}

// Wait polls an operation until it ends, or until the caller's context does,
// with an OpenError. The link is used as returned: the form of its path differs
// between responses.
func (c *Client) Wait(ctx context.Context, link string) error {
	ctx, cancel := withCaller(ctx)
	defer cancel()
	for pause := FirstPoll; ; pause = min(2*pause, LastPoll) {
		if c.Sleep(ctx, pause) != nil {
			return OpenError{link, UncertainError{errors.New("the service is still at it, and was not waited for any longer")}}
		}
		done, err := c.Poll(ctx, link)
		var failed *Error
		switch {
		case done, errors.As(err, &failed) && failed.Code == CodeNoOperation:
			return err
		case ctx.Err() != nil:
			continue
		case err != nil:
			return OpenError{link, err}
		}
	}
}

// Poll reports whether an operation has ended. The documentation names
// failure both "failed" and "failure"; an unknown state is not an end.
func (c *Client) Poll(ctx context.Context, link string) (done bool, err error) {
	var op Operation
	_, err = c.Do(ctx, Request{Call: GetOperation, Link: link, Out: &op})
	switch {
	case err != nil:
		return false, UncertainError{err}
	case op.Status == "success":
		return true, nil
	case op.Status == "failed", op.Status == "failure":
		return true, UncertainError{ErrOperationFailed}
	case op.Status == "": // the response is not from the service
		return false, UncertainError{errors.New("the response does not say how the operation stands")}
	}
	return false, nil
}

// OperationLink returns the link of an operation of which only the id is
// known.
func (c *Client) OperationLink(id string) string {
	return c.base.JoinPath(GetOperation.Path(), url.PathEscape(id)).String()
}
