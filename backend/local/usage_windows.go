package local

import (
	"context"

	"golang.org/x/sys/windows"

	"github.com/davdisk/davdisk/backend"
)

// Usage implements backend.Usager. The free space is that available to this user.
func (b *Backend) Usage(ctx context.Context) (backend.Space, error) {
	if err := check(ctx, "usage", "."); err != nil {
		return backend.Space{}, err
	}
	dir, err := windows.UTF16PtrFromString(b.share.Name())
	if err != nil {
		return backend.Space{}, pathError("usage", ".", err)
	}
	var free, total uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &free, &total, nil); err != nil {
		return backend.Space{}, pathError("usage", ".", err)
	}
	return backend.Space{Total: int64(total), Used: int64(total - free)}, nil
}
