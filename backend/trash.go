package backend

import (
	"context"
	"errors"
	"iter"
	"time"
)

// A Trasher keeps what is removed for a while.
type Trasher interface {
	// Trash yields what is in the trash, in any order.
	Trash(ctx context.Context) iter.Seq2[Trashed, error]

	// Restore puts an entry back, under to or where it was if to is empty,
	// with the parents it needs, and returns where it went. A name that is
	// taken is fs.ErrExist unless overwrite is set; a store may choose
	// another name instead.
	Restore(ctx context.Context, id, to string, overwrite bool) (name string, err error)

	// Discard removes one entry for good.
	Discard(ctx context.Context, id string) error

	// EmptyTrash removes all of them for good.
	EmptyTrash(ctx context.Context) error
}

// Trashed is one entry of the trash.
type Trashed struct {
	ID      string    // argument of Restore and Discard
	Origin  string    // the name it had; empty if it was outside of the root opened
	Deleted time.Time // when
	Info    Info
}

// Trashcan returns b as a Trasher, or errors.ErrUnsupported.
func Trashcan(b Backend) (Trasher, error) {
	if t, ok := As[Trasher](b); ok {
		return t, nil
	}
	return nil, PathError("trash", ".", errors.ErrUnsupported, "the store has no trash: what is removed is gone")
}
