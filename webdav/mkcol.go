package webdav

import (
	"errors"
	"io/fs"
	"net/http"

	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// mkcol serves MKCOL (RFC 4918 section 9.3): 405 if the name exists, even as
// the placeholder of a lock (section 7.3), and 409 without a parent. Nothing is
// checked before: the file system does, and a folder costs one call.
func (h *Handler) mkcol(w http.ResponseWriter, r *request) error {
	taken := refuse(http.StatusMethodNotAllowed, "there is something of that name already")
	if _, isLocked := h.locks.Placeholder(r.name); isLocked || r.name == r.root {
		return taken
	}
	if err := r.confirm(lock.Change{Path: r.name, Content: true, Member: true}); err != nil {
		return err
	}
	if _, err := r.conditions(nil); err != nil {
		return r.notNew(err, taken)
	}
	if err := r.files.mkdir(r.name); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return taken
		}
		return withStatus(err, fs.ErrNotExist, http.StatusConflict, "the parent folder does not exist")
	}
	if err := r.dropStale(); err != nil {
		return err
	}
	r.reserved.Made(r.name)
	if err := r.finishMade(lock.Changed{Path: r.name}); err != nil {
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (r *request) mkcolNames() []lock.Name {
	return []lock.Name{{Path: r.name, Member: true}}
}

// notNew answers a MKCOL whose condition does not hold for what is to be made,
// which is for nothing at all. A condition does not count where the method
// would fail without it (RFC 9110 section 13.2.1), so it is looked at now
// whether it would.
func (r *request) notNew(failed, taken error) error {
	info, err := r.look(r.name)
	switch {
	case err != nil:
		return err
	case info != nil:
		return taken
	}
	if err := r.needParent(r.name); err != nil {
		return err
	}
	return failed
}
