package webdav

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/davheader"
	"github.com/davdisk/davdisk/webdav/internal/lock"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// A transfer is a parsed COPY or MOVE.
type transfer struct {
	source, target fs.FileInfo // target is nil if nothing is there
	to             string
	depth          int  // 0, or -1 for the whole tree
	noOverwrite    bool // Overwrite: F
}

// move serves MOVE in one step of the file system, which never deletes the
// target first. Locks do not move with the resource (RFC 4918 section 7.6), but
// the empty files that they made do.
func (h *Handler) move(w http.ResponseWriter, r *request) error {
	if r.name == r.root {
		return refuse(http.StatusForbidden, "the root of the share cannot be moved")
	}
	return retryOnConflict(func() error { return h.moveOnce(w, r) })
}

func (h *Handler) moveOnce(w http.ResponseWriter, r *request) error {
	t, err := r.transfer()
	if err != nil {
		return err
	}
	if t.source.IsDir() && t.depth == 0 {
		return refuse(http.StatusBadRequest, "a folder is moved with all in it, Depth must be infinity")
	}
	if err := r.mayReplace(t); err != nil {
		return err
	}
	err = r.confirm(
		lock.Change{Path: r.name, Content: true, Tree: true, Member: true},
		t.change(),
	)
	if err != nil {
		return err
	}
	if _, err := r.conditions(t.source); err != nil {
		return err
	}
	if isPlaceholder(t.source) {
		err = r.replaceByEmpty(t)
	} else {
		err = r.files.move(r.name, t.to, t.overwrites())
	}
	if err != nil {
		return t.failed(err)
	}
	recorded := r.reserved.Move(r.principal, r.name, t.to)
	r.realize(t)
	props, err := h.props.Moving(r.name, t.to)
	r.reserved.Record(props...)
	if err := errors.Join(recorded, err, r.finish(lock.Changed{Path: r.name, Tree: true}, lock.Changed{Path: t.to, Tree: true})); err != nil {
		return err
	}
	return t.done(w)
}

func (r *request) moveNames() []lock.Name {
	return r.transferNames(lock.Name{Path: r.name, Tree: true, Member: true})
}

// copy serves COPY, in one step like MOVE. Depth 0 copies a folder without
// its members.
func (h *Handler) copy(w http.ResponseWriter, r *request) error {
	return retryOnConflict(func() error { return h.copyOnce(w, r) })
}

func (h *Handler) copyOnce(w http.ResponseWriter, r *request) error {
	t, err := r.transfer()
	if err != nil {
		return err
	}
	if err := r.mayReplace(t); err != nil {
		return err
	}
	if err := r.confirm(t.change()); err != nil {
		return err
	}
	if _, err := r.conditions(t.source); err != nil {
		return err
	}
	if isPlaceholder(t.source) {
		err = r.replaceByEmpty(t)
	} else {
		err = r.files.copy(r.name, t.to, t.overwrites(), t.depth)
	}
	if err != nil {
		return t.failed(err)
	}
	recorded := r.reserved.Copy(r.principal, r.name, t.to, t.depth < 0)
	r.realize(t)
	props, err := h.props.Copying(r.name, t.to, t.depth < 0)
	r.reserved.Record(props...)
	if err := errors.Join(recorded, err, r.finish(lock.Changed{Path: t.to, Tree: true})); err != nil {
		return err
	}
	return t.done(w)
}

// copyNames has a source that stays where it is and may be written to, but for
// what a lock made there: that is not in the file system, and comes into it with
// the first PUT.
func (r *request) copyNames() []lock.Name {
	shared := !r.handler.locks.HasPlaceholders(r.name)
	return r.transferNames(lock.Name{Path: r.name, Tree: true, Shared: shared})
}

