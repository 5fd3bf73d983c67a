package backend

import (
	"context"
	"errors"
	"iter"
	"time"
)

// A Trasher has a trash.
type Trasher interface {
	// Trash yields what is in the trash, in any order.
	Trash(ctx context.Context) iter.Seq2[Trashed, error]

	// Restore restores an entry to the name to, or to its origin if to is
	// empty, creates missing parents, and returns its name. An existing name is
	// fs.ErrExist unless overwrite is set; a store may choose another name
	// instead.
	Restore(ctx context.Context, id, to string, overwrite bool) (name string, err error)

	// Discard permanently removes one entry.
	Discard(ctx context.Context, id string) error

	// EmptyTrash permanently removes all of them.
	EmptyTrash(ctx context.Context) error
}

// Trashed is one entry of the trash.
type Trashed struct {
	ID      string    // argument of Restore and Discard
	Origin  string    // its former name; empty if that was outside of the root
	Deleted time.Time // when
	Info    Info
}

// Trashcan returns b as a Trasher, or errors.ErrUnsupported.
func Trashcan(b Backend) (Trasher, error) {
	if t, ok := As[Trasher](b); ok {
		return t, nil
	}
	return nil, PathError("trash", ".", errors.ErrUnsupported, "davdisk can show no trash here: what is removed may be gone for good")
}
