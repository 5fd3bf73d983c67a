package webdav

import (
	"context"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/afero"
)

// What a file system may be able to do beyond afero.Fs. A [Handler] finds each
// ability by its method, on the file system that WithContext gives; where one
// is missing it does the same with what every afero.Fs has. All may be called
// by many goroutines. Names are absolute, slash-separated and clean.
//
// A method with the name of an ability and another signature is not used. That
// is logged once, with both signatures, and is an error with
// [WithStrictAbilities].
type (
	// A ContextBinder gives the same file system bound to a request, with all
	// the abilities of the original. Cancelling ctx ends what is under way.
	ContextBinder interface {
		WithContext(ctx context.Context) afero.Fs
	}

	// A Confiner gives the same file system, with all its abilities, as seen by
	// a caller who must not leave dir: no link that lies in it is followed out
	// of it. Names stay those of the whole. A file system without it is taken
	// to have no links.
	Confiner interface {
		Confine(dir string) (afero.Fs, error)
	}

	// A Putter stores a whole file or nothing: if body returns an error other
	// than io.EOF, what was there stays. size is -1 if unknown; mtime may be
	// zero, and is then the time of storing; ifMatch is an entity tag as
	// [ETager] gives it, or "". The info is that of the new file. Errors:
	// fs.ErrExist if ifAbsent fails, status 412 if ifMatch fails,
	// fs.ErrNotExist without a parent, 405 if name is a folder.
	Putter interface {
		Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error)
	}

	// A Mover renames a file or a tree. It never merges into the target and
	// never deletes it first. Without overwrite a target that is there is
	// fs.ErrExist.
	Mover interface {
		Move(from, to string, overwrite bool) error
	}

	// A Copier is [Mover] for copies; depth 0 copies a folder without its
	// members, -1 the whole tree. Properties are copied along.
	Copier interface {
		Copy(from, to string, overwrite bool, depth int) error
	}

	// A Deleter removes a file or a tree; fs.ErrNotExist if there is none. Of
	// ifMatch holds what is said of [Putter].
	Deleter interface {
		Delete(name, ifMatch string) error
	}

	// A Usager knows the space in bytes, or fails with errors.ErrUnsupported.
	Usager interface {
		Usage() (total, used int64, err error)
	}

	// A Propertier keeps dead properties: key "{namespace}local", value the
	// whole XML element. SetProperties does all or nothing;
	// errors.ErrUnsupported sends them to the handler's own store.
	Propertier interface {
		Properties(name string) (map[string]string, error)
		SetProperties(name string, set map[string]string, remove []string) error
	}
)

// What an fs.FileInfo may know beyond its methods. ETag and ContentType may
// also have the form that golang.org/x/net/webdav gives them, with a context
// and an error.
type (
	// An ETager has an entity tag: quoted and strong, or "". It does not end in
	// the name of a content coding ("-gzip"), which proxies add and clients send
	// back: such a tag is read without it.
	ETager interface{ ETag() string }

	// A ContentTyper has a media type, or "".
	ContentTyper interface{ ContentType() string }

	// A CreationTimer has a time of creation, or the zero time.
	CreationTimer interface{ Created() time.Time }

	// A Hasher has the checksum of the content by an algorithm ("md5", "sha1",
	// "sha256"), in lower-case hex, or "".
	Hasher interface{ Hash(algorithm string) string }

	// A PropertyHolder has the dead properties that [Propertier] would give, so
	// that those of a listing need no call for each member. If known is false
	// the file system is asked.
	PropertyHolder interface {
		Properties() (props map[string]string, known bool)
	}
)

// An HTTPStatuser is an error of a file system that has a status, and for 503
// how long to wait. It is found by errors.As.
type HTTPStatuser interface {
	HTTPStatus() (code int, retryAfter time.Duration)
}
