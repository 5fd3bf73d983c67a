package webdav

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/davdisk/davdisk/internal/unsettled"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// look returns the file, folder or placeholder with a name, or nil without an
// error if there is none. An error means that this is not known.
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

// placeholder returns the placeholder with a name that the file system does not
// have, or nil.
func (r *request) placeholder(name string) fs.FileInfo {
	if p, ok := r.handler.locks.Placeholder(name); ok && !r.hidesPlaceholders() {
		return placeholder{path.Base(name), p}
	}
	return nil
}

// reserve keeps other requests from what this one is going to change, until
// r.reserved is released: 423 if another uses it for long. The If header is read
// afterwards, because it is judged by what cannot change any more.
func (r *request) reserve(names ...lock.Name) (err error) {
	for i, n := range names {
		if !n.Lock && (n.Member || !n.Shared) {
			names[i].Lingers = lingers
		}
	}
	r.reserved, err = r.handler.locks.Reserve(r.Context(), names...)
	return r.busy(err)
}

// lingers is how long a change may still take effect in a store after its
// gateway is gone.
const lingers = unsettled.Window

// busy answers a request for names that another one uses.
func (r *request) busy(err error) error {
	if !errors.Is(err, lock.ErrReserved) {
		return err
	}
	busy := &statusError{status: http.StatusLocked, reason: lock.ErrReserved.Error() + ", try again", cause: err}
	if r.Method == "LOCK" {
		busy.precondition = davxml.Precondition{Name: davxml.NoConflictingLock}
	}
	return busy
}

// errMissing answers a request for something that is not there.
var errMissing = refuse(http.StatusNotFound, "there is no such file or folder")

// mustLook is look for methods on existing resources: 404 if there is none.
func (r *request) mustLook(name string) (fs.FileInfo, error) {
	info, err := r.look(name)
	if err == nil && info == nil {
		return nil, errMissing
	}
	return info, err
}

// errSlash refuses to change a file by a URL with a trailing slash: the
// client means a folder.
var errSlash = refuse(http.StatusConflict, "an address that ends in a slash is a folder's, and this is a file")

// needParent checks that the parent of a new name exists: 409 if not.
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

// finish makes the changes of the handler's own state that belong to a change of
// the file system, and releases the names. Once begun, the change is finished
// whatever becomes of the request. The names stay closed while a part of it may still
// take effect, though it has succeeded.
func (r *request) finish(changed ...lock.Changed) error {
	if !r.unsettled.Over(context.WithoutCancel(r.Context())) {
		return refuse(http.StatusServiceUnavailable, "the change may be undone by an earlier attempt at it, whose outcome is not known yet")
	}
	return r.reserved.Done(context.WithoutCancel(r.Context()), changed...)
}

// finishMade is finish for a resource that was stored at the request's name. The
// handler of a lone gateway can do without its record of that; other gateways
// must know of it, or the client may read something older there.
func (r *request) finishMade(changed lock.Changed) error {
	err := r.finish(changed)
	if err == nil || r.handler.opts.engine != nil {
		return err
	}
	r.handler.opts.log.Warn("a new file could not be recorded", "path", r.name, "error", err)
	return nil
}

// putChanged describes a file that was stored to other gateways, if there are
// any: the file system may have to work for its tag.
func (r *request) putChanged(info fs.FileInfo) lock.Changed {
	if r.handler.opts.engine == nil {
		return lock.Changed{}
	}
	return lock.Changed{Path: r.name, ETag: storeTag(info), Size: info.Size(), ModTime: info.ModTime()}
}

// dropStale drops the properties kept under a name that is about to be created:
// they belonged to a resource that was deleted outside of this handler. It is
// refused if the name is reserved no longer: they may be another client's then.
func (r *request) dropStale() error {
	return r.reserved.Meanwhile(context.WithoutCancel(r.Context()), r.handler.props.Deleting(r.name)...)
}

// setContentLocation sets the URL of a folder that was requested without the
// trailing slash (RFC 4918 section 5.2).
func (r *request) setContentLocation(w http.ResponseWriter) {
	if !r.isDir {
		w.Header().Set("Content-Location", r.href(r.name, true))
	}
}

// A placeholder is the fs.FileInfo of a name that is locked but does not exist
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
