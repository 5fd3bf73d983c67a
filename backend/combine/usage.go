package combine

import (
	"context"
	"errors"

	"github.com/davdisk/davdisk/backend"
)

// UsageIn implements backend.FolderUsager. The root has no space.
func (b *Backend) UsageIn(ctx context.Context, name string) (backend.Space, error) {
	p, err := b.find(ctx, "usage", name)
	switch {
	case err != nil:
		return backend.Space{}, err
	case p.store == nil:
		return backend.Space{}, backend.PathError("usage", name, errors.ErrUnsupported, "each folder of the root has its own space")
	}
	space, err := backend.UsageIn(p.in(ctx), p.store, p.name)
	return space, p.outer(err)
}
