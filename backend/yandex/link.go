package yandex

import (
	"context"
	"errors"
	"net/url"

	"github.com/davdisk/davdisk/backend"
)

// Link implements backend.Linker. The link of a folder leads to a ZIP file of
// what is in it.
func (b *Backend) Link(ctx context.Context, name string) (backend.Link, error) {
	if err := checkName("link", name); err != nil {
		return backend.Link{}, err
	}
	var l link
	_, err := b.api.do(ctx, request{call: downloadLink, query: url.Values{"path": {b.path(name)}, "fields": {"href"}}, out: &l})
	if err == nil && l.Href == "" {
		err = errors.New("the service gave no link")
	}
	if err != nil {
		return backend.Link{}, pathError("link", name, err)
	}
	return backend.Link{URL: string(l.Href), Expires: expiry(string(l.Href), b.cfg.Now())}, nil
}
