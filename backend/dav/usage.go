package dav

import (
	"context"
	"errors"
	"math"

	"github.com/davdisk/davdisk/backend"
)

// Usage implements backend.Usager by the quota properties of RFC 4331, where the
// server has them. Nextcloud says -3 if there is no limit.
func (s *store) Usage(ctx context.Context) (backend.Space, error) {
	if err := check(ctx, "usage", "."); err != nil {
		return backend.Space{}, err
	}
	e, err := s.stat(ctx, ".")
	if err != nil {
		return backend.Space{}, pathError("usage", ".", err)
	}
	available, used := e.quota[0], e.quota[1]
	if available == nil || used == nil || *available < 0 || *used < 0 || *available > math.MaxInt64-*used {
		return backend.Space{}, backend.PathError("usage", ".", errors.ErrUnsupported, "the server does not tell its size")
	}
	return backend.Space{Total: *available + *used, Used: *used}, nil
}
