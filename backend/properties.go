package backend

import (
	"context"
	"errors"
)

// A Propertier keeps a few small texts with a file or a folder. They follow
// it when it is moved or copied.
type Propertier interface {
	// Properties returns all of them, never nil.
	Properties(ctx context.Context, name string) (map[string]string, error)

	// SetProperties sets some and removes others atomically. It returns
	// ErrTooLarge if they do not fit. Removing a missing one is no error.
	SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error
}

// Properties returns the properties of name; errors.ErrUnsupported if b has
// none.
func Properties(ctx context.Context, b Backend, name string) (map[string]string, error) {
	if p, ok := As[Propertier](b); ok {
		return p.Properties(ctx, name)
	}
	return nil, PathError("properties", name, errors.ErrUnsupported, "the store keeps no properties")
}

// SetProperties changes the properties of name; errors.ErrUnsupported if b
// has none.
func SetProperties(ctx context.Context, b Backend, name string, set map[string]string, remove []string) error {
	if p, ok := As[Propertier](b); ok {
		return p.SetProperties(ctx, name, set, remove)
	}
	return PathError("properties", name, errors.ErrUnsupported, "the store keeps no properties")
}
