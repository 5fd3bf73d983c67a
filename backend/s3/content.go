package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

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
	if err := s.settle(ctx, looking, name); err != nil {
		return nil, pathError("open", name, err)
	}
	e, err := s.stat(ctx, name)
	switch {
	case err != nil:
		return nil, pathError("open", name, err)
	case e.Dir:
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	case version != "" && version != e.Version:
		return nil, backend.PathError("open", name, backend.ErrChanged, "another version is there now")
	}
	c := &content{s: s, name: name, entry: e}
	s.opened.Store(c, nil)
	return c, nil
}

// renamed lets open contents follow a move by this store, of a file or a folder.
func (s *store) renamed(from, to string, dir bool) {
	for key := range s.opened.Range {
		c := key.(*content)
		c.mu.Lock()
		if c.name == from || dir && backend.Within(c.name, from) {
			c.name = to + c.name[len(from):]
		}
		c.mu.Unlock()
	}
}

// content is one version of a file: every download of it has its entity tag.
type content struct {
	s     *store
	entry entry

	mu   sync.Mutex
	name string // that of a content of Open follows moves; guarded by mu
}

func (c *content) Info() backend.Info { return c.entry.Info }

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
	if !errors.As(cause, &again) || try > resumeTries {
		return pathError("read", name, cause)
	}
	c.s.log.Debug("a download broke and is resumed", "name", name, "at", at, "cause", httpclient.Message(cause))
	return pathError("read", name, c.s.client.sleep(ctx, max(again.wait, c.s.client.backoff(try))))
}

// fetch opens the bytes from pos to end.
func (c *content) fetch(ctx context.Context, pos, end int64) (io.ReadCloser, error) {
	name := c.currentName()
	var opts minio.GetObjectOptions
	if pos > 0 || end < c.entry.Size {
		opts.Set("Range", fmt.Sprintf("bytes=%d-%d", pos, end-1))
	}
	if c.entry.tag != "" {
		opts.Set("If-Match", `"`+c.entry.tag+`"`)
	}
	var a answer
	var body io.ReadCloser
	var got minio.ObjectInfo
	err := c.s.client.read(ctx, &a, func(ctx context.Context) (err error) {
		body, got, _, err = c.s.client.core.GetObject(ctx, c.s.cfg.Bucket, c.s.key(name), opts)
		return err
	})
	var refused *refusal
	switch {
	case err == nil:
	case errors.As(err, &refused) && (refused.status == http.StatusPreconditionFailed || refused.status == http.StatusRequestedRangeNotSatisfiable || refused.status == http.StatusNotFound):
		if err := c.stillThere(ctx, name); err != nil {
			return nil, err
		}
		return nil, &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the server has the file, and answered %d to its download", refused.status)}
	default:
		return nil, err
	}
	checked, err := c.body(&a, body, got, pos, end)
	if err != nil {
		body.Close()
		return nil, err
	}
	return checked, nil
}

// body checks that a response is the range of this version.
func (c *content) body(a *answer, body io.ReadCloser, got minio.ObjectInfo, pos, end int64) (io.ReadCloser, error) {
	size := c.entry.Size
	if c.entry.tag != "" && got.ETag != c.entry.tag || c.entry.tag == "" && !newEntry(got).ModTime.Equal(c.entry.ModTime) {
		return nil, &backend.Error{Kind: backend.ErrChanged, Message: "another version is there now"}
	}
	if a.status == http.StatusOK { // the whole file, even if a range was asked for
		if got.Size >= 0 && got.Size != size {
			return nil, &backend.Error{Kind: backend.ErrChanged, Message: fmt.Sprintf("the server sends %d bytes, and tells of %d", got.Size, size)}
		}
		whole := readCloser{reading.Exactly(body, size), body}
		if _, err := io.CopyN(io.Discard, whole, pos); err != nil {
			return nil, retryable{err, 0}
		}
		return whole, nil
	}
	sent := a.header.Get("Content-Range")
	if want := fmt.Sprintf("bytes %d-%d/", pos, end-1); sent != want+fmt.Sprint(size) && sent != want+"*" {
		return nil, &backend.Error{Kind: backend.ErrChanged, Message: "the server sends another range than the one asked for (" + httpclient.OneLine(sent, "none named") + ")"}
	}
	return body, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// stillThere fails with ErrChanged if the version is not there any more.
func (c *content) stillThere(ctx context.Context, name string) error {
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
