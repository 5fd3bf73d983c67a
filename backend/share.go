package backend

import (
	"context"
	"errors"
	"iter"
)

// A Sharer gives files and folders a public address.
type Sharer interface {
	// Share makes name public, unless it is already, and returns its address.
	Share(ctx context.Context, name string) (address string, err error)

	// Unshare makes name private again. It is idempotent.
	Unshare(ctx context.Context, name string) error

	// Shared yields the public files and folders, latest first.
	Shared(ctx context.Context) iter.Seq2[Entry, error]
}

// An Entry is an Info with its name in the store.
type Entry struct {
	Path string
	Info Info
}

// Sharing returns b as a Sharer, or errors.ErrUnsupported.
func Sharing(b Backend) (Sharer, error) {
	if s, ok := As[Sharer](b); ok {
		return s, nil
	}
	return nil, PathError("share", ".", errors.ErrUnsupported, "the store has no public links")
}
