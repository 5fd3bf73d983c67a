package backend

import (
	"context"
	"iter"
)

// A PartLister tells from the first part of a listing that a folder is too large
// to be listed for the sake of a single name.
type PartLister interface {
	// ListSome is like List, but of a folder of more than most entries it may
	// return only some. Then whole is false.
	ListSome(ctx context.Context, name string, most int) (self Info, children iter.Seq2[Info, error], whole bool, err error)
}

// ListSome lists a folder of b as [PartLister] says; as List does if b is none.
func ListSome(ctx context.Context, b Backend, name string, most int) (self Info, children iter.Seq2[Info, error], whole bool, err error) {
	if l, ok := As[PartLister](b); ok {
		return l.ListSome(ctx, name, most)
	}
	self, children, err = b.List(ctx, name)
	return self, children, true, err
}
