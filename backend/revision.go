package backend

import (
	"context"
	"errors"
)

// A Revisioner has a cheap token that changes whenever anything in the store
// does, by whoever's hand.
type Revisioner interface {
	Revision(ctx context.Context) (string, error)
}

// Revision asks b for its token; errors.ErrUnsupported if it has none, and
// then only time can tell that a listing is stale.
func Revision(ctx context.Context, b Backend) (string, error) {
	if r, ok := As[Revisioner](b); ok {
		return r.Revision(ctx)
	}
	return "", PathError("revision", ".", errors.ErrUnsupported, "the store has no revision")
}
