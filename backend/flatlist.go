package backend

import (
	"context"
	"errors"
	"iter"
)

// A FlatLister lists the files of the whole store without its folders. It
// reads an index that may lag behind by seconds.
type FlatLister interface {
	Files(ctx context.Context, opts FilesOptions) iter.Seq2[Entry, error]
}

// FilesOptions are the options of Files.
type FilesOptions struct {
	Types  []string // the store's kinds of media, such as "image"; all if empty
	Sort   string   // "name", "path", "created", "modified" or "size"; a "-" before it reverses
	Recent bool     // the latest uploads, newest first; Sort is not used
	Limit  int      // maximum number; 0: all (Recent: the store's default)
}

// Files lists files of b; errors.ErrUnsupported, as the only pair, if b
// cannot.
func Files(ctx context.Context, b Backend, opts FilesOptions) iter.Seq2[Entry, error] {
	if l, ok := As[FlatLister](b); ok {
		return l.Files(ctx, opts)
	}
	return func(yield func(Entry, error) bool) {
		yield(Entry{}, PathError("files", ".", errors.ErrUnsupported, "the store has no list of all files"))
	}
}
