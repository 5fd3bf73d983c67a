package yandex

import (
	"context"
	"errors"
	"io/fs"

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// The end of an operation is not believed either: what it was to change is
// looked at once it is told to be over. It may take a moment to show.

// vanished makes sure that what an operation was to take away is gone.
func (b *Backend) vanished(ctx context.Context, look func(ctx context.Context) (*api.Resource, error)) error {
	return b.ended(ctx, func(ctx context.Context) (bool, error) {
		_, err := look(ctx)
		if hasCode(err, "DiskNotFoundError") {
			return true, nil
		}
		return false, err
	})
}

// ended asks whether an operation has had its effect, until it has.
func (b *Backend) ended(ctx context.Context, effective func(ctx context.Context) (bool, error)) error {
	for try := 0; ; try++ {
		done, err := effective(ctx)
		switch {
		case err != nil:
			return api.UncertainError{Err: err}
		case done:
			return nil
		case try == confirmTries:
			b.log.Warn("the service says that an operation succeeded, and nothing has changed")
			return api.UncertainError{Err: errors.New("the service says that the operation succeeded, and nothing has changed")}
		}
		if err := b.api.Backoff(ctx, try); err != nil {
			return api.UncertainError{Err: err}
		}
	}
}

// transferred makes sure of the end of a copy or a move.
func (b *Backend) transferred(ctx context.Context, c api.Call, from, to string, overwrite bool) error {
	if c == api.MoveResource {
		return b.vanished(ctx, func(ctx context.Context) (*api.Resource, error) { return b.storedAt(ctx, from) })
	}
	return b.ended(ctx, func(ctx context.Context) (bool, error) {
		target, err := b.storedAt(ctx, to)
		switch {
		case is(err, fs.ErrNotExist):
			return false, nil
		case err != nil, !overwrite:
			return err == nil, err
		}
		source, err := b.storedAt(ctx, from)
		return err == nil && versionOf(source) == versionOf(target), err
	})
}
