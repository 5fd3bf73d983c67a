package backend

import (
	"context"
	"errors"
)

// A Revisioner has a token, cheap to get, that changes whenever any client
// changes anything in the store.
type Revisioner interface {
	Revision(ctx context.Context) (string, error)
}

// Revision returns the token of b; errors.ErrUnsupported if it has none, and
// then listings can only expire by time.
func Revision(ctx context.Context, b Backend) (string, error) {
	if r, ok := As[Revisioner](b); ok {
		return r.Revision(ctx)
	}
	return "", PathError("revision", ".", errors.ErrUnsupported, "the store has no revision")
}
