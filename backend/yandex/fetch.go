package yandex

import (
	"context"
	"errors"
	"io/fs"
	"net/url"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Fetch implements backend.Fetcher. The service does not say why it could not
// download an address. Its behavior for an existing name is not documented, so
// that is checked before.
func (b *Backend) Fetch(ctx context.Context, name, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return backend.PathError("fetch", name, fs.ErrInvalid, "not an http or https address")
	}
	return pathError("fetch", name, b.fetchURL(ctx, name, address))
}

func (b *Backend) fetchURL(ctx context.Context, name, address string) error {
	unlock, err := b.lockToPut(ctx, func(ctx context.Context) error { return b.lost.settle(ctx, name, lostChange{}) }, name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := b.absent(ctx, name); err != nil {
		return err
	}
	target, err := b.path(name)
	if err != nil {
		return err
	}
	ctx, cancel := issued(ctx)
	defer cancel()
	_, _, err = b.carryOut(ctx, api.UploadFromURL, url.Values{"path": {target}, "url": {address}}, name)
	if errors.Is(err, api.ErrOperationFailed) {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "the service could not download that address"}
	}
	if err != nil {
		return err
	}
	if _, err := b.look(ctx, name); err != nil {
		return api.UncertainError{Err: err}
	}
	return nil
}

// absent checks that a name does not exist.
func (b *Backend) absent(ctx context.Context, name string) error {
	_, err := b.look(ctx, name)
	switch {
	case err == nil:
		return &backend.Error{Kind: fs.ErrExist}
	case is(err, fs.ErrNotExist):
		return nil
	}
	return err
}
