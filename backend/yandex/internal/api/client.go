// Package api is a client of the REST API of Yandex Disk
// (https://yandex.com/dev/disk-api/doc/en/): calls with their retries and
// their rate limit, operations, uploads, downloads. It keeps no state of the
// disk: names, versions and times are the driver's.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/davdisk/davdisk/internal/httpclient"
)

const (
	// attemptTimeout is how long one request to the API may take.
	attemptTimeout = time.Minute
	// maxResponse is the longest response that is read.
	maxResponse = 64 << 20
	// usualResponse is what room is made for at once: a page of 1000 entries has
	// about 1.5 MB.
	usualResponse = 2 << 20
)

// Options are what New needs. All but Token must be set.
type Options struct {
	URL       string        // address of the API
	Token     TokenSource   // nil: only what is public can be read
	UserAgent string        // sent with every request
	Rate      float64       // requests to the API a second, negative: unlimited
	RetryWait time.Duration // before the first retry, doubled each time

	Transport http.RoundTripper
	Now       func() time.Time
	After     func(d time.Duration) <-chan time.Time
	Rand      func() float64 // jitter of waits, in [0,1)
}

// Client sends requests and decodes responses. Its methods may be called from
// many goroutines at once.
type Client struct {
	opts  Options
	base  *url.URL
	rate  *throttle // nil: unlimited
	retry *retryablehttp.Client
	bare  *http.Client // for transfers: no token, no retries, no redirects followed
}

// New builds the chain of transports of a request: retries as its call allows
// (retryablehttp), the rate limit, the token, and reading the response to its
// end. It sends nothing.
func New(opts Options) (*Client, error) {
	base, err := ParseURL(opts.URL)
	if err != nil {
		return nil, err
	}
	named := userAgent{opts.Transport, opts.UserAgent}
	var stack http.RoundTripper = wholeResponses{named}
	stack = authorizer{stack, opts.Token, base.Host}
	var limited *throttle
	if opts.Rate >= 0 {
		limited = newThrottle(stack, opts)
		stack = limited
	}
	c := &Client{
		opts: opts, base: base, rate: limited,
		bare: &http.Client{
			Transport:     userAgent{httpclient.Transfers(opts.Transport), opts.UserAgent},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.retry = &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: stack, CheckRedirect: c.checkRedirect},
		RetryMax:     maxLocked,
		CheckRetry:   c.checkRetry,
		Backoff:      c.backoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: prepareRetry,
	}
	return c, nil
}

// ParseURL parses the address of a server.
func ParseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("yandex: %q is not the address of a server", address)
	}
	return u, nil
}

// CloseIdleConnections closes the connections that are not in use.
func (c *Client) CloseIdleConnections() {
	c.bare.CloseIdleConnections()
	(&http.Client{Transport: c.opts.Transport}).CloseIdleConnections()
}

// Request is one call with its arguments.
type Request struct {
	Call  Call
	Link  string     // a link of the service to follow instead of the call's own path
	Query url.Values // not sent with Link
	Body  any        // encoded as JSON, nil for none
	Out   any        // where to decode a success, nil to ignore it

	Recheck func(ctx context.Context) error // called before each retry; an error prevents it; nil: none
}

// Reply is a success.
type Reply struct {
	status int
	Lost   int // how many earlier attempts, whose responses were lost, may have taken effect
}

// Async reports whether an operation was begun.
func (r Reply) Async() bool { return r.status == http.StatusAccepted }

