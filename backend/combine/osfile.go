package combine

import (
	"context"
	"os"

	"github.com/davdisk/davdisk/backend"
)

// OpenFile implements backend.FileContent.
func (c content) OpenFile(ctx context.Context) (*os.File, func() error, error) {
	f, unchanged, err := backend.OpenFile(c.place.in(ctx), c.Content)
	if err != nil {
		return nil, nil, c.place.outer(err)
	}
	return f, func() error { return c.place.outer(unchanged()) }, nil
}
