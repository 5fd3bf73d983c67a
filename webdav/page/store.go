package page

import (
	"context"
	"io"
	"iter"
	"time"
)

// A Store has the abilities of the store below the file system. An ability that
// is nil is not offered. Names are absolute paths of the handler's file system.
// All methods must be safe for concurrent use; the context carries the
// [webdav.Principal] of the request.
type Store struct {
	Links    Links
	Trash    Trash
	Previews Previews
	Files    Files
	Space    Spacer
	Spaces   bool // the folders of the root are on spaces of their own
	Uploads  Uploads
}

// An Item is a file or folder of the store.
type Item struct {
	Name    string
	Dir     bool
	Size    int64 // bytes
	ModTime time.Time
	Address string // of its public link, if it has one
}

// Links manages public links.
type Links interface {
	// Share makes name public, if it is not yet, and returns its address.
	Share(ctx context.Context, name string) (address string, err error)
	// Unshare makes name private.
	Unshare(ctx context.Context, name string) error
	// Shared yields what is public.
	Shared(ctx context.Context) iter.Seq2[Item, error]
}

// Trash manages deleted items.
type Trash interface {
	// Trashed yields what is in the trash, in any order.
	Trashed(ctx context.Context) iter.Seq2[TrashedItem, error]
	// Restore puts an entry back, under to, or where it was if to is empty, and
	// returns the name it has then. A name that is taken is fs.ErrExist.
	Restore(ctx context.Context, id, to string) (name string, err error)
	// Discard removes an entry for good.
	Discard(ctx context.Context, id string) error
	// Empty removes all entries for good.
	Empty(ctx context.Context) error
}

// A TrashedItem is an entry of the trash.
type TrashedItem struct {
	ID      string
	Name    string // base name
	Origin  string // the name it had; empty if it was outside of the file system
	Dir     bool
	Size    int64
	Deleted time.Time
}

// Previews returns previews of files.
type Previews interface {
	// Preview reads a picture about size pixels wide, as JPEG or PNG. A file of
	// which there is none is fs.ErrNotExist.
	Preview(ctx context.Context, name string, size int) (io.ReadCloser, error)
}

// Files lists all files in the store. The list may lag by seconds.
type Files interface {
	Files(ctx context.Context) iter.Seq2[Item, error]
}

// A Spacer reports the space that an item is in. A root whose folders are on
// spaces of their own may have none, which is errors.ErrUnsupported.
type Spacer interface {
	Space(ctx context.Context, name string) (Space, error)
}

// Space is the space of a store in bytes.
type Space struct{ Total, Used, Trash int64 }

// Uploads lists files that are accepted but not stored yet.
type Uploads interface {
	Waiting() ([]Upload, error)
}

// An Upload is a file waiting to be stored.
type Upload struct {
	Name  string
	Size  int64
	Error string // of the last try, if it failed
}
