package dav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/reading"
)

// resumeTries is how often a download that breaks is resumed without a byte in
// between.
const resumeTries = 3

// Open implements backend.Backend.
func (s *store) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if err := check(ctx, "open", name); err != nil {
		return nil, err
	}
	e, err := s.stat(ctx, name)
	switch {
	case err != nil:
		return nil, pathError("open", name, err)
	case e.Dir:
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	case e.Err != nil:
		return nil, pathError("open", name, e.Err)
	case version != "" && version != e.Version:
		return nil, backend.PathError("open", name, backend.ErrChanged, "another version is there now")
	}
	c := &content{s: s, name: name, entry: e}
	s.opened.Store(c, nil)
	return c, nil
}

// renamed lets open contents follow a move by this store.
func (s *store) renamed(from, to string) {
	for key := range s.opened.Range {
		c := key.(*content)
		c.mu.Lock()
		if backend.Within(c.name, from) {
			c.name = to + c.name[len(from):]
		}
		c.mu.Unlock()
	}
}

// content is one version of a file. A download is of that version if the server
// says so by the entity tag, or, where that of a download is not the one of the
// listing, if the listing still has the version once the download has begun, and
// the downloads of all ranges have the same tag.
type content struct {
	s     *store
	entry entry

	mu      sync.Mutex // guards what follows
	name    string     // that of a content of Open follows moves
	loose   bool       // If-Match fails although this is the version: the tag is weak for the server
	foreign string     // tag of downloads, if it is not the listing's
	whole   bool       // the server has sent the whole file for a range
}

func (c *content) Info() backend.Info { return c.entry.Info }

// Sequential implements backend.SequentialContent.
func (c *content) Sequential() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.whole
}

// Close implements backend.Content.
func (c *content) Close() error {
	c.s.opened.Delete(c)
	return nil
}

func (c *content) currentName() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name
}

func (c *content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	start, end, err := backend.ClipRange(ctx, c.currentName(), offset, length, c.entry.Size)
	if err != nil {
		return nil, err
	}
	if start == end {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return httpclient.Resumer{Fetch: c.fetch, Broken: c.broken}.Open(ctx, start, end)
}

// broken waits before a download is resumed, if its error allows that and there
// were not enough tries without a byte.
func (c *content) broken(ctx context.Context, cause error, try int, at int64) error {
	name := c.currentName()
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: "read", Path: name, Err: err}
	}
	var length *reading.LengthError
	if errors.As(cause, &length) && length.Got > length.Announced {
		return backend.PathError("read", name, backend.ErrChanged, "the server sends more bytes than the file has")
	}
	if errors.As(cause, new(httpclient.BrokenBodyError)) {
		cause = retryable{cause, 0}
	}
	var again retryable
	if !errors.As(cause, &again) || try > resumeTries || again.wait > maxRetryAfter {
		return pathError("read", name, cause)
	}
	c.s.log.Debug("a download broke and is resumed", "name", name, "at", at, "cause", httpclient.Message(cause))
	return pathError("read", name, c.s.client.sleep(ctx, max(again.wait, c.s.client.backoff(try))))
}

// fetch opens the bytes from pos to end.
func (c *content) fetch(ctx context.Context, pos, end int64) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.s.client.address(c.currentName(), false).String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // a range of the file, not of its compressed form
	if pos > 0 || end < c.entry.Size {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", pos, end-1))
	}
	if tag := c.condition(); tag != "" {
		req.Header.Set("If-Match", tag)
	}
	resp, err := httpclient.Get(c.s.client.http, req)
	if err != nil {
		return nil, c.s.client.broken(http.MethodGet, err)
	}
	body, err := c.body(ctx, resp, pos, end)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return body, nil
}

// condition returns the entity tag that a download must have, or nothing.
func (c *content) condition() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.loose:
		return ""
	case c.foreign != "" && c.foreign[0] == '"':
		return c.foreign
	case c.foreign == "" && c.entry.strong():
		return c.entry.tag
	}
	return ""
}

