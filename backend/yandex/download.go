package yandex

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/httpclient"
)

// resumeTries is how often a download that breaks is resumed without a byte in
// between.
const resumeTries = 3

// Open implements backend.Backend. A version that was in a listing lately
// costs no call: the listing had the link.
func (b *Backend) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if _, err := b.path(name); err != nil { // a version has a link under any name
		return nil, pathError("open", name, err)
	}
	look := func(ctx context.Context) (*api.Resource, error) { return b.look(ctx, name) }
	if version != "" && !b.recent.replaced(name, version) {
		if link, ok := b.links.get(version); ok {
			return &content{b: b, name: name, info: link.info(name, version), look: look}, ctx.Err()
		}
	}
	return b.open(ctx, name, version, look, b.describer())
}

// open opens the content that look returns, if it has the requested version.
func (b *Backend) open(ctx context.Context, name, version string, look lookup, info func(string, *api.Resource) backend.Info) (backend.Content, error) {
	r, err := look(ctx)
	switch {
	case err != nil:
		return nil, pathError("open", name, err)
	case r.Type == "dir":
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	case version != "" && version != versionOf(r):
		return nil, backend.PathError("open", name, backend.ErrChanged, "another version is there now")
	}
	return &content{b: b, name: name, info: info(name, r), look: look}, nil
}

// lookup returns the current resource.
type lookup func(ctx context.Context) (*api.Resource, error)

// info describes the content of a link.
func (l contentLink) info(name, version string) backend.Info {
	return backend.Info{Name: path.Base(name), Size: l.size, Version: version, MD5: l.md5, SHA256: l.sha256}
}

// content implements backend.Content. It holds no link of its own: that is
// looked up by version for each range, and renewed when it has expired.
type content struct {
	b    *Backend
	name string
	info backend.Info
	look lookup
}

func (c *content) Info() backend.Info { return c.info }
func (c *content) Close() error       { return nil }

func (c *content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	start, end, err := backend.ClipRange(ctx, c.name, offset, length, c.info.Size)
	if err != nil {
		return nil, err
	}
	if start == end {
		return io.NopCloser(strings.NewReader("")), nil
	}
	return httpclient.Resumer{Fetch: c.fetch, Broken: c.broken}.Open(ctx, start, end)
}

// broken waits before a download is resumed, unless there were enough tries
// without a byte. The link leads to the same bytes each time.
func (c *content) broken(ctx context.Context, cause error, try int, at int64) error {
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: "read", Path: c.name, Err: err}
	}
	if errors.As(cause, new(httpclient.BrokenBodyError)) {
		cause = api.RetryableError{Err: cause}
	}
	if !errors.As(cause, new(api.RetryableError)) || try > resumeTries {
		return pathError("read", c.name, cause)
	}
	c.b.log.Debug("a download broke and is resumed", "name", c.name, "at", at, "cause", httpclient.Message(cause))
	return pathError("read", c.name, c.b.api.Backoff(ctx, try))
}

// fetch opens the bytes from pos to end. It tries the storage address, the
// link, and a renewed link, in that order.
func (c *content) fetch(ctx context.Context, pos, end int64) (io.ReadCloser, error) {
	links, version := c.b.links, c.info.Version
	link, ok := links.get(version)
	if ok && link.storage != "" {
		body, err := c.follow(ctx, link.href, link.storage, pos, end)
		if !errors.Is(err, api.ErrLinkExpired) {
			return body, err
		}
		links.redirected(version, link.href, "")
	}
	if ok {
		body, err := c.follow(ctx, link.href, link.href, pos, end)
		if !errors.Is(err, api.ErrLinkExpired) {
			return body, err
		}
		links.drop(version, link.href)
	}
	href, err := c.renew(ctx)
	if err != nil {
		return nil, err
	}
	body, err := c.follow(ctx, href, href, pos, end)
	if errors.Is(err, api.ErrLinkExpired) { // expired between its renewal and its use; the next may last
		links.drop(version, href)
		err = api.RetryableError{Err: err}
	}
	return body, err
}

// follow opens the bytes at an address, and records where a link redirected to.
func (c *content) follow(ctx context.Context, href, address string, pos, end int64) (io.ReadCloser, error) {
	body, storage, err := c.b.api.Download(ctx, address, api.Range{Start: pos, End: end, Size: c.info.Size, MD5: c.info.MD5})
	if err == nil && storage != address {
		c.b.links.redirected(c.info.Version, href, storage)
	}
	return body, err
}

// renew requests a new link through the metadata: the call for download
// links does not return the version of its link.
func (c *content) renew(ctx context.Context) (href string, err error) {
	r, err := c.look(ctx)
	switch {
	case is(err, fs.ErrNotExist):
		return "", &backend.Error{Kind: backend.ErrChanged, Message: "the file is no longer there"}
	case err != nil:
		return "", err
	case versionOf(r) != c.info.Version:
		return "", &backend.Error{Kind: backend.ErrChanged, Message: "another version is there now"}
	case r.File == "":
		return "", errors.New("the service gives no download link for the file")
	}
	return string(r.File), nil
}
