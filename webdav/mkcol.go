package webdav

import (
	"io/fs"
	"net/http"

	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// mkcol serves MKCOL: 405 if something is there, 409 without a parent, 415 for
// a body, which nobody has defined (RFC 4918 section 9.3).
func (h *Handler) mkcol(w http.ResponseWriter, r *request) error {
	if r.hasBody() {
		return refuse(http.StatusUnsupportedMediaType, "MKCOL takes no body")
	}
	old, err := r.look(r.name)
	if err != nil {
		return err
	}
	if old != nil && !isPlaceholder(old) {
		return refuse(http.StatusMethodNotAllowed, "there is something of that name already")
	}
	if err := r.needParent(r.name); err != nil {
		return err
	}
	if err := r.confirm(lock.Change{Path: r.name, Content: true, Member: old == nil}); err != nil {
		return err
	}
	if _, err := r.conditions(old); err != nil {
		return err
	}
	if err := r.files.mkdir(r.name); err != nil {
		err = instead(err, fs.ErrExist, http.StatusMethodNotAllowed, "there is something of that name already")
		return instead(err, fs.ErrNotExist, http.StatusConflict, "the parent folder does not exist")
	}
	if err := h.locks.Realize(r.name); err != nil {
		h.opts.log.Warn("a lock could not be recorded", "error", err)
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// hasBody tells whether a request has a body, also one of unknown length: the
// first byte of that decides.
func (r *request) hasBody() bool {
	if r.ContentLength >= 0 {
		return r.ContentLength > 0
	}
	n, _ := r.Body.Read(make([]byte, 1))
	return n > 0
}
