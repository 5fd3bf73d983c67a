package yandex

import (
	"context"
	"errors"
	"net/url"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Link implements backend.Linker. The link of a folder leads to a ZIP file of
// what is in it.
func (b *Backend) Link(ctx context.Context, name string) (backend.Link, error) {
	target, err := b.path(name)
	if err != nil {
		return backend.Link{}, pathError("link", name, err)
	}
	l, err := b.downloadLink(ctx, api.DownloadLink, url.Values{"path": {target}, "fields": {"href"}})
	return l, pathError("link", name, err)
}

func (b *Backend) downloadLink(ctx context.Context, c api.Call, query url.Values) (backend.Link, error) {
	var l api.Link
	if _, err := b.api.Do(ctx, api.Request{Call: c, Query: query, Out: &l}); err != nil {
		return backend.Link{}, err
	}
	if l.Href == "" {
		return backend.Link{}, errors.New("the service gave no link")
	}
	return backend.Link{URL: string(l.Href), Expires: expiry(string(l.Href), b.cfg.Now())}, nil
}
