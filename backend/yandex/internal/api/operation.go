package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// How an operation is followed: first asked for after FirstPoll, then after
// twice the time each, up to LastPoll.
const (
	FirstPoll = 50 * time.Millisecond
	LastPoll  = time.Second
)

// ErrOperationFailed says that an operation failed. The service never says why.
var ErrOperationFailed = errors.New("the service says that the operation failed, and not why")

// Change makes a change and follows it to its end. next is where the service
// says that what it did is to be found.
func (c *Client) Change(ctx context.Context, call Call, query url.Values) (r Reply, next Link, err error) {
	query.Set("fields", "href")
	if r, err = c.Do(ctx, Request{Call: call, Query: query, Out: &next}); err == nil {
		err = c.Finish(ctx, r, next)
	}
	return r, next, err
}

// Finish waits for the end of a change that was answered with next: at once
// unless the status says that an operation was begun (202). Every success of a
// change but 204 has a link; without one the response is not the service's.
func (c *Client) Finish(ctx context.Context, r Reply, next Link) error {
	switch {
	case r.status == http.StatusNoContent:
		return nil
	case next.Href == "":
		return UncertainError{errors.New("the response is not one of the service, which gives a link to what it did")}
	case r.status == http.StatusAccepted:
		return c.Wait(ctx, string(next.Href))
	}
	return nil
}

// Wait follows an operation to its end. The link is followed as given: the
// form of its path differs from one response to the next.
func (c *Client) Wait(ctx context.Context, link string) error {
	for pause := FirstPoll; ; pause = min(2*pause, LastPoll) {
		if c.Sleep(ctx, pause) != nil {
			return UncertainError{errors.New("the operation has not ended in time")}
		}
		done, err := c.Poll(ctx, link)
		if done || err != nil {
			return err
		}
	}
}

// Poll asks for the state of an operation. The documents name the bad end
// both "failed" and "failure"; a state that is not known is not an end.
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
	case op.Status == "": // the response is not the service's
		return false, UncertainError{errors.New("the response does not say how the operation stands")}
	}
	return false, nil
}

// OperationLink is where an operation is followed of which only the id is
// known.
func (c *Client) OperationLink(id string) string {
	return c.base.JoinPath(GetOperation.Path(), url.PathEscape(id)).String()
}
