package yandex

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// shareTime is how long the address of what was published may take to show.
const shareTime = time.Minute

// Share implements backend.Sharer.
func (b *Backend) Share(ctx context.Context, name string) (string, error) {
	if err := checkName("share", name); err != nil {
		return "", err
	}
	address, err := b.share(ctx, name)
	return address, pathError("share", name, err)
}

func (b *Backend) share(ctx context.Context, name string) (string, error) {
	if err := b.publication(ctx, publish, name); err != nil {
		return "", err
	}
	for pause, waited := firstPoll, time.Duration(0); ; pause = min(2*pause, lastPoll) {
		r, err := b.look(ctx, name)
		if err != nil {
			return "", err
		}
		if r.PublicURL != "" {
			return string(r.PublicURL), nil
		}
		if waited >= shareTime {
			return "", lost{errors.New("it was published, but the service does not tell the address yet: try again later")}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-b.cfg.After(pause):
		}
		waited += pause
	}
}

// Unshare implements backend.Sharer.
func (b *Backend) Unshare(ctx context.Context, name string) error {
	if err := checkName("unshare", name); err != nil {
		return err
	}
	return pathError("unshare", name, b.publication(ctx, unpublish, name))
}

// publication publishes or unpublishes.
func (b *Backend) publication(ctx context.Context, c call, name string) error {
	unlock, err := b.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, cancel := issued(ctx)
	defer cancel()
	_, err = b.api.do(ctx, request{call: c, query: url.Values{"path": {b.path(name)}, "fields": {"href"}}})
	return err
}

// Shared implements backend.Sharer. What lies outside of the root is left out.
func (b *Backend) Shared(ctx context.Context) iter.Seq2[backend.Entry, error] {
	return b.flat(ctx, "shared", listShared, url.Values{}, 0)
}
