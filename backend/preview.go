package backend

import (
	"context"
	"errors"
	"io"
)

// A Previewer makes previews: small pictures of files.
type Previewer interface {
	// Preview reads a picture of name about size pixels wide, as JPEG or PNG.
	// A file of which there is none is fs.ErrNotExist.
	Preview(ctx context.Context, name string, size int) (io.ReadCloser, error)
}

// Preview returns a preview from b; errors.ErrUnsupported if b makes none.
func Preview(ctx context.Context, b Backend, name string, size int) (io.ReadCloser, error) {
	if p, ok := As[Previewer](b); ok {
		return p.Preview(ctx, name, size)
	}
	return nil, PathError("preview", name, errors.ErrUnsupported, "the store makes no previews")
}
