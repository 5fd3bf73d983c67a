//go:build linux || darwin

package local

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/davdisk/davdisk/backend"
)

// Usage implements backend.Usager. Space reserved for the system counts as
// used.
func (b *Backend) Usage(ctx context.Context) (backend.Space, error) {
	if err := check(ctx, "usage", "."); err != nil {
		return backend.Space{}, err
	}
	dir, err := b.share.Open(".")
	if err != nil {
		return backend.Space{}, pathError("usage", ".", err)
	}
	defer dir.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &st); err != nil {
		return backend.Space{}, pathError("usage", ".", err)
	}
	size := int64(st.Bsize) //nolint:unconvert // uint32 on macOS
	total := int64(st.Blocks) * size
	return backend.Space{Total: total, Used: total - int64(st.Bavail)*size}, nil
}
