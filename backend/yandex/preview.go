package yandex

import (
	"context"
	"io"
	"io/fs"
	"net/url"
	"strconv"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Preview implements backend.Previewer.
func (b *Backend) Preview(ctx context.Context, name string, size int) (io.ReadCloser, error) {
	if size <= 0 {
		return nil, backend.PathError("preview", name, fs.ErrInvalid, "the size of a preview must be positive")
	}
	body, err := b.preview(ctx, name, size)
	return body, pathError("preview", name, err)
}

func (b *Backend) preview(ctx context.Context, name string, size int) (io.ReadCloser, error) {
	target, err := b.path(name)
	if err != nil {
		return nil, err
	}
	r, err := b.api.Resource(ctx, api.Request{
		Call:  api.GetResource,
		Query: url.Values{"path": {target}, "fields": {"type,preview"}, "preview_size": {strconv.Itoa(size)}, "limit": {"0"}},
	})
	if err != nil {
		return nil, err
	}
	if r.Preview == "" {
		return nil, &backend.Error{Kind: fs.ErrNotExist, Message: "the service has no preview of it"}
	}
	return b.api.Preview(ctx, string(r.Preview))
}
