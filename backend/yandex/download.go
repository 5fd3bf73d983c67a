package yandex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

const (
	// stallTime is how long a transfer may stand still.
	stallTime = time.Minute
	// maxHops is how often a download may be redirected. One is usual.
	maxHops = 5
	// resumeTries is how often a download that breaks is taken up again
	// without a byte in between.
	resumeTries = 3
)

// Open implements backend.Backend. A version that was in a listing lately
// costs no call: the listing had the link.
func (b *Backend) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if err := checkName("open", name); err != nil {
		return nil, err
	}
	look := func(ctx context.Context) (*resource, error) { return b.look(ctx, name) }
	if version != "" && !b.sight.replaced(b.path(name), version) {
		if link, ok := b.links.get(version); ok {
			return &content{b: b, name: name, info: link.info(name, version), look: look}, ctx.Err()
		}
	}
	r, err := look(ctx)
	switch {
	case err != nil:
		return nil, pathError("open", name, err)
	case r.Type == "dir":
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	case version != "" && version != r.version():
		return nil, backend.PathError("open", name, backend.ErrChanged, "another version is there now")
	}
	return &content{b: b, name: name, info: b.info(name, r), look: look}, nil
}

// info is what a link tells of the content it leads to.
func (l contentLink) info(name, version string) backend.Info {
	return backend.Info{Name: path.Base(name), Size: l.size, Version: version, MD5: l.md5, SHA256: l.sha256}
}

// content implements backend.Content. It holds no link of its own: that is
// looked up by version for each range, and renewed when it has lapsed.
type content struct {
	b    *Backend
	name string
	info backend.Info
	look func(ctx context.Context) (*resource, error) // what is there now
}

func (c *content) Info() backend.Info { return c.info }
func (c *content) Close() error       { return nil }

func (c *content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, backend.PathError("read", c.name, fs.ErrInvalid, "negative offset")
	}
	if err := ctx.Err(); err != nil {
		return nil, &fs.PathError{Op: "read", Path: c.name, Err: err}
	}
	end := c.info.Size
	if length >= 0 && length < end-offset {
		end = offset + length
	}
	if offset >= end {
		return io.NopCloser(strings.NewReader("")), nil
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &rangeReader{c: c, ctx: ctx, cancel: cancel, pos: offset, end: end}
	if err := r.connect(); err != nil {
		cancel()
		return nil, pathError("read", c.name, err)
	}
	return r, nil
}

// rangeReader reads a range, and takes it up again where it broke: the link
// leads to the same bytes each time. It may be closed while it is being read.
type rangeReader struct {
	c        *content
	ctx      context.Context // of the Range call, whose reading this is
	cancel   context.CancelFunc
	pos, end int64
	idle     int // breaks since the last byte

	mu     sync.Mutex // guards what follows
	body   io.ReadCloser
	closed bool
}

func (r *rangeReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if r.pos == r.end {
			return 0, io.EOF
		}
		n, err := r.current().Read(p[:min(int64(len(p)), r.end-r.pos)])
		r.pos += int64(n)
		if n > 0 {
			r.idle = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		if err := r.resume(err); err != nil {
			return 0, err
		}
	}
}

// current is the connection in use.
func (r *rangeReader) current() io.ReadCloser {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.body
}

// use replaces the connection, which is of no use any more.
func (r *rangeReader) use(body io.ReadCloser) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.body != nil {
		r.body.Close()
	}
	if r.body = body; r.closed {
		body.Close()
	}
}

// Close implements io.Closer.
func (r *rangeReader) Close() error {
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.body.Close()
}

// resume connects again after a break.
func (r *rangeReader) resume(cause error) error {
	if err := r.ctx.Err(); err != nil {
		return &fs.PathError{Op: "read", Path: r.c.name, Err: err}
	}
	if errors.Is(cause, io.EOF) {
		cause = io.ErrUnexpectedEOF
	}
	if err := r.pause(brokenDownload{fmt.Errorf("the download breaks off again and again: %w", cause)}); err != nil {
		return pathError("read", r.c.name, err)
	}
	if err := r.connect(); err != nil {
		return pathError("read", r.c.name, err)
	}
	return nil
}

// connect opens the rest of the range, as often as it makes sense.
func (r *rangeReader) connect() error {
	for {
		body, err := r.c.b.fetch(r.ctx, r.c, r.pos, r.end)
		if err == nil {
			r.use(body)
			return nil
		}
		if !errors.As(err, new(brokenDownload)) {
			return err
		}
		if err := r.pause(err); err != nil {
			return err
		}
	}
}

// pause waits before the next try, unless there were enough without a byte.
func (r *rangeReader) pause(cause error) error {
	if r.idle++; r.idle > resumeTries {
		return cause
	}
	r.c.b.log.Debug("a download broke and is resumed", "name", r.c.name, "at", r.pos, "cause", plain(cause))
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-r.c.b.cfg.After(r.c.b.api.backoff(0, 0, r.idle, nil)):
		return nil
	}
}

// brokenDownload is a failure that another try may not meet.
type brokenDownload struct{ error }

