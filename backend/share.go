package backend

import (
	"context"
	"errors"
	"iter"
)

// A Sharer gives files and folders a public address.
type Sharer interface {
	// Share makes name public, if it is not yet, and returns its address.
	Share(ctx context.Context, name string) (address string, err error)

	// Unshare makes name private again; one that is private already is left
	// alone.
	Unshare(ctx context.Context, name string) error

	// Shared yields what is public, latest first.
	Shared(ctx context.Context) iter.Seq2[Entry, error]
}

// An Entry is an Info with the name it has in the store.
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