// Do sends a request until it has a definite response or the call may not be
// retried. The error is an [*Error] or one of the transport; it is an
// [UncertainError] if a change was sent and its outcome is unknown.
func (c *Client) Do(ctx context.Context, r Request) (Reply, error) {
	if err := ctx.Err(); err != nil {
		return Reply{}, err
	}
	var body any
	if r.Body != nil {
		data, err := json.Marshal(r.Body)
		if err != nil {
			return Reply{}, err
		}
		body = data
	}
	address, err := c.address(r)
	if err != nil {
		return Reply{}, err
	}
	attempts := &attempts{call: r.Call, recheck: r.Recheck}
	req, err := retryablehttp.NewRequestWithContext(context.WithValue(ctx, attemptsKey{}, attempts), r.Call.method(), address, body)
	if err != nil {
		return Reply{}, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.retry.Do(req)
	succeeded := err == nil && resp.StatusCode >= 200 && resp.StatusCode <= 299
	if err == nil {
		err = c.decode(resp, r.Out)
	}
	var apiErr *Error
	if errors.As(err, &apiErr) {
		apiErr.Reading = r.Call.method() == http.MethodGet && r.Call != UploadLink
	}
	open := attempts.lost > 0 || succeeded && apiErr == nil // what cannot be read may be the answer to a change that was made
	if err != nil && open && r.Call.method() != http.MethodGet && !(apiErr != nil && definite(apiErr.Status)) {
		err = UncertainError{err}
	}
	if err != nil {
		return Reply{Lost: attempts.lost}, err
	}
	return Reply{resp.StatusCode, attempts.lost}, nil
}

// definite reports whether a response of this status shows that nothing more
// was done than an earlier attempt may have done.
func definite(status int) bool { return status >= 400 && status < 500 }

// address returns the URL of a request. A link with the scheme http where the
// API has https, as the service returned until about 2019, is upgraded rather
// than followed with the token in clear text.
func (c *Client) address(r Request) (string, error) {
	if r.Link == "" {
		u := *c.base
		u.Path = strings.TrimSuffix(u.Path, "/") + r.Call.Path()
		u.RawQuery = r.Query.Encode()
		return u.String(), nil
	}
	u, err := c.parseLink(r.Link)
	if err != nil {
		return "", err
	}
	if u.Host != c.base.Host {
		return "", errors.New("the service's link leads to another server than its API")
	}
	return u.String(), nil
}

// parseLink parses a link of the service.
func (c *Client) parseLink(link string) (*url.URL, error) {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the service gave an invalid link")
	}
	if c.base.Scheme == "https" {
		u.Scheme = "https"
	}
	return u, nil
}

// checkRedirect refuses redirects to other servers: the API has never been seen
// to redirect, so one comes from a captive portal or a proxy.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if req.URL.Host != c.base.Host || req.URL.Scheme != c.base.Scheme {
		return errors.New("the API was redirected to another server")
	}
	if via[0].Method != http.MethodGet {
		return errors.New("the API redirected a change, which would be sent again as a GET")
	}
	if len(via) >= 10 {
		return errors.New("the API redirected too often")
	}
	return nil
}

// decode decodes a response into out. A success with an error body is an error.
func (c *Client) decode(resp *http.Response, out any) error {
	defer resp.Body.Close()
	data, err := bytesOf(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return readError(resp.StatusCode, resp.Header, data, c.opts.Now())
	}
	if bytes.Contains(data, []byte(`"error"`)) {
		var f failure
		if json.Unmarshal(data, &f) == nil && f.Code != "" {
			return readError(0, resp.Header, data, c.opts.Now())
		}
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := decodeJSON(data, out); err != nil {
		return fmt.Errorf("the service's response is not what its API promises: %w", err)
	}
	return nil
}

// wholeResponses reads a response to its end, so that a connection that breaks
// in the middle is retried like one that broke before. The error of a request of
// which nothing was written, because there is no connection to the service or its
// certificate is not good, is an [unwrittenError].
type wholeResponses struct{ next http.RoundTripper }

func (t wholeResponses) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), attemptTimeout)
	defer cancel()
	var traced, written atomic.Bool // a transport of another kind tells nothing
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { traced.Store(true) },
		WroteHeaders: func() { written.Store(true) },
	})
	resp, err := t.read(ctx, req)
	if err != nil && traced.Load() && !written.Load() {
		err = unwrittenError{err}
	}
	return resp, err
}

func (t wholeResponses) read(ctx context.Context, req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	var data bytes.Buffer
	if err == nil {
		data.Grow(int(max(0, min(resp.ContentLength, usualResponse))) + bytes.MinRead) // which is room to see the end in
		_, err = data.ReadFrom(io.LimitReader(resp.Body, maxResponse+1))
		resp.Body.Close()
	}
	switch {
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no response within %v", attemptTimeout)
	case err != nil:
		return nil, err
	case data.Len() > maxResponse:
		return nil, errors.New("the response is longer than any the service gives")
	}
	resp.Body = wholeBody{io.NopCloser(bytes.NewReader(data.Bytes())), data.Bytes()}
	return resp, nil
}

// wholeBody is the body of a response that has been read.
type wholeBody struct {
	io.ReadCloser
	data []byte
}

// bytesOf returns all of a body, of one that has been read without a copy.
func bytesOf(body io.ReadCloser) ([]byte, error) {
	if whole, ok := body.(wholeBody); ok {
		return whole.data, nil
	}
	return io.ReadAll(body)
}
