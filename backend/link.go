package backend

import (
	"context"
	"errors"
	"time"
)

// A Linker returns temporary URLs from which anyone can download a file.
type Linker interface {
	Link(ctx context.Context, name string) (Link, error)
}

// Link is a temporary download URL. It is a secret: anyone who has it can read
// the file.
type Link struct {
	URL     string
	Expires time.Time // zero if unknown
}

// DownloadLink returns a link of b; errors.ErrUnsupported if it has none.
func DownloadLink(ctx context.Context, b Backend, name string) (Link, error) {
	if l, ok := As[Linker](b); ok {
		return l.Link(ctx, name)
	}
	return Link{}, PathError("link", name, errors.ErrUnsupported, "the store makes no download links")
}
