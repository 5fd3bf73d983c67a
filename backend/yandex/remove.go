package yandex

import (
	"context"
	"io/fs"
	"net/url"
	"strconv"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Remove implements backend.Backend. With IfVersion the content is asked for
// first, and its MD5 goes along with the request, so that the service itself
// refuses if the file is another by then. With IfEmpty the folder is listed
// first; what comes in the moment after that goes to the trash with it.
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
	err = b.retryNotFound(ctx, name, func() error {
		r, _, err := b.api.Change(ctx, api.DeleteItem, query)
		// What is not there once a response was lost is what was removed.
		if r.Retried && hasCode(err, "DiskNotFoundError") {
			err = nil
		}
		if err == nil && r.Async() {
			err = b.vanished(ctx, func(ctx context.Context) (*api.Resource, error) { return b.storedAt(ctx, name) })
		}
		return err
	})
	if err != nil {
		b.recent.invalidate(name)
		return err
	}
	b.recent.removed(name)
	b.times.dropTree(name)
	return nil
}

// empty fails with [backend.ErrNotEmpty] unless nothing is in a folder; a file
// passes. What was just stored there may not show yet.
func (b *Backend) empty(ctx context.Context, name string) error {
	empty, err := b.isEmpty(ctx, name)
	if err == nil && (!empty || b.recent.lacks(name, nil)) {
		err = &backend.Error{Kind: backend.ErrNotEmpty}
	}
	return err
}

// expect fails with [backend.ErrChanged] unless a file has this version.
func (b *Backend) expect(ctx context.Context, name, version string) (*api.Resource, error) {
	r, err := b.look(ctx, name)
	if err != nil {
		return nil, err
	}
	if versionOf(r) != version {
		return nil, &backend.Error{Kind: backend.ErrChanged, Message: "another version is there now"}
	}
	return r, nil
}