func (b brokenDownload) Unwrap() error { return b.error }

// errLapsed says that a link no longer works.
var errLapsed = errors.New("the download link no longer works")

// fetch opens the bytes from pos to end of a content. It tries the storage
// address, the link, and a renewed link, in that order.
func (b *Backend) fetch(ctx context.Context, c *content, pos, end int64) (io.ReadCloser, error) {
	version := c.info.Version
	link, ok := b.links.get(version)
	if ok && link.storage != "" {
		body, err := b.get(ctx, link.storage, c, pos, end)
		if !errors.Is(err, errLapsed) {
			return body, err
		}
		b.links.redirected(version, link.href, "")
	}
	if ok {
		body, err := b.hop(ctx, link.href, c, pos, end)
		if !errors.Is(err, errLapsed) {
			return body, err
		}
		b.links.drop(version, link.href)
	}
	href, err := renew(ctx, c)
	if err != nil {
		return nil, err
	}
	body, err := b.hop(ctx, href, c, pos, end)
	if errors.Is(err, errLapsed) { // between its renewal and its use; the next may hold
		b.links.drop(version, href)
		err = brokenDownload{err}
	}
	return body, err
}

// renew asks for a link anew, through the metadata: the call for download
// links does not tell the version that its link leads to.
func renew(ctx context.Context, c *content) (href string, err error) {
	r, err := c.look(ctx)
	switch {
	case is(err, fs.ErrNotExist):
		return "", &backend.Error{Kind: backend.ErrChanged, Message: "the file is no longer there"}
	case err != nil:
		return "", err
	case r.version() != c.info.Version:
		return "", &backend.Error{Kind: backend.ErrChanged, Message: "another version is there now"}
	case r.File == "":
		return "", errors.New("the service gives no download link for the file")
	}
	return string(r.File), nil
}

// hop follows a link to the bytes, and remembers where it led to.
func (b *Backend) hop(ctx context.Context, href string, c *content, pos, end int64) (io.ReadCloser, error) {
	at := href
	for range maxHops {
		body, err := b.get(ctx, at, c, pos, end)
		var next redirect
		if !errors.As(err, &next) {
			if err == nil && at != href {
				b.links.redirected(c.info.Version, href, at)
			}
			return body, err
		}
		at = string(next)
	}
	return nil, errors.New("the download is redirected without end")
}

// redirect is where an answer sends us.
type redirect string

func (redirect) Error() string { return "redirected" }

// get asks one address for the bytes from pos to end.
func (b *Backend) get(ctx context.Context, address string, c *content, pos, end int64) (io.ReadCloser, error) {
	u, err := b.api.follow(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // a range of the file, not of its compressed form
	if pos > 0 || end < c.info.Size {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", pos, end-1))
	}
	guard := newStall(stallTime, cancel)
	resp, err := b.bare.Do(req)
	switch {
	case err == nil:
		if err = b.judge(resp, c, pos, end); err != nil {
			resp.Body.Close()
		}
	case guard.fired.Load():
		err = brokenDownload{errStalled}
	default:
		err = brokenDownload{err}
	}
	if err != nil {
		guard.stop()
		cancel()
		return nil, err
	}
	guard.pause()
	return &stallReader{resp.Body, guard, cancel}, nil
}

// judge tells whether an answer is the one asked for. The service answers 403,
// 404, 410 and 500 to a link that has lapsed.
func (b *Backend) judge(resp *http.Response, c *content, pos, end int64) error {
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		next, err := resp.Location()
		if err != nil {
			return errors.New("the download server redirects to nowhere")
		}
		return redirect(next.String())
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone, http.StatusInternalServerError:
		return errLapsed
	case http.StatusRequestedRangeNotSatisfiable:
		return &backend.Error{Kind: backend.ErrChanged, Message: "the file is shorter now"}
	default:
		data, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
		no := readRefusal(resp.StatusCode, resp.Header, data, b.cfg.Now())
		if resp.StatusCode > http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests && no.retryAfter <= maxAskWait {
			return brokenDownload{no}
		}
		return no
	}
	if tag := strings.Trim(resp.Header.Get("ETag"), `"`); len(tag) == 32 && c.info.MD5 != "" && !strings.EqualFold(tag, c.info.MD5) {
		return &backend.Error{Kind: backend.ErrChanged, Message: "the link leads to another version"}
	}
	if resp.StatusCode == http.StatusOK { // all of it, also if a range was asked for
		if resp.ContentLength >= 0 && resp.ContentLength != c.info.Size {
			return &backend.Error{Kind: backend.ErrChanged, Message: "the file has another length now"}
		}
		_, err := io.CopyN(io.Discard, resp.Body, pos)
		return err
	}
	want := "bytes " + strconv.FormatInt(pos, 10) + "-" + strconv.FormatInt(end-1, 10) + "/" + strconv.FormatInt(c.info.Size, 10)
	if got := resp.Header.Get("Content-Range"); got != want {
		return &backend.Error{Kind: backend.ErrChanged, Message: "the download server gave another range than the one asked for"}
	}
	return nil
}
