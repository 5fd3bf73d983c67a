package backend

import (
	"context"
	"errors"
)

// A Usager reports the total and used space of the store.
type Usager interface {
	Usage(ctx context.Context) (Space, error)
}

// A FolderUsager is a store whose folders are on spaces of their own. Names below
// one folder of the root share a space. The root may have none, which is
// errors.ErrUnsupported.
type FolderUsager interface {
	UsageIn(ctx context.Context, name string) (Space, error)
}

// Space is the space of a store, in bytes.
type Space struct {
	Total   int64 // capacity
	Used    int64 // used, including the trash; may exceed Total
	Trash   int64 // used by the trash
	MaxFile int64 // the largest file, 0 if unlimited or unknown
}

// Free returns the number of bytes that can still be stored; never negative.
func (s Space) Free() int64 { return max(0, s.Total-s.Used) }

// Usage returns the space of b; errors.ErrUnsupported if b does not report it.
func Usage(ctx context.Context, b Backend) (Space, error) {
	if u, ok := As[Usager](b); ok {
		return u.Usage(ctx)
	}
	return Space{}, PathError("usage", ".", errors.ErrUnsupported, "the store does not tell its size")
}

// UsageIn returns the space in which name is: that of b, unless b is a
// [FolderUsager]; errors.ErrUnsupported if b does not report it.
func UsageIn(ctx context.Context, b Backend, name string) (Space, error) {
	if u, ok := As[FolderUsager](b); ok {
		return u.UsageIn(ctx, name)
	}
	if err := CheckName("usage", name); err != nil {
		return Space{}, err
	}
	return Usage(ctx, b)
}
