package dav

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

const (
	// maxTries is how often a request is sent.
	maxTries = 5
	// maxRedirects is how often one that changes nothing is redirected.
	maxRedirects = 5
	// maxWait is the longest wait before a request is repeated.
	maxWait = 5 * time.Second
	// maxRetryAfter is the longest Retry-After that is waited for.
	maxRetryAfter = 30 * time.Second
	// maxResponse is the longest response that is read: a folder of 300,000
	// files.
	maxResponse = 256 << 20
	// issuedTime is how long a change that was sent is waited for, whether its
	// caller still waits or not.
	issuedTime = 10 * time.Minute
)

// client sends requests.
type client struct {
	cfg  Config
	base *url.URL
	root string // decoded path of the root of the backend
	http *http.Client
}

func newClient(cfg Config, base *url.URL, root string) *client {
	return &client{cfg: cfg, base: base, root: root, http: &http.Client{
		Transport:     authorizer{cfg.Transport, authorization(cfg), base.Host, cfg.UserAgent},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// authorizer adds the login to requests to one host.
type authorizer struct {
	next          http.RoundTripper
	authorization string
	host, agent   string
}

func (a authorizer) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", a.agent)
	if a.authorization != "" && req.URL.Host == a.host {
		req.Header.Set("Authorization", a.authorization)
	}
	return a.next.RoundTrip(req)
}

func (a authorizer) CloseIdleConnections() {
	(&http.Client{Transport: a.next}).CloseIdleConnections()
}

func authorization(cfg Config) string {
	switch {
	case cfg.Token != "":
		return "Bearer " + cfg.Token
	case cfg.User != "" || cfg.Password != "":
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(cfg.User+":"+cfg.Password))
	}
	return ""
}

// request is one request but for uploads and downloads.
type request struct {
	method string
	url    *url.URL
	header http.Header // nil: none
	body   string
	// once: after a 503, which a proxy may give while the server carries it out, a
	// change is not sent again.
	once bool
}

// response is a response of status 2xx that has been read.
type response struct {
	status int
	header http.Header
	url    *url.URL // after redirects
	body   []byte
}

// safe reports whether a method changes nothing (RFC 9110, section 9.2.1).
func safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND":
		return true
	}
	return false
}

// do sends a request, again where that is safe: after a refusal for the moment
// (423, 429, 503 with Retry-After), or any fault if it changes nothing. The error
// of a change is an [uncertainError] if it may have been made.
func (c *client) do(ctx context.Context, r request) (*response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !safe(r.method) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), issuedTime)
		defer cancel()
	}
	for try, redirects := 1, 0; ; try++ {
		resp, err := c.once(ctx, r)
		if to := redirect(r, err, c.base); to != nil && redirects < maxRedirects {
			redirects++
			try--
			r.url = to
			continue
		}
		var again retryable
		switch {
		case err == nil:
			return resp, nil
		case ctx.Err() != nil && safe(r.method):
			return nil, ctx.Err()
		case !errors.As(err, &again):
			return nil, err
		case r.once && hasStatus(err, http.StatusServiceUnavailable):
			return nil, uncertainError{again.error}
		case try == maxTries || again.wait > maxRetryAfter:
			return nil, again.error
		}
		c.cfg.Log.Debug("a request is repeated", "method", r.method, "cause", httpclient.Message(err))
		if err := c.sleep(ctx, max(again.wait, c.backoff(try-1))); err != nil {
			return nil, err
		}
	}
}

// retryable is the error of a request that may be sent again.
type retryable struct {
	error
	wait time.Duration // that the server asked for
}

func (e retryable) Unwrap() error { return e.error }

// redirectError is a redirect of a request that may be followed.
type redirectError struct {
	*statusError
	to *url.URL
}

func (e redirectError) Unwrap() error { return e.statusError }

