package sftp

import (
	"context"
	"errors"
	"math"

	"github.com/pkg/sftp"

	"github.com/davdisk/davdisk/backend"
)

// Usage implements backend.Usager, where the server tells it
// (statvfs@openssh.com). Space reserved for the system counts as used.
func (b *Backend) Usage(ctx context.Context) (backend.Space, error) {
	if err := check(ctx, "usage", "."); err != nil {
		return backend.Space{}, err
	}
	if !b.extensions.statvfs {
		return backend.Space{}, backend.PathError("usage", ".", errors.ErrUnsupported, "the server does not tell its size")
	}
	st, err := within(ctx, b, func(c *conn) (*sftp.StatVFS, error) { return c.StatVFS(b.root) })
	if err != nil {
		return backend.Space{}, pathError("usage", ".", err)
	}
	total := inBytes(st.Blocks, st.Frsize)
	return backend.Space{Total: total, Used: max(0, total-inBytes(st.Bavail, st.Frsize))}, nil
}

// inBytes multiplies what a server says, which may be anything.
func inBytes(blocks, size uint64) int64 {
	if size > 0 && blocks > math.MaxInt64/size {
		return math.MaxInt64
	}
	return int64(blocks * size)
}
