package webdav

import (
	"context"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/afero"
)

// The optional abilities of a file system, beyond afero.Fs. A [Handler] finds
// each ability by its method, on the file system that WithContext returns;
// where one is missing it falls back to the methods of afero.Fs. All must be
// safe for concurrent use. Names are absolute, slash-separated and clean.
//
// A method with the name of an ability and another signature is not used. It is
// logged once, with both signatures, and is an error with
// [WithStrictAbilities].
type (
	// A ContextBinder returns the same file system bound to a context, with
	// all the abilities of the original. Canceling ctx ends calls in progress.
	ContextBinder interface {
		WithContext(ctx context.Context) afero.Fs
	}

	// A Confiner returns the same file system, with all its abilities, for a
	// caller who must not leave dir: no link in dir is followed out of it.
	// Names stay those of the whole file system. A file system without it is
	// assumed to have no links.
	Confiner interface {
		Confine(dir string) (afero.Fs, error)
	}

	// A Putter stores a whole file or nothing: if body returns an error other
	// than io.EOF, the old content stays. size is -1 if unknown; a zero mtime
	// means the current time; ifMatch is an entity tag as returned by [ETager],
	// or "". The returned info is that of the new file. Errors: fs.ErrExist if
	// ifAbsent fails, status 412 if ifMatch fails, fs.ErrNotExist without a
	// parent, 405 if name is a folder.
	Putter interface {
		Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error)
	}

	// A Mover renames a file or a tree. It never merges into the target and
	// never deletes it first. Without overwrite it returns fs.ErrExist if the
	// target exists.
	Mover interface {
		Move(from, to string, overwrite bool) error
	}

	// A Copier is [Mover] for copies; depth 0 copies a folder without its
	// members, -1 the whole tree. Properties are copied along.
	Copier interface {
		Copy(from, to string, overwrite bool, depth int) error
	}

	// A Deleter removes a file or a tree, or returns fs.ErrNotExist. ifMatch
	// is as in [Putter].
	Deleter interface {
		Delete(name, ifMatch string) error
	}

	// A Usager reports the space in bytes, or returns errors.ErrUnsupported.
	Usager interface {
		Usage() (total, used int64, err error)
	}

	// A FolderUsager reports the space in which a name is, where the folders of
	// the root are on different ones. errors.ErrUnsupported means that the [Usager]
	// tells. It is asked once a request for each folder of the root.
	FolderUsager interface {
		UsageIn(name string) (total, used int64, err error)
	}

	// A Propertier keeps dead properties: key "{namespace}local", value the
	// whole XML element. SetProperties is atomic; if it returns
	// errors.ErrUnsupported, the handler's own store is used.
	Propertier interface {
		Properties(name string) (map[string]string, error)
		SetProperties(name string, set map[string]string, remove []string) error
	}
)

// The optional abilities of an fs.FileInfo. ETag and ContentType may also
// have the signatures of golang.org/x/net/webdav, with a context and an error.
type (
	// An ETager has an entity tag: quoted and strong, or "". It does not end in
	// the name of a content coding ("-gzip"), which proxies add and clients send
	// back: such a tag is read without it.
	ETager interface{ ETag() string }

	// An Undescribed may be listed although the file system cannot describe it:
	// then Err is not nil, and only the name and IsDir are right. It has a
	// response of its own in PROPFIND, with the status of Err.
	Undescribed interface{ Err() error }

	// A ContentTyper has a media type, or "".
	ContentTyper interface{ ContentType() string }

	// A CreationTimer has a time of creation, or the zero time.
	CreationTimer interface{ Created() time.Time }

	// A Hasher has the checksum of the content by an algorithm ("md5", "sha1",
	// "sha256"), in lower-case hex, or "".
	Hasher interface{ Hash(algorithm string) string }

	// A PropertyHolder has the dead properties that [Propertier] would return,
	// so that a listing needs no call for each member. If known is false the
	// file system is called.
	PropertyHolder interface {
		Properties() (props map[string]string, known bool)
	}
)

// The optional ability of an afero.File.
type (
	// An OSFiler may be a file of this machine, which the system can send to a
	// client without a copy in this process. OSFile opens that once more, for reading
	// from its start, with an offset of its own; the handler closes it. What was read
	// of it is the content of the afero.File only if unchanged returns nil
	// afterwards, which may be called until the afero.File is closed. With any error
	// the afero.File is read instead.
	OSFiler interface {
		OSFile() (f *os.File, unchanged func() error, err error)
	}
)

// An HTTPStatuser is an error of a file system with an HTTP status, and for
// 503 the Retry-After. It is found by errors.As.
type HTTPStatuser interface {
	HTTPStatus() (code int, retryAfter time.Duration)
}