// transferNames has no target if there is no telling where it goes; nothing is changed
// then. A client that was told that the outcome is unknown sends the same request again.
func (r *request) transferNames(source lock.Name) []lock.Name {
	to, err := r.destination()
	if err != nil {
		return []lock.Name{source}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q %q %q", r.Method, r.name, to, r.Header["Overwrite"], r.Header["Depth"]))
	target := lock.Name{Path: to, Tree: true, Member: true, Again: hex.EncodeToString(sum[:16])}
	source.Again = target.Again
	return []lock.Name{target, source}
}

// mayReplace refuses what is requested again and replaces a folder, or a file by one, while
// the outcome of the first is unknown: that is more than one step, and the store refuses a
// later one when the target has been put aside already.
func (r *request) mayReplace(t transfer) error {
	if t.target == nil || !t.source.IsDir() && !t.target.IsDir() || !r.reserved.IsRepeated() {
		return nil
	}
	return refuse(http.StatusLocked, "the outcome of the same request is not known yet, try again later")
}

// A targetExistsError is the failure of a transfer whose target was created
// after it had been checked.
type targetExistsError struct{ error }

func (e targetExistsError) Unwrap() error { return e.error }

// retryOnConflict runs a transfer, and repeats it if its target was created
// meanwhile: locks and conditions may allow replacing it.
func retryOnConflict(do func() error) error {
	const tries = 4
	for range tries - 1 {
		if err := do(); !errors.As(err, new(targetExistsError)) {
			return err
		}
	}
	return do()
}

// transfer parses and checks what COPY and MOVE have in common. Nothing is
// changed before the source is known to exist and the target to be possible.
func (r *request) transfer() (t transfer, err error) {
	if t.source, err = r.mustLook(r.name); err != nil {
		return t, err
	}
	if t.depth, err = r.transferDepth(t.source); err != nil {
		return t, err
	}
	overwrite, err := davheader.ReadOverwrite(r.Header)
	if err != nil {
		return t, badHeader(err)
	}
	t.noOverwrite = !overwrite
	if r.isDir && !t.source.IsDir() {
		return t, errSlash
	}
	if t.to, err = r.destination(); err != nil {
		return t, err
	}
	if err := r.needApart(t); err != nil {
		return t, err
	}
	if r.handler.opts.litter == LitterRefuse && isLitter(t.to) {
		return t, errLitter
	}
	if t.target, err = r.look(t.to); err != nil {
		return t, err
	}
	if t.target == nil {
		return t, r.needParent(t.to)
	}
	if t.noOverwrite {
		return t, refuse(http.StatusPreconditionFailed, "there is something of that name already")
	}
	return t, nil
}

// transferDepth parses the Depth of a COPY or MOVE. It is only defined for
// folders (section 10.2).
func (r *request) transferDepth(source fs.FileInfo) (int, error) {
	if !source.IsDir() {
		return -1, nil
	}
	depth, err := davheader.ReadDepth(r.Header, davheader.DepthInfinity)
	switch {
	case err != nil:
		return 0, badHeader(err)
	case depth == davheader.DepthOne:
		return 0, refuse(http.StatusBadRequest, "Depth must be 0 or infinity")
	case depth == davheader.DepthZero:
		return 0, nil
	}
	return -1, nil
}

// change returns what a transfer does to its target. A name bound to another
// resource is a change of its folder too (section 7).
func (t transfer) change() lock.Change {
	return lock.Change{Path: t.to, Content: true, Tree: t.target != nil, Member: true}
}

// needApart refuses a target that is the source, inside it, or above it (RFC
// 4918 section 9.8.5): replacing a folder by something in it would delete
// both, and a copy into itself would not end.
func (r *request) needApart(t transfer) error {
	switch {
	case t.to == r.name:
		return refuse(http.StatusForbidden, "source and destination are the same")
	case pathtree.Within(r.name, t.to):
		return refuse(http.StatusForbidden, "the destination is a folder that the source is in")
	case pathtree.Within(t.to, r.name):
		return refuse(http.StatusForbidden, "the destination is within the source")
	}
	return nil
}

// overwrites reports whether the target may be replaced: only if it existed when
// the request was checked, so that a resource created meanwhile is not lost.
func (t transfer) overwrites() bool { return t.target != nil && !isPlaceholder(t.target) }

// failed maps the errors of a transfer: fs.ErrNotExist is not about the source,
// which has been seen, and 412 is only for requests with a condition (RFC 4918
// section 12.1).
func (t transfer) failed(err error) error {
	if !t.noOverwrite {
		err = withStatus(err, fs.ErrExist, http.StatusConflict, "something else has come to the destination meanwhile")
	}
	if errors.Is(err, fs.ErrExist) {
		err = targetExistsError{err}
	}
	return withStatus(err, fs.ErrNotExist, http.StatusConflict, "the source or the destination's folder has gone")
}

// done answers 201 for a new name and 204 for a replaced one.
func (t transfer) done(w http.ResponseWriter) error {
	if t.target != nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// replaceByEmpty moves or copies a placeholder, which is not stored: at a free
// name it stays a placeholder, and a resource that it replaces becomes an empty
// file.
func (r *request) replaceByEmpty(t transfer) error {
	if !t.overwrites() {
		return nil
	}
	_, err := r.files.put(t.to, http.NoBody, 0, time.Time{}, "", false)
	return err
}

// realize notifies the lock table that a placeholder at the target has
// become a stored file.
func (r *request) realize(t transfer) {
	if isPlaceholder(t.source) && t.overwrites() {
		r.reserved.Realize(t.to)
	}
}

// badHeader returns the error for a malformed header.
func badHeader(err error) error {
	return &statusError{status: http.StatusBadRequest, reason: err.Error(), cause: err}
}
