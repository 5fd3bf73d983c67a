package webdav

import (
	"errors"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// look tells what a name stands for at the moment: a file, a folder, an empty
// placeholder that exists only because its name is locked, or nothing (nil
// without an error). An error means that it could not be told.
func (r *request) look(name string) (fs.FileInfo, error) {
	info, err := r.files.stat(name)
	switch {
	case err == nil:
		return info, nil
	case !isMissing(err):
		return nil, err
	}
	return r.placeholder(name), nil
}

// placeholder is look for a name that the file system does not have.
func (r *request) placeholder(name string) fs.FileInfo {
	if p, ok := r.handler.locks.Placeholder(name); ok {
		return placeholder{path.Base(name), p}
	}
	return nil
}

// reserve keeps other requests from what this one is going to change, until
// r.reserved is released: 423 if another uses it for long. The If header is read
// afterwards, because it is judged by what cannot change any more.
func (r *request) reserve(names ...lock.Name) (err error) {
	r.reserved, err = r.handler.locks.Reserve(r.Context(), names...)
	if !errors.Is(err, lock.ErrReserved) {
		return err
	}
	busy := &refusal{status: http.StatusLocked, reason: lock.ErrReserved.Error() + ", try again", cause: err}
	if r.Method == "LOCK" {
		busy.precondition = davxml.Precondition{Name: davxml.NoConflictingLock}
	}
	return busy
}

// errMissing answers a request for something that is not there.
var errMissing = refuse(http.StatusNotFound, "there is no such file or folder")

// mustLook is look for methods that need something to be there: 404 if not.
func (r *request) mustLook(name string) (fs.FileInfo, error) {
	info, err := r.look(name)
	if err == nil && info == nil {
		return nil, errMissing
	}
	return info, err
}

// errSlash refuses to change a file under the address of a folder: whoever
// writes the slash means a folder, and would be surprised.
var errSlash = refuse(http.StatusConflict, "an address that ends in a slash is a folder's, and this is a file")

// needParent checks that the folder a new name goes to is there: 409 if not.
func (r *request) needParent(name string) error {
	parent, err := r.look(path.Dir(name))
	switch {
	case err != nil:
		return err
	case parent == nil:
		return refuse(http.StatusConflict, "the parent folder does not exist")
	case !parent.IsDir():
		return refuse(http.StatusConflict, "the parent is a file")
	}
	return nil
}

// made tells the lock table that something is stored under the request's name,
// which was not there before, or as a placeholder only.
func (r *request) made() {
	if err := r.handler.locks.Realize(r.name); err != nil {
		r.handler.opts.log.Warn("a new file could not be recorded", "path", r.name, "error", err)
	}
}

// dropStale drops the properties that are kept under the name of a resource
// that is about to be made: they belonged to something that was deleted behind
// the handler's back. It comes before the resource can be seen, or while its
// name is reserved, or it would drop what another client has set by then.
func (r *request) dropStale() error { return r.handler.props.Delete(r.name) }

// tellFolder tells the address of a folder that was asked for without the slash
// at its end (RFC 4918 section 5.2).
func (r *request) tellFolder(w http.ResponseWriter) {
	if !r.isDir {
		w.Header().Set("Content-Location", r.href(r.name, true))
	}
}

// A placeholder is the fs.FileInfo of a name that is locked but not there
// (RFC 4918 section 7.3): an empty file with an entity tag of its own. davfs2
// and LibreOffice ask for it between LOCK and PUT.
type placeholder struct {
	name string
	lock.Placeholder
}

func (p placeholder) Name() string       { return p.name }
func (p placeholder) Size() int64        { return 0 }
func (p placeholder) Mode() fs.FileMode  { return 0o666 }
func (p placeholder) ModTime() time.Time { return p.Placeholder.Created }
func (p placeholder) IsDir() bool        { return false }
func (p placeholder) Sys() any           { return nil }
func (p placeholder) ETag() string       { return p.Placeholder.ETag }

func isPlaceholder(info fs.FileInfo) bool {
	_, ok := info.(placeholder)
	return ok
}
