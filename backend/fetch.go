package backend

import (
	"context"
	"errors"
)

// A Fetcher lets the store itself download a URL to a file.
type Fetcher interface {
	// Fetch returns when the file is stored. An existing name is
	// fs.ErrExist.
	Fetch(ctx context.Context, name, url string) error
}

// Fetch makes b download url; errors.ErrUnsupported if it cannot.
func Fetch(ctx context.Context, b Backend, name, url string) error {
	if f, ok := As[Fetcher](b); ok {
		return f.Fetch(ctx, name, url)
	}
	return PathError("fetch", name, errors.ErrUnsupported, "the store cannot download by itself")
}
