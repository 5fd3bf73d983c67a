package webdav

import (
	"bytes"
	"errors"
	"io/fs"
	"net/http"

	"github.com/davdisk/davdisk/webdav/internal/davheader"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// lock serves LOCK (RFC 4918 section 9.10): a new lock, or the refresh of one
// if there is no body. A lock on a name that does not exist makes a
// placeholder here and nothing in the store, and is answered 201.
func (h *Handler) lock(w http.ResponseWriter, r *request) error {
	asked, err := davxml.ReadLockInfo(r.xmlBody())
	if err != nil {
		return badXML(err)
	}
	if asked == nil {
		return r.refresh(w)
	}
	granted, info, err := r.newLock(asked)
	if err != nil {
		return err
	}
	w.Header().Set("Lock-Token", "<"+granted.Token+">")
	status := http.StatusOK
	if info == nil && !wantsLockNull(r.Request) {
		status = http.StatusCreated
	}
	return r.writeLock(w, status, granted, subject{name: r.name, info: info})
}

// newLock creates a lock while the name is reserved. info is what existed
// before, nil if the lock made a placeholder.
func (r *request) newLock(asked *davxml.LockInfo) (granted lock.Lock, info fs.FileInfo, err error) {
	depth, err := davheader.ReadDepth(r.Header, davheader.DepthInfinity)
	if err != nil {
		return granted, nil, badHeader(err)
	}
	if depth == davheader.DepthOne {
		return granted, nil, refuse(http.StatusBadRequest, "Depth must be 0 or infinity")
	}
	if err := r.reserve(lock.Name{Path: r.name, Tree: depth == davheader.DepthInfinity, Member: true, Lock: true}); err != nil {
		return granted, nil, err
	}
	defer r.reserved.Release()
	if err := r.readIf(); err != nil {
		return granted, nil, err
	}
	if info, err = r.look(r.name); err != nil {
		return granted, nil, err
	}
	if info == nil {
		if err := r.needNewName(); err != nil {
			return granted, nil, err
		}
	}
	if _, err := r.conditions(info); err != nil {
		return granted, nil, err
	}
	if info == nil {
		if err := r.dropStale(); err != nil {
			return granted, nil, err
		}
	}
	granted, err = r.reserved.Create(lock.Request{
		Root:      r.name,
		Infinite:  depth == davheader.DepthInfinity,
		Shared:    asked.Shared,
		Owner:     asked.Owner,
		Principal: r.principal,
		Timeout:   davheader.ReadTimeout(r.Header),
		Missing:   info == nil || isPlaceholder(info),
	})
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		return granted, nil, r.notGranted(err)
	}
	return granted, info, nil
}

// notGranted returns the error for a lock that conflicts with others: 423 if
// they cover the resource itself; if they are on its members only, a 207 that
// names these, and the resource with 424 (section 9.10.3).
func (r *request) notGranted(err error) error {
	var conflict *lock.ConflictError
	if !errors.As(err, &conflict) {
		return withStatus(err, lock.ErrTooMany, http.StatusInsufficientStorage, "too many locks are held; some must end first")
	}
	var members []davxml.Response
	for _, root := range conflict.Roots {
		if root == r.name || !pathtree.Within(root, r.name) {
			return r.locked(err, davxml.NoConflictingLock)
		}
		members = append(members, r.lockedMember(root, davxml.NoConflictingLock))
	}
	members = append(members, davxml.Response{Href: r.href(r.name, true), Status: http.StatusFailedDependency})
	return &statusError{status: http.StatusMultiStatus, reason: "something within is locked", cause: err, members: members}
}

// needNewName checks that a name can be created: its folder must exist and not
// be locked by another.
func (r *request) needNewName() error {
	if r.isDir {
		return refuse(http.StatusConflict, "there is no such folder")
	}
	if err := r.needParent(r.name); err != nil {
		return err
	}
	return r.confirm(lock.Change{Path: r.name, Member: true})
}

// refresh restarts the timeout of a lock (section 9.10.2). The If header names
// the lock; Depth is ignored.
func (r *request) refresh(w http.ResponseWriter) error {
	if err := r.readIf(); err != nil {
		return err
	}
	info, err := r.look(r.name)
	if err != nil {
		return err
	}
	if len(r.tokens) == 0 {
		return refuse(http.StatusBadRequest, "a LOCK without a body refreshes the lock that the If header names")
	}
	timeout := davheader.ReadTimeout(r.Header)
	for _, token := range r.tokens {
		refreshed, err := r.handler.locks.Refresh(r.name, r.principal, token, timeout)
		switch {
		case err == nil:
			return r.writeLock(w, http.StatusOK, refreshed, subject{name: r.name, info: info})
		case !errors.Is(err, lock.ErrNoLock):
			return err
		}
	}
	return noSuchLock(http.StatusPreconditionFailed)
}

