package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
)

const (
	// maxTries is how often a request is sent.
	maxTries = 5
	// maxWait is the longest wait before a request is repeated.
	maxWait = 5 * time.Second
	// maxRetryAfter is the longest Retry-After that is waited for.
	maxRetryAfter = 30 * time.Second
	// maxListing is the longest page of a listing that is read: 1000 keys.
	maxListing = 32 << 20
	// maxEmptyPages is how many pages of a listing without a key are read one after
	// the other: a server has some where much was removed.
	maxEmptyPages = 1000
	// issuedTime is how long a change that was sent is waited for, whether its
	// caller still waits or not, beside the time that its bytes take.
	issuedTime = 10 * time.Minute
	// slowest is the slowest connection on which a body still arrives, in bytes
	// a second.
	slowest = 16 << 10
)

// client sends the requests about one bucket. minio-go signs them and knows their
// forms; it never repeats one, because only we know which may be.
type client struct {
	cfg  Config
	core minio.Core
}

func newClient(cfg Config, endpoint *url.URL) (*client, error) {
	c := &client{cfg: cfg}
	signer := credentials.NewStatic("", "", "", credentials.SignatureAnonymous)
	if cfg.AccessKey != "" || cfg.SecretKey != "" {
		signer = credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, cfg.SessionToken)
	}
	core, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds: signer, Secure: endpoint.Scheme == "https", Region: cfg.Region, Transport: &transport{c}, MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("s3: option endpoint: %w", err)
	}
	c.core = *core
	return c, nil
}

// answer is what is known of the last request of a call beside the error of
// minio-go, which drops most of it.
type answer struct {
	status int // 0: no response
	header http.Header
	err    error // of the connection
}

type answerKey struct{}

// with returns a context whose requests are recorded in the answer.
func with(ctx context.Context, a *answer) context.Context {
	return context.WithValue(ctx, answerKey{}, a)
}

// emptied returns the error of a removal of which ctx has the answer. S3 answers one
// without content; minio-go takes a page of a proxy, or an error in a success, for
// that too.
func emptied(ctx context.Context, err error) error {
	a, recorded := ctx.Value(answerKey{}).(*answer)
	if err == nil && recorded && a.status != http.StatusNoContent {
		return fmt.Errorf("a removal was answered %d", a.status)
	}
	return err
}

// transport sends requests: those that change nothing again after any fault, with
// an idle timeout, and listings whole or not at all.
type transport struct{ *client }

// safe reports whether a method changes nothing (RFC 9110, section 9.2.1).
func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", t.cfg.UserAgent)
	if safe(req.Method) {
		req.Header.Set("Accept-Encoding", "identity") // the object, not its compressed form
	}
	a, _ := req.Context().Value(answerKey{}).(*answer)
	if a == nil {
		a = new(answer)
	}
	if p, ok := req.Context().Value(pagesKey{}).(*pages); ok {
		if err := p.next(req); err != nil {
			*a = answer{err: err}
			return nil, err
		}
	}
	for try := 1; ; try++ {
		resp, err := t.once(req)
		*a = answer{err: err}
		if err == nil {
			*a = answer{status: resp.StatusCode, header: resp.Header}
		}
		again, wait := t.transient(a)
		if !safe(req.Method) || !again || try == maxTries || wait > maxRetryAfter || req.Context().Err() != nil {
			return resp, err
		}
		if err == nil {
			resp.Body.Close()
		}
		t.cfg.Log.Debug("a request is repeated", "method", req.Method, "status", a.status, "try", try)
		if err := t.sleep(req.Context(), max(wait, t.backoff(try-1))); err != nil {
			*a = answer{err: err}
			return nil, err
		}
	}
}

// once sends a request. The body of a listing has been read.
func (t *transport) once(req *http.Request) (*http.Response, error) {
	if !safe(req.Method) {
		return t.cfg.Transport.RoundTrip(req)
	}
	resp, err := httpclient.Get(&http.Client{
		Transport:     t.cfg.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, req)
	if err != nil || !strings.Contains(req.URL.RawQuery, "list-type=") {
		return resp, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxListing+1))
	switch {
	case err != nil:
		return nil, err
	case len(page) > maxListing:
		return nil, fmt.Errorf("the server's listing has a page of more than %d MiB", maxListing>>20)
	case resp.StatusCode == http.StatusOK && !isListing(page):
		return nil, errNotS3
	}
	resp.Body = io.NopCloser(bytes.NewReader(page))
	return resp, nil
}

// pages are those of a listing so far. minio-go reads on as long as the server
// tells of more.
type pages struct {
	tokens map[string]bool // that were asked with
	empty  int             // pages since the last key
}

type pagesKey struct{}

// next fails if a listing does not get on.
func (p *pages) next(req *http.Request) error {
	query := req.URL.Query()
	if !query.Has("list-type") { // minio-go asks for the region of the bucket
		return nil
	}
	token := query.Get("continuation-token")
	if token != "" && p.tokens[token] || p.empty > maxEmptyPages {
		return errEndless
	}
	p.tokens[token] = true
	p.empty++
	return nil
}

