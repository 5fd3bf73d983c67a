package backend

import (
	"context"
	"errors"
	"time"
)

// A ModTimer can set the modification time of a stored file or folder. Stat and
// List must return the new time as soon as it returns nil, even if it is
// written to the store later.
type ModTimer interface {
	SetModTime(ctx context.Context, name string, t time.Time) error
}

// SetModTime sets a modification time in b; errors.ErrUnsupported if b cannot.
func SetModTime(ctx context.Context, b Backend, name string, t time.Time) error {
	if m, ok := As[ModTimer](b); ok {
		return m.SetModTime(ctx, name, t)
	}
	return PathError("chtimes", name, errors.ErrUnsupported, "the store keeps no times of its users")
}