// unlock serves UNLOCK (section 9.11).
func (h *Handler) unlock(w http.ResponseWriter, r *request) error {
	token, err := davheader.ReadLockToken(r.Header)
	if err != nil {
		return badHeader(err)
	}
	err = r.unlock(token)
	if errors.Is(err, lock.ErrNoLock) {
		return noSuchLock(http.StatusConflict)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// unlock ends a lock when what was begun under it has ended. Only a request with
// a condition reserves the names, for the time between its condition and its
// effect.
func (r *request) unlock(token string) error {
	locks := r.handler.locks
	if len(r.Header.Values("If")) == 0 {
		return r.busy(locks.UnlockWhenFree(r.Context(), r.name, r.principal, token))
	}
	if err := r.reserve(locks.Guarded(r.name, token)...); err != nil {
		return err
	}
	defer r.reserved.Release()
	if err := r.readIf(); err != nil {
		return err
	}
	if err := r.reserved.Unlock(r.name, r.principal, token); err != nil {
		return err
	}
	return r.finish()
}

func noSuchLock(status int) error {
	return &statusError{
		status: status, reason: "no such lock here",
		precondition: davxml.Precondition{Name: davxml.LockTokenMatchesRequestURI},
	}
}

// writeLock writes the response to LOCK.
func (r *request) writeLock(w http.ResponseWriter, status int, l lock.Lock, at subject) error {
	var body bytes.Buffer
	if err := davxml.WriteProp(&body, davxml.AppendLockDiscovery(nil, r.activeLock(l, &at))); err != nil {
		return err
	}
	if at.info != nil && at.info.IsDir() {
		r.setContentLocation(w)
	}
	w.Header().Set("Content-Type", davxml.ContentType)
	w.WriteHeader(status)
	if _, err := body.WriteTo(w); err != nil {
		r.handler.clientGone(r, err)
	}
	return nil
}

// activeLocks returns the locks that cover a resource.
func (r *request) activeLocks(s *subject) []davxml.ActiveLock {
	if s.unlocked {
		return nil
	}
	var shown []davxml.ActiveLock
	for _, l := range r.handler.locks.Covering(s.name) {
		shown = append(shown, r.activeLock(l, s))
	}
	return shown
}

// activeLock returns a lock that covers a resource. If it is not rooted at
// the resource itself it is rooted at a folder.
func (r *request) activeLock(l lock.Lock, s *subject) davxml.ActiveLock {
	return davxml.ActiveLock{
		Shared:   l.Shared,
		Infinite: l.Infinite,
		Owner:    l.Owner,
		Timeout:  l.Remaining(r.handler.opts.now()),
		Token:    l.Token,
		Root:     r.href(l.Root, l.Root != s.name || s.info != nil && s.info.IsDir()),
	}
}

// confirm checks that locks allow the changes (section 7.5): 423 with the
// roots of the locks in the way if not. If these are all on members of a tree
// that changes as a whole, the answer is a 207 that names them, and not what
// is above them (section 9.6.1), and nothing is done: neither they nor what is
// beside them.
func (r *request) confirm(changes ...lock.Change) error {
	err := r.handler.locks.Confirm(r.principal, r.tokens, changes...)
	var conflict *lock.ConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	var members []davxml.Response
	for _, root := range conflict.Roots {
		for _, change := range changes {
			if change.Tree && pathtree.Within(root, change.Path) {
				members = append(members, r.lockedMember(root, davxml.LockTokenSubmitted))
				break
			}
		}
	}
	if len(members) < len(conflict.Roots) {
		return r.locked(err, davxml.LockTokenSubmitted)
	}
	return &statusError{status: http.StatusMultiStatus, reason: "something within is locked", cause: err, members: members}
}

// locked turns a conflict of locks into 423 with the failed precondition.
func (r *request) locked(err error, condition string) error {
	var conflict *lock.ConflictError
	if !errors.As(err, &conflict) {
		return err
	}
	hrefs := make([]string, len(conflict.Roots))
	for i, root := range conflict.Roots {
		hrefs[i] = r.rootHref(root)
	}
	return &statusError{
		status: http.StatusLocked, reason: "locked", cause: err,
		precondition: davxml.Precondition{Name: condition, Hrefs: hrefs},
	}
}

// lockedMember returns the response of a 207 for a conflicting lock, by its root.
func (r *request) lockedMember(root, condition string) davxml.Response {
	href := r.rootHref(root)
	return davxml.Response{
		Href: href, Status: http.StatusLocked,
		Error: &davxml.Precondition{Name: condition, Hrefs: []string{href}},
	}
}

// rootHref returns the URL of a lock's root, in the form of PROPFIND. Whether it
// is a folder has to be looked up: a lock only knows its name.
func (r *request) rootHref(root string) string {
	info, err := r.look(root)
	return r.href(root, err == nil && info != nil && info.IsDir())
}