// errEndless is the error of a listing whose pages lead back to one that was read,
// or have no keys.
var errEndless = errors.New("the server's listing does not come to an end")

// errNotS3 is the error of a page in place of a listing, which minio-go would take
// for an empty one.
var errNotS3 = errors.New("the server's answer is not one of S3; is the endpoint right, and is there no page to log in?")

// isListing reports whether a body begins as a listing.
func isListing(page []byte) bool {
	for d := xml.NewDecoder(bytes.NewReader(page)); ; {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if first, ok := token.(xml.StartElement); ok {
			return first.Name.Local == "ListBucketResult"
		}
	}
}

// CloseIdleConnections is called by http.Client.
func (t *transport) CloseIdleConnections() {
	(&http.Client{Transport: t.cfg.Transport}).CloseIdleConnections()
}

// transient reports whether a request that changes nothing is worth another try,
// and how long the server wants to be left alone.
func (c *client) transient(a *answer) (again bool, wait time.Duration) {
	switch {
	case a.err != nil:
		return !certificate(a.err) && !errors.Is(a.err, errNotS3), 0
	case a.status == http.StatusNotImplemented, a.status == http.StatusHTTPVersionNotSupported, a.status == http.StatusInsufficientStorage:
		return false, 0
	}
	return a.status >= 500 || a.status == http.StatusTooManyRequests, httpclient.RetryAfter(a.header, c.cfg.Now())
}

// read carries out what changes nothing, and records the answer.
func (c *client) read(ctx context.Context, a *answer, f func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := f(with(ctx, a))
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return c.failure(a, err)
}

// change carries out one request that changes something, once, with size bytes of
// body. It is not canceled. The error is a [retryable] if the change was not made
// and may be made by another try, an [uncertainError] if it may have been made,
// or that of a refusal.
func (c *client) change(ctx context.Context, size int64, f func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	limit := issuedTime + time.Duration(size/slowest)*time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	var a answer
	err := c.failure(&a, f(with(ctx, &a)))
	var refused *refusal
	switch {
	case err == nil:
		return nil
	case a.status == 0 && a.err == nil: // not sent
		return err
	case a.status == 0:
		var op *net.OpError
		if certificate(a.err) || errors.As(a.err, new(*backend.Error)) { // the transport refuses to send it
			return a.err
		}
		if errors.As(a.err, &op) && op.Op == "dial" {
			return retryable{a.err, 0}
		}
		return uncertainError{a.err}
	case errors.As(err, &refused) && refused.again():
		return retryable{refused, refused.retryAfter}
	case !errors.As(err, &refused), refused.unknown():
		return uncertainError{err}
	}
	return err
}

// repeat is change, again while the server refuses it for the moment.
func (c *client) repeat(ctx context.Context, f func(ctx context.Context) error) error {
	for try := 1; ; try++ {
		err := c.change(ctx, 0, f)
		var again retryable
		if !errors.As(err, &again) {
			return err
		}
		if try == maxTries || again.wait > maxRetryAfter {
			return again.error
		}
		if err := c.sleep(ctx, max(again.wait, c.backoff(try-1))); err != nil {
			return err
		}
	}
}

// retryable is the error of a change that was not made and may be tried again.
type retryable struct {
	error
	wait time.Duration // that the server asked for
}

func (e retryable) Unwrap() error { return e.error }

// certificate reports whether the server's certificate was refused, which the
// next try would not change.
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

// outliving returns a context for finding out the outcome of what was issued,
// whether the caller still waits or not.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), issuedTime)
}

// list lists the keys that begin with prefix, at most max at a time (0: as many
// as the server likes). Without deep what follows the next slash is left out,
// and a key that ends in one stands for all of them.
func (c *client) list(ctx context.Context, prefix string, deep bool, max int) iter.Seq2[minio.ObjectInfo, error] {
	return func(yield func(minio.ObjectInfo, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(minio.ObjectInfo{}, err)
			return
		}
		var a answer
		owner := false
		seen := &pages{tokens: map[string]bool{}}
		for object := range c.core.ListObjectsIter(context.WithValue(with(ctx, &a), pagesKey{}, seen), c.cfg.Bucket, minio.ListObjectsOptions{
			Prefix: prefix, Recursive: deep, MaxKeys: max, FetchOwner: &owner,
		}) {
			err := object.Err
			seen.empty = 0
			switch {
			case ctx.Err() != nil:
				err = ctx.Err()
			case err != nil:
				err = c.failure(&a, err)
			case !strings.HasPrefix(object.Key, prefix):
				err = errors.New("the server's listing has keys that were not asked for")
			}
			if !yield(object, err) || err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil { // minio-go just stops
			yield(minio.ObjectInfo{}, err)
		}
	}
}

// any reports whether a key begins with prefix.
func (c *client) any(ctx context.Context, prefix string) (bool, error) {
	for _, err := range c.list(ctx, prefix, true, 1) {
		return err == nil, err
	}
	return false, nil
}
