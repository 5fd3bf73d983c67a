package httpclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// maxAnswer is how much is read of the response to an upload.
const maxAnswer = 64 << 10

// Upload is one PUT.
type Upload struct {
	Header http.Header
	Body   io.Reader
	Size   int64 // of Body, -1 if unknown

	Sum   io.Writer                       // gets what is sent, nil for none
	Check func(ctx context.Context) error // called before the last bytes are sent; an error prevents that

	Rewindable    bool          // Body may be read again after a failure: Put does not read it after it has returned
	AnswerTimeout time.Duration // how long the server may take after the last byte
}

// ErrTooEarly is the error of a server that reports success before it has the
// whole body.
var ErrTooEarly = errors.New("the server says that it stored what was not sent yet")

// BrokenError is the error of an upload that got no response.
type BrokenError struct{ Err error }

func (e BrokenError) Error() string { return e.Err.Error() }
func (e BrokenError) Unwrap() error { return e.Err }

// Put sends a body, and reports whether its last byte was sent. Cancellation of
// ctx is ignored from then on. The response's body has been read, up to 64 KiB.
// The error is a [BrokenError], ErrTooEarly, that of ctx or of Check, or a
// [BodyError].
func Put(ctx context.Context, client *http.Client, url string, u Upload) (resp *http.Response, whole bool, err error) {
	body := newBody(ctx, u.Body, u.Size, u.Sum, u.Check)
	if _, err := body.outcome(); err != nil {
		return nil, false, err
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	limit := IdleTimeout
	if body.size == 0 {
		limit = u.AnswerTimeout
	}
	body.idle, body.answerTimeout = newIdleTimer(limit, cancel), u.AnswerTimeout
	defer body.idle.stop()
	defer body.follow(cancel)()
	req, err := http.NewRequestWithContext(sending, http.MethodPut, url, io.NopCloser(body))
	if err != nil {
		return nil, false, err
	}
	if req.ContentLength = body.size; body.size == 0 {
		req.Body = http.NoBody
	}
	req.Header = u.Header.Clone()
	resp, err = client.Do(req)
	body.detach(u.Rewindable)
	if err == nil {
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // its status has arrived, which counts
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(answer))
	}
	whole, wrong := body.outcome()
	switch {
	case wrong != nil:
		return nil, false, wrong
	case err == nil && !whole && resp.StatusCode < 300:
		return nil, false, ErrTooEarly
	case err == nil:
		return resp, whole, nil
	case ctx.Err() != nil && !whole:
		return nil, false, ctx.Err()
	case body.idle.fired.Load():
		err = ErrIdleTimeout
	}
	return nil, whole, BrokenError{err}
}
