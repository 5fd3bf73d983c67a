package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// maxRedirects is how often a download may be redirected. Once is usual.
const maxRedirects = 5

// ErrLinkExpired says that a download link no longer works.
var ErrLinkExpired = errors.New("the download link no longer works")

// Range is the requested part of a file.
type Range struct {
	Start, End int64 // End is exclusive
	Size       int64 // of the whole file
	MD5        string
}

// Download opens a part of the file of a link, and returns the final address
// after redirects, which may be used in place of the link. The error is
// backend.ErrChanged if the file has changed, ErrLinkExpired, or a
// [RetryableError].
func (c *Client) Download(ctx context.Context, link string, r Range) (body io.ReadCloser, address string, err error) {
	address = link
	for range maxRedirects {
		body, err := c.get(ctx, address, r)
		var next redirect
		if !errors.As(err, &next) {
			return body, address, err
		}
		address = string(next)
	}
	return nil, "", errors.New("the download is redirected too often")
}

// redirect is the target of a redirect.
type redirect string

func (redirect) Error() string { return "redirected" }

// get requests a part of a file from one address.
func (c *Client) get(ctx context.Context, address string, r Range) (io.ReadCloser, error) {
	u, err := c.parseLink(address)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // a range of the file, not of its compressed form
	if r.Start > 0 || r.End < r.Size {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.Start, r.End-1))
	}
	resp, err := httpclient.Get(c.bare, req)
	if err != nil {
		return nil, RetryableError{err}
	}
	if err := c.checkDownload(resp, r); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp.Body, nil
}

// checkDownload checks that a response is the requested range. The service
// answers 403, 404, 410 and 500 to an expired link.
func (c *Client) checkDownload(resp *http.Response, r Range) error {
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		next, err := resp.Location()
		if err != nil {
			return errors.New("the download server redirects to nowhere")
		}
		return redirect(next.String())
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusInternalServerError:
		return ErrLinkExpired
	case http.StatusRequestedRangeNotSatisfiable:
		return &backend.Error{Kind: backend.ErrChanged, Message: "the file is shorter now"}
	default:
		data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		apiErr := readError(resp.StatusCode, resp.Header, data, c.opts.Now())
		apiErr.Reading = true
		if resp.StatusCode > http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests && apiErr.RetryAfter <= maxRetryAfter {
			return RetryableError{apiErr}
		}
		return apiErr
	}
	if tag := strings.Trim(resp.Header.Get("ETag"), `"`); len(tag) == 32 && r.MD5 != "" && !strings.EqualFold(tag, r.MD5) {
		return &backend.Error{Kind: backend.ErrChanged, Message: "the link leads to another version"}
	}
	if resp.StatusCode == http.StatusOK { // the whole file, even if a range was requested
		if resp.ContentLength >= 0 && resp.ContentLength != r.Size {
			return &backend.Error{Kind: backend.ErrChanged, Message: "the file has another length now"}
		}
		_, err := io.CopyN(io.Discard, resp.Body, r.Start)
		return err
	}
	want := fmt.Sprintf("bytes %d-%d/%d", r.Start, r.End-1, r.Size)
	if got := resp.Header.Get("Content-Range"); got != want {
		return &backend.Error{Kind: backend.ErrChanged, Message: "the download server gave another range than the one asked for"}
	}
	return nil
}
