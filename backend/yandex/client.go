package yandex

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// attemptTime is how long one request to the API may take.
	attemptTime = time.Minute
	// maxAnswer is the longest answer taken in. A page of 1000 entries has
	// about 1.5 MB.
	maxAnswer = 64 << 20
)

// client speaks to the API: requests out, decoded answers in.
type client struct {
	base  *url.URL
	cfg   Config
	retry *retryablehttp.Client
}

// newClient assembles the stack that a request passes: repeated as its call
// allows (retryablehttp), held back to the rate, given the token, and its
// answer read to the end before it counts as one.
func newClient(cfg Config) (*client, error) {
	base, err := parseAPI(cfg.APIURL)
	if err != nil {
		return nil, err
	}
	var stack http.RoundTripper = wholeAnswers{cfg.Transport}
	stack = authorizer{stack, cfg.Token, base.Host, cfg.UserAgent}
	stack = newThrottle(stack, cfg.Rate)
	c := &client{base: base, cfg: cfg}
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

// request is one call with its arguments.
type request struct {
	call  call
	href  string     // instead of the call's own path: a link, followed as given
	query url.Values // instead of that of a link: arguments
	body  any        // JSON, nil for none
	out   any        // where to decode a success, nil to ignore it

	recheck func(ctx context.Context) error // made before it is sent again, which it prevents by an error; nil: none
}

// reply is a success.
type reply struct {
	status int
	again  bool // an earlier attempt, whose answer is not known, may have had its effect
}

// do sends a request until it has a definite answer or the call may not be
// repeated. The error is a [refusal], or what went wrong on the way; it is
// [lost] if a change was sent and nobody knows what became of it.
func (c *client) do(ctx context.Context, r request) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, err
	}
	var body any
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return reply{}, err
		}
		body = data
	}
	address, err := c.address(r)
	if err != nil {
		return reply{}, err
	}
	tries := &tries{call: r.call, recheck: r.recheck}
	req, err := retryablehttp.NewRequestWithContext(withTries(ctx, tries), r.call.method, address, body)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.retry.Do(req)
	if err == nil {
		err = c.decode(resp, r.out)
	}
	var no *refusal
	if err != nil && tries.lost && r.call.method != http.MethodGet && !(errors.As(err, &no) && definite(no.status)) {
		err = lost{err}
	}
	if err != nil {
		return reply{again: tries.lost}, err
	}
	return reply{resp.StatusCode, tries.lost}, nil
}

// definite tells whether an answer of this status settles that nothing more
// was done than an earlier attempt may have done.
func definite(status int) bool { return status >= 400 && status < 500 }

// address is where a request goes. A link with the scheme http where the API
// has https, which the service gave until about 2019, is upgraded rather than
// followed with the token in clear.
func (c *client) address(r request) (string, error) {
	if r.href == "" {
		u := *c.base
		u.Path = strings.TrimSuffix(u.Path, "/") + r.call.path
		u.RawQuery = r.query.Encode()
		return u.String(), nil
	}
	u, err := c.follow(r.href)
	if err != nil {
		return "", err
	}
	if u.Host != c.base.Host {
		return "", errors.New("the service's link leads to another server than its API")
	}
	return u.String(), nil
}

// follow parses a link of the service.
func (c *client) follow(href string) (*url.URL, error) {
	u, err := url.Parse(href)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the service gave a link that leads nowhere")
	}
	if c.base.Scheme == "https" {
		u.Scheme = "https"
	}
	return u, nil
}

// checkRedirect follows the API to no other server: it has never been seen to
// redirect, and what answers so is a portal or a proxy.
func (c *client) checkRedirect(req *http.Request, via []*http.Request) error {
	if req.URL.Host != c.base.Host || req.URL.Scheme != c.base.Scheme {
		return errors.New("the API was redirected to another server")
	}
	if via[0].Method != http.MethodGet {
		return errors.New("the API redirected a change, which would then be only a question")
	}
	if len(via) >= 10 {
		return errors.New("the API is redirected without end")
	}
	return nil
}

// decode reads an answer into out. A success that holds an error is one.
func (c *client) decode(resp *http.Response, out any) error {
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return readRefusal(resp.StatusCode, resp.Header, data, c.cfg.Now())
	}
	if bytes.Contains(data, []byte(`"error"`)) {
		var f failure
		if json.Unmarshal(data, &f) == nil && f.Code != "" {
			return readRefusal(0, resp.Header, data, c.cfg.Now())
		}
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("the service's answer is not what its API promises: %w", err)
	}
	return nil
}

// wholeAnswers reads an answer to its end before it counts as one, so that a
// connection that breaks in the middle is repeated like one that broke before.
type wholeAnswers struct{ next http.RoundTripper }

func (t wholeAnswers) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), attemptTime)
	defer cancel()
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	var data []byte
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		resp.Body.Close()
	}
	switch {
	case req.Context().Err() != nil:
		return nil, req.Context().Err()
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no answer within %v", attemptTime)
	case err != nil:
		return nil, err
	case len(data) > maxAnswer:
		return nil, errors.New("the answer is longer than any the service gives")
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return resp, nil
}