// body checks that a response is the range of this version.
func (c *content) body(ctx context.Context, resp *http.Response, pos, end int64) (io.ReadCloser, error) {
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusPreconditionFailed:
		return nil, c.refusedCondition(ctx)
	case http.StatusRequestedRangeNotSatisfiable, http.StatusNotFound, http.StatusGone:
		if err := c.stillThere(ctx); err != nil {
			return nil, err
		}
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the server lists the file, and answered %d to its download", resp.StatusCode)}
	default:
		answer, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		if err := c.s.client.refused(http.MethodGet, resp, answer); err != nil {
			return nil, err
		}
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the server answered %d to a download", resp.StatusCode)}
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: "the server sends the file in a coding that was not asked for (" + httpclient.OneLine(coding) + ")"}
	}
	if err := c.checkTag(ctx, normalTag(resp.Header.Get("ETag"))); err != nil {
		return nil, err
	}
	size := c.entry.Size
	if resp.StatusCode == http.StatusOK { // the whole file, even if a range was asked for
		if resp.ContentLength >= 0 && resp.ContentLength != size {
			return nil, &backend.Error{Kind: backend.ErrChanged, Message: fmt.Sprintf("the server sends %d bytes, and lists the file with %d", resp.ContentLength, size)}
		}
		c.mu.Lock()
		c.whole = c.whole || pos > 0 || end < size
		c.mu.Unlock()
		whole := readCloser{reading.Exactly(resp.Body, size), resp.Body}
		if _, err := io.CopyN(io.Discard, whole, pos); err != nil {
			return nil, retryable{err, 0}
		}
		return whole, nil
	}
	got := resp.Header.Get("Content-Range")
	if want := fmt.Sprintf("bytes %d-%d/", pos, end-1); got != want+fmt.Sprint(size) && got != want+"*" {
		return nil, &backend.Error{Kind: backend.ErrChanged, Message: "the server sends another range than the one asked for (" + httpclient.OneLine(got, "none named") + ")"}
	}
	return resp.Body, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// refusedCondition returns what a 412 means: the file has changed, or the tag is
// weak for the server, as Apache's is in the first second.
func (c *content) refusedCondition(ctx context.Context) error {
	if err := c.stillThere(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loose {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "the server answered 412 to a request without conditions"}
	}
	c.loose = true
	return retryable{errors.New("the server does not take the entity tag that it gave"), 0}
}

// checkTag checks the tag of a download.
func (c *content) checkTag(ctx context.Context, tag string) error {
	if tag != "" && opaque(tag) == opaque(c.entry.tag) {
		return nil
	}
	c.mu.Lock()
	known := c.foreign
	c.mu.Unlock()
	if known != "" {
		if tag == known {
			return nil
		}
		return &backend.Error{Kind: backend.ErrChanged, Message: "another version is there now"}
	}
	if err := c.stillThere(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.foreign == "" {
		c.foreign = tag
	}
	return nil
}

// stillThere fails with ErrChanged if the version is not there any more.
func (c *content) stillThere(ctx context.Context) error {
	name := c.currentName()
	e, err := c.s.stat(ctx, name)
	switch {
	case is(err, fs.ErrNotExist) && c.hasMoved(ctx, name):
		return retryable{errors.New("the file was moved while it was read"), 0}
	case is(err, fs.ErrNotExist):
		return &backend.Error{Kind: backend.ErrChanged, Message: "the file is no longer there"}
	case err != nil:
		return err
	case e.Dir || e.Version != c.entry.Version:
		return &backend.Error{Kind: backend.ErrChanged, Message: "another version is there now"}
	}
	return nil
}

// hasMoved reports whether this store has moved the file, once a move that is
// under way has ended.
func (c *content) hasMoved(ctx context.Context, name string) bool {
	if _, opened := c.s.opened.Load(c); !opened {
		return false // read by an operation that has locked the name itself
	}
	unlock, err := c.s.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return false
	}
	unlock()
	return c.currentName() != name
}