// redirect returns the address to send a request to that was redirected, or nil:
// only to the same server, and only what changes nothing.
func redirect(r request, err error, base *url.URL) *url.URL {
	var e redirectError
	if !safe(r.method) || !errors.As(err, &e) || e.to.Host != base.Host || e.to.Scheme != base.Scheme {
		return nil
	}
	return e.to
}

// once sends a request and reads the response.
func (c *client) once(ctx context.Context, r request) (*response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for key, values := range r.header {
		req.Header[key] = values
	}
	if r.body == "" {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/xml; charset=utf-8")
	}
	send := c.http.Do
	if safe(r.method) {
		send = func(req *http.Request) (*http.Response, error) { return httpclient.Get(c.http, req) }
	}
	resp, err := send(req)
	if err != nil {
		return nil, c.broken(r.method, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse+1))
	switch {
	case len(body) > maxResponse:
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the response is longer than %d MiB", maxResponse>>20)}
	case err != nil && safe(r.method):
		return nil, c.broken(r.method, err)
	case err != nil && resp.StatusCode == http.StatusMultiStatus:
		return nil, uncertainError{err}
	}
	return &response{resp.StatusCode, resp.Header, req.URL, body}, c.refused(r.method, resp, body)
}

// broken is the error of a request that got no response.
func (c *client) broken(method string, err error) error {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial", safe(method):
		if certificate(err) {
			return err
		}
		return retryable{err, 0}
	case certificate(err):
		return err
	}
	return uncertainError{err}
}

// refused is the error of a response that is not a success, or nil.
func (c *client) refused(method string, resp *http.Response, body []byte) error {
	status := resp.StatusCode
	if status >= 200 && status < 300 {
		return nil
	}
	e := newStatusError(method, resp, body, c.cfg.Now())
	switch {
	case status >= 300 && status < 400:
		if to, err := resp.Location(); err == nil && status != http.StatusSeeOther {
			return redirectError{e, to}
		}
		return e
	case status == http.StatusLocked, status == http.StatusTooManyRequests,
		status == http.StatusServiceUnavailable && e.retryAfter > 0:
		return retryable{e, e.retryAfter}
	case status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported, status == http.StatusInsufficientStorage:
		return e
	case status >= 500 && safe(method):
		return retryable{e, e.retryAfter}
	case status >= 500:
		return uncertainError{e}
	}
	return e
}

// certificate reports whether the server's certificate was refused, which the
// next attempt would not change.
func certificate(err error) bool {
	text := err.Error()
	return strings.Contains(text, "x509: ") || strings.Contains(text, "tls: failed to verify")
}

// backoff is the wait before attempt n, which counts from zero, is repeated, with
// jitter, so that several clients do not retry at the same time.
func (c *client) backoff(n int) time.Duration {
	wait := min(c.cfg.RetryWait<<min(n, 16), maxWait)
	return wait/2 + time.Duration(c.cfg.Rand()*float64(wait/2))
}

// sleep waits for d. The error is that of ctx, if it ends before.
func (c *client) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.cfg.After(d):
		return nil
	}
}

// missing returns err, the 404 for a name, if the server has its root folder at
// that time. A reverse proxy answers 404 too while the server behind it is away,
// and a client that synchronizes would delete its files on that.
func (c *client) missing(ctx context.Context, err error) error {
	u := *c.base
	if u.Path == "" {
		u.Path = "/"
	}
	_, rootErr := c.propfind(ctx, &u, "0")
	switch {
	case rootErr == nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case hasStatus(rootErr, http.StatusNotFound):
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "the server answered 404 Not Found to its own root folder: the option url is wrong, or the server is in trouble"}
	}
	return rootErr
}

// isXML reports whether a body is said to be XML, or looks like it.
func isXML(header http.Header, body []byte) bool {
	kind := strings.ToLower(header.Get("Content-Type"))
	return strings.Contains(kind, "xml") && !strings.Contains(kind, "html") ||
		kind == "" && bytes.HasPrefix(bytes.TrimSpace(body), []byte("<?xml"))
}
