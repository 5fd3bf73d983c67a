package webdav

import (
	"io/fs"
	"net/http"

	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// mkcol serves MKCOL (RFC 4918 section 9.3): 405 if something is there, be it
// the placeholder of a lock (section 7.3), and 409 without a parent.
func (h *Handler) mkcol(w http.ResponseWriter, r *request) error {
	old, err := r.look(r.name)
	if err != nil {
		return err
	}
	if old != nil {
		return refuse(http.StatusMethodNotAllowed, "there is something of that name already")
	}
	if err := r.needParent(r.name); err != nil {
		return err
	}
	if err := r.confirm(lock.Change{Path: r.name, Content: true, Member: true}); err != nil {
		return err
	}
	if _, err := r.conditions(nil); err != nil {
		return err
	}
	if err := r.files.mkdir(r.name); err != nil {
		err = instead(err, fs.ErrExist, http.StatusMethodNotAllowed, "there is something of that name already")
		return instead(err, fs.ErrNotExist, http.StatusConflict, "the parent folder does not exist")
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}
