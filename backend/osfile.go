package backend

import (
	"context"
	"errors"
	"os"
)

// A FileContent is a [Content] that may be a file of this machine.
type FileContent interface {
	Content

	// OpenFile opens the file once more, for reading from its start, so that the
	// system can send it without a copy in this process. The caller closes it. What
	// was read of it is this version only if unchanged returns nil afterwards, else
	// ErrChanged; that may be called until the Content is closed. It fails with
	// errors.ErrUnsupported if there is no such file, or none any more.
	OpenFile(ctx context.Context) (f *os.File, unchanged func() error, err error)
}

// OpenFile opens the file that c is; errors.ErrUnsupported if it is none.
func OpenFile(ctx context.Context, c Content) (f *os.File, unchanged func() error, err error) {
	if file, ok := c.(FileContent); ok {
		return file.OpenFile(ctx)
	}
	return nil, nil, PathError("open", c.Info().Name, errors.ErrUnsupported, "no file of this machine")
}
