package backend

import (
	"context"
	"errors"
	"time"
)

// A Linker makes temporary addresses from which anyone can download a file.
type Linker interface {
	Link(ctx context.Context, name string) (Link, error)
}

// Link is a temporary download address. It is a secret: anyone who has it can
// read the file.
type Link struct {
	URL     string
	Expires time.Time // zero if unknown
}

// DownloadLink asks b for a link; errors.ErrUnsupported if it makes none.
func DownloadLink(ctx context.Context, b Backend, name string) (Link, error) {
	if l, ok := As[Linker](b); ok {
		return l.Link(ctx, name)
	}
	return Link{}, PathError("link", name, errors.ErrUnsupported, "the store makes no download links")
}
