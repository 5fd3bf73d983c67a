//go:build !linux && !darwin && !windows

package local

import (
	"context"
	"errors"

	"github.com/davdisk/davdisk/backend"
)

// Usage implements backend.Usager: it is not supported on this system.
func (b *Backend) Usage(context.Context) (backend.Space, error) {
	return backend.Space{}, backend.PathError("usage", ".", errors.ErrUnsupported, "the free space of this system is not known")
}
