package backend

import (
	"context"
	"errors"
	"io"
)

// A Previewer returns previews: small images of files.
type Previewer interface {
	// Preview returns an image of name about size pixels wide, as JPEG or PNG.
	// It returns fs.ErrNotExist if there is none.
	Preview(ctx context.Context, name string, size int) (io.ReadCloser, error)
}

// Preview returns a preview from b; errors.ErrUnsupported if b has none.
func Preview(ctx context.Context, b Backend, name string, size int) (io.ReadCloser, error) {
	if p, ok := As[Previewer](b); ok {
		return p.Preview(ctx, name, size)
	}
	return nil, PathError("preview", name, errors.ErrUnsupported, "the store makes no previews")
}
