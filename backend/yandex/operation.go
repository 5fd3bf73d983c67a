package yandex

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// How an operation is followed: the first look after 50 ms, each next one
// after twice the time, up to a second.
const (
	firstPoll = 50 * time.Millisecond
	lastPoll  = time.Second
)

// errFailed says that an operation ended badly. The service never says why.
var errFailed = errors.New("the service says that the operation failed, and not why")

// change makes a change and follows it to its end. next is where the service
// says that what it did is to be found.
func (b *Backend) change(ctx context.Context, c call, query url.Values) (r reply, next link, err error) {
	query.Set("fields", "href")
	if r, err = b.api.do(ctx, request{call: c, query: query, out: &next}); err == nil {
		err = b.finish(ctx, r, next)
	}
	return r, next, err
}

// finish waits for the end of a change that was answered with next: at once
// unless the status says that an operation was begun (202). Every success of a
// change but 204 has a link; without one it is not the service that speaks.
func (b *Backend) finish(ctx context.Context, r reply, next link) error {
	switch {
	case r.status == http.StatusNoContent:
		return nil
	case next.Href == "":
		return lost{errors.New("the answer is not one of the service, which gives a link to what it did")}
	case r.status == http.StatusAccepted:
		return b.wait(ctx, string(next.Href))
	}
	return nil
}

// wait follows an operation to its end. The link is followed as given: the
// form of its path differs from one answer to the next.
func (b *Backend) wait(ctx context.Context, href string) error {
	for pause := firstPoll; ; pause = min(2*pause, lastPoll) {
		select {
		case <-ctx.Done():
			return lost{errors.New("the operation has not ended in time")}
		case <-b.cfg.After(pause):
		}
		done, err := b.poll(ctx, href)
		if done || err != nil {
			return err
		}
	}
}

// poll asks for the state of an operation. The documents name the bad end
// both "failed" and "failure"; a state that is not known is not an end.
func (b *Backend) poll(ctx context.Context, href string) (done bool, err error) {
	var op operation
	_, err = b.api.do(ctx, request{call: getOperation, href: href, out: &op})
	switch {
	case err != nil:
		return false, lost{err}
	case op.Status == "success":
		return true, nil
	case op.Status == "failed", op.Status == "failure":
		return true, lost{errFailed}
	case op.Status == "": // it is not the service that speaks
		return false, lost{errors.New("the answer does not tell how the operation stands")}
	}
	return false, nil
}

// operationLink is where an operation is followed of which only the id is
// known.
func (b *Backend) operationLink(id string) string {
	return b.api.base.JoinPath(getOperation.path, url.PathEscape(id)).String()
}
