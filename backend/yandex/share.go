package yandex

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// shareTime bounds the wait for the public address of an item that was just
// published.
const shareTime = time.Minute

// Share implements backend.Sharer.
func (b *Backend) Share(ctx context.Context, name string) (string, error) {
	address, err := b.share(ctx, name)
	return address, pathError("share", name, err)
}

func (b *Backend) share(ctx context.Context, name string) (string, error) {
	if err := b.publication(ctx, api.Publish, name); err != nil {
		return "", err
	}
	for pause, waited := api.FirstPoll, time.Duration(0); ; pause = min(2*pause, api.LastPoll) {
		r, err := b.look(ctx, name)
		if err != nil {
			return "", err
		}
		if r.PublicURL != "" {
			return string(r.PublicURL), nil
		}
		if waited >= shareTime {
			return "", api.UncertainError{Err: errors.New("it is published, but the service does not tell its public address yet: try again later")}
		}
		if err := b.api.Sleep(ctx, pause); err != nil {
			return "", err
		}
		waited += pause
	}
}

// Unshare implements backend.Sharer.
func (b *Backend) Unshare(ctx context.Context, name string) error {
	return pathError("unshare", name, b.publication(ctx, api.Unpublish, name))
}

// publication makes one of the calls that publish and unpublish an item.
func (b *Backend) publication(ctx context.Context, c api.Call, name string) error {
	return b.change(ctx, name, func(ctx context.Context, target string) error {
		_, err := b.api.Do(ctx, api.Request{Call: c, Query: url.Values{"path": {target}, "fields": {"href"}}})
		return err
	})
}

// Shared implements backend.Sharer. Items outside the root are omitted.
func (b *Backend) Shared(ctx context.Context) iter.Seq2[backend.Entry, error] {
	return b.flat(ctx, "shared", api.ListShared, url.Values{}, 0)
}
