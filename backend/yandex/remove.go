package yandex

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"strconv"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Remove implements backend.Backend. With IfVersion the file is looked
// up first and its MD5 is sent with the request, so that the service itself
// refuses to remove content that has changed meanwhile. With IfEmpty the folder
// is listed first; what is added between the listing and the removal goes to the
// trash with the folder.
func (b *Backend) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if name == "." {
		return backend.PathError("remove", name, fs.ErrInvalid, "the root cannot be removed")
	}
	return pathError("remove", name, b.remove(ctx, name, opts))
}

func (b *Backend) remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	target, err := b.path(name)
	if err != nil {
		return err
	}
	unlock, err := b.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	query := url.Values{
		"path":        {target},
		"permanently": {strconv.FormatBool(opts.Permanent || b.cfg.HardDelete)},
	}
	if opts.IfVersion != "" {
		r, err := b.expect(ctx, name, opts.IfVersion)
		if err != nil {
			return err
		}
		if r.MD5 != "" {
			query.Set("md5", string(r.MD5))
		}
	}
	if opts.IfEmpty {
		if err := b.empty(ctx, name); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := issued(ctx)
	defer cancel()
	change := lostChange{Call: api.DeleteItem, From: name}
	b.lost.taking(name, change)
	lost, earlier := 0, b.lost.has(change)
	err = b.retryNotFound(ctx, name, func() error { return b.removeOnce(ctx, change, query, &lost) })
	if lost > 0 && hasCode(err, "DiskNotFoundError") {
		if b.isGone(ctx, name) {
			b.lost.answered(ctx, change, strays(lost, earlier))
			err = nil
		} else {
			err = b.lost.lose(ctx, change, err)
		}
	}
	if err != nil {
		b.recent.invalidate(name)
		return err
	}
	b.lost.used(name)
	b.recent.removed(name)
	b.times.dropTree(name)
	return nil
}

// removeOnce requests a removal and waits for its end; lost counts the attempts without an
// answer. Such a one may take effect until another one shows that it has: a refusal of a
// later one proves nothing, but for one that the first would meet as well.
func (b *Backend) removeOnce(ctx context.Context, change lostChange, query url.Values, lost *int) error {
	r, _, err := b.carryOut(ctx, api.DeleteItem, query, change.From)
	*lost += r.Lost
	switch {
	case err == nil:
		b.lost.answered(ctx, change, *lost)
		if r.Async() {
			return b.vanished(ctx, func(ctx context.Context) (*api.Resource, error) { return b.storedAt(ctx, change.From) })
		}
		return nil
	case hasCode(err, "DiskNotFoundError", "MD5DifferError") && !unanswered(err):
		return err
	case errors.As(err, new(api.OpenError)) && *lost > 0:
		_ = b.lost.lose(ctx, change, err)
		return err
	case unanswered(err), *lost > 0:
		return b.lost.lose(ctx, change, err)
	}
	return err
}

// empty returns [backend.ErrNotEmpty] for a folder that has entries, including
// those just stored that the service does not list yet. A file passes.
func (b *Backend) empty(ctx context.Context, name string) error {
	empty, err := b.isEmpty(ctx, name)
	if err == nil && (!empty || b.recent.lacks(name, nil)) {
		err = &backend.Error{Kind: backend.ErrNotEmpty}
	}
	return err
}

// expect looks a file up and returns [backend.ErrChanged] unless it has this
// version.
func (b *Backend) expect(ctx context.Context, name, version string) (*api.Resource, error) {
	r, err := b.look(ctx, name)
	if err != nil {
		return nil, err
	}
	if versionOf(r) != version {
		return nil, &backend.Error{Kind: backend.ErrChanged, Message: "the file has another version now"}
	}
	return r, nil
}
