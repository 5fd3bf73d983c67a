package backend

import (
	"context"
	"errors"
)

// A PublicReader reads what other users of the service have made public.
type PublicReader interface {
	// Public opens a public address as a read-only backend; its root may be
	// a file. Writing to it is fs.ErrPermission.
	Public(ctx context.Context, address string) (Backend, error)

	// SavePublic copies the part inner ("." for all) of a public address to
	// the name to, and returns when it is stored. An existing name is fs.ErrExist.
	SavePublic(ctx context.Context, address, inner, to string) error
}

// PublicOf returns b as a PublicReader, or errors.ErrUnsupported.
func PublicOf(b Backend) (PublicReader, error) {
	if p, ok := As[PublicReader](b); ok {
		return p, nil
	}
	return nil, PathError("public", ".", errors.ErrUnsupported, "the store has no public addresses")
}
