package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// Upload is one PUT to the upload server: of a file, or of the rest of one.
type Upload struct {
	Link   string
	Body   io.Reader
	Offset int64 // in the file, where Body begins
	Size   int64 // of the file, -1 if unknown

	Sum   io.Writer                       // gets what is sent, nil for none
	Check func(ctx context.Context) error // called before the last bytes are sent; an error prevents that

	Rewindable    bool          // Body may be read again after a failure: Put does not read it after it has returned
	IfAbsent      bool          // the link was requested with overwrite=false
	AnswerTimeout time.Duration // how long the server may take after the last byte
}

// Uploaded is the response of the upload server.
type Uploaded struct {
	Stored   bool      // 201: the file is in its place
	Accepted bool      // 202: an operation stores it; with neither it was 200, which proxies send
	Date     time.Time // of the server

	Unanswered bool // the last byte was sent, and the error is the reason of the unknown outcome
}

// Put sends a body. The error is a [RetryableError] if nothing was stored and
// another link may work. Cancellation of ctx is ignored once the last byte is
// sent.
func (c *Client) Put(ctx context.Context, u Upload) (Uploaded, error) {
	left := u.Size
	if u.Offset > 0 {
		left -= u.Offset
	}
	at, err := c.parseLink(u.Link)
	if err != nil {
		return Uploaded{}, err
	}
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if u.Offset > 0 {
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", u.Offset, u.Size-1, u.Size))
	}
	resp, whole, err := httpclient.Put(ctx, c.bare, at.String(), httpclient.Upload{ //nolint:bodyclose // Put has read and closed it
		Header: header, Body: u.Body, Size: left, Sum: u.Sum, Check: u.Check,
		Rewindable: u.Rewindable, AnswerTimeout: u.AnswerTimeout,
	})
	var broken httpclient.BrokenError
	switch {
	case errors.Is(err, httpclient.ErrTooEarly):
		return Uploaded{}, UncertainError{err}
	case errors.As(err, &broken) && !whole:
		return Uploaded{}, RetryableError{broken.Err}
	case errors.As(err, &broken):
		return Uploaded{Unanswered: true}, broken.Err
	case err != nil:
		return Uploaded{}, err
	}
	now := c.opts.Now()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted:
		done := Uploaded{Stored: resp.StatusCode == http.StatusCreated, Accepted: resp.StatusCode == http.StatusAccepted, Date: now}
		if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			done.Date = date
		}
		return done, nil
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return Uploaded{Unanswered: true}, fmt.Errorf("it answered %d", resp.StatusCode)
	}
	apiErr := &Error{Status: resp.StatusCode, RetryAfter: httpclient.RetryAfter(resp.Header, now), // it gives no codes
		Message: fmt.Sprintf("the upload server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))}
	switch {
	case resp.StatusCode == http.StatusConflict && u.IfAbsent:
		return Uploaded{}, &backend.Error{Kind: fs.ErrExist, Message: apiErr.Message}
	case resp.StatusCode == http.StatusRequestEntityTooLarge, resp.StatusCode == http.StatusInsufficientStorage,
		resp.StatusCode == http.StatusLocked:
		return Uploaded{}, apiErr
	}
	return Uploaded{}, RetryableError{apiErr} // the link is used up, or the server has failed
}

// Received returns how much the upload server has of a file of that size with
// those hashes. The request is known from the client that Yandex published for
// Java. Without a hash it cannot be made.
func (c *Client) Received(ctx context.Context, link string, size int64, md5, sha256 string) (n int64, ok bool) {
	at, err := c.parseLink(link)
	if err != nil || md5 == "" || sha256 == "" {
		return 0, false
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, at.String(), nil)
	if err != nil {
		return 0, false
	}
	req.Header.Set("Etag", md5)
	req.Header.Set("Sha256", sha256)
	req.Header.Set("Size", strconv.FormatInt(size, 10))
	resp, err := c.bare.Do(req)
	if err != nil {
		return 0, false
	}
	resp.Body.Close()
	return resp.ContentLength, resp.StatusCode == http.StatusOK && resp.ContentLength >= 0
}
