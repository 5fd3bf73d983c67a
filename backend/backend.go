package backend

import (
	"context"
	"io"
	"iter"
	"time"
)

// A Backend is one store. Names are slash-separated, relative to the root the
// backend was opened at, clean as [io/fs.ValidPath] wants them; "." is the
// root. All methods may be called from many goroutines at once.
//
// What a store lacks of this it declares, see [Capabilities].
//
// A backend with work in the background is an [io.Closer] too; Close waits
// for that work.
type Backend interface {
	// Stat describes a file or a folder. It returns fs.ErrNotExist if
	// the name does not exist, also if its parent does not or is a file.
	Stat(ctx context.Context, name string) (Info, error)

	// List describes a folder and all that is directly in it, in any order,
	// each name once. The sequence may fetch as it goes, and may be ranged over
	// once; it ends after the first error. For the name of a file it returns
	// the Info with ErrNotDir, so that a name of unknown kind costs one call.
	List(ctx context.Context, name string) (self Info, children iter.Seq2[Info, error], err error)

	// Open opens one version of a file, or the current one if version is empty.
	// It returns ErrChanged if the version does not exist any more, ErrIsDir
	// for a folder.
	Open(ctx context.Context, name, version string) (Content, error)

	// Put stores body as the whole content of a file, new or replaced, and
	// returns what was stored. It is all or nothing: until it returns nil the
	// old content stays. The parent must exist (fs.ErrNotExist), the name
	// must not be a folder (ErrIsDir). Put never closes body. If body is an
	// io.ReadSeeker the driver may rewind it to where it stood at the call,
	// to retry or resume; if not, a failed transfer is final.
	Put(ctx context.Context, name string, body io.Reader, opts PutOptions) (Info, error)

	// Mkdir creates one folder. It returns fs.ErrExist if the name exists,
	// fs.ErrNotExist if the parent does not.
	Mkdir(ctx context.Context, name string) error

	// Remove removes a file, or a folder with its content. The root cannot be
	// removed (fs.ErrInvalid).
	Remove(ctx context.Context, name string, opts RemoveOptions) error

	// Move renames a file or a folder. An existing target is fs.ErrExist,
	// unless Overwrite is set and both sides are files, which is atomic. A
	// folder moved below itself is fs.ErrInvalid, a file or folder moved onto
	// itself is unchanged.
	Move(ctx context.Context, from, to string, opts MoveOptions) error
}

// Content is one version of one file: every Range of it shows the same bytes,
// or fails with ErrChanged. It is safe for concurrent use.
type Content interface {
	// Info describes this version; Size and Version are always set.
	Info() Info

	// Range reads length bytes from offset, or to the end if length is
	// negative. A range beyond the end is clipped; one that begins at or beyond
	// the end is empty; a negative offset is fs.ErrInvalid. The reader must end with an error other than io.EOF if
	// it has fewer bytes than the range.
	Range(ctx context.Context, offset, length int64) (io.ReadCloser, error)

	// Close releases the content. Open readers stay usable.
	Close() error
}

// Info describes a file or a folder.
type Info struct {
	Name        string    // base name; "." for the root
	Dir         bool      // a folder
	Size        int64     // bytes; 0 for a folder
	ModTime     time.Time // zero if unknown
	Created     time.Time // zero if unknown
	ID          string    // identifies the file across moves, if the store has such an ID
	Version     string    // identifies the content and nothing else: its hash where known; at most 40 bytes; empty for a folder
	MD5, SHA256 string    // lower-case hex, empty if unknown
	ContentType string    // media type, empty if unknown
	Public      string    // address of the public link, if shared

	// Err is set for an entry of a folder that exists and cannot be described:
	// then only Name and Dir are right, and Stat of it fails.
	Err error

	// Properties are those of a Propertier, empty if there are none, nil if they
	// are not included and have to be requested.
	Properties map[string]string
}

// PutOptions are the options of Put.
type PutOptions struct {
	Size      int64     // number of bytes in body, 0 for an empty one, -1 if unknown; a body of another length fails, in words that have Size in them, and changes nothing
	IfAbsent  bool      // only if the name does not exist, else fs.ErrExist
	IfVersion string    // only if this is the current version, else ErrChanged
	ModTime   time.Time // the time to record, if the store can; zero: now
}

// RemoveOptions are the options of Remove.
type RemoveOptions struct {
	Permanent bool   // not to the trash, where there is one
	IfVersion string // only if this is the current version, else ErrChanged; files only; some stores can only check just before
	IfEmpty   bool   // a folder only if it is empty, else ErrNotEmpty; some stores can only check just before
}

// MoveOptions are the options of Move.
type MoveOptions struct {
	Overwrite bool // a file may replace a file

	// Back: the move restores a name that was moved aside. A driver that closes names
	// because an earlier change may still take effect does not refuse it.
	Back bool

	// Once: the driver sends the request at most once. If no answer comes, it looks
	// for the effect instead of repeating the request, or fails with ErrUncertain.
	// After a nil error no late effect can follow.
	Once bool
}

// As returns b, or the first of the backends it wraps, as a T. A wrapper that
// may be bypassed has a method Unwrap() Backend; one that refuses or renames
// must not have it.
func As[T any](b Backend) (T, bool) {
	for b != nil {
		if t, ok := b.(T); ok {
			return t, true
		}
		u, ok := b.(interface{ Unwrap() Backend })
		if !ok {
			break
		}
		b = u.Unwrap()
	}
	var none T
	return none, false
}
