package webdav

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"

	"github.com/davdisk/davdisk/internal/reading"
	"github.com/davdisk/davdisk/internal/rival"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// put serves PUT. Everything known from the header is checked before the body
// is read, so that a client which sends Expect: 100-continue does not send a
// body that is refused. The body is stored whole or not at all.
func (h *Handler) put(w http.ResponseWriter, r *request) error {
	if err := r.acceptable(); err != nil {
		return err
	}
	old, err := r.look(r.name)
	if err != nil {
		return err
	}
	if old != nil && old.IsDir() {
		return refuse(http.StatusMethodNotAllowed, "a folder cannot be written to")
	}
	if old == nil || isPlaceholder(old) {
		if err := r.needParent(r.name); err != nil {
			return err
		}
	}
	if err := r.confirm(lock.Change{Path: r.name, Content: true, Member: old == nil}); err != nil {
		return err
	}
	g, err := r.conditions(old)
	if err != nil {
		return err
	}
	if old == nil {
		if err := r.dropStale(); err != nil {
			return err
		}
	}
	body, err := r.upload()
	if err != nil {
		return err
	}
	if err := r.needSpace(body.size); err != nil {
		return err
	}
	mtime, hasTime := requestedModTime(r.Header)
	info, err := r.files.put(r.name, body, body.size, mtime, g.ifMatch, g.ifAbsent)
	if errors.Is(err, rival.ErrReplaced) {
		return r.replaced(w)
	}
	if err != nil {
		if body.failure != nil {
			err = body.failure
		}
		if isPlaceholder(old) && !r.reserved.First() {
			err = withStatus(err, fs.ErrExist, http.StatusLocked, "another request has stored the file meanwhile, try again")
		}
		return withStatus(err, fs.ErrNotExist, http.StatusConflict, "the parent folder does not exist")
	}
	entityTag(info) // a lazy one is of this file only while the name is reserved
	isNew := old == nil
	if isNew || isPlaceholder(old) {
		r.reserved.Made(r.name)
	}
	if err := r.finishMade(r.putChanged(info)); err != nil {
		return err
	}
	isNew = isNew && r.reserved.First()
	setValidators(w.Header(), info)
	if hasTime && info.ModTime().Unix() == mtime.Unix() {
		w.Header().Set("X-OC-MTime", "accepted")
	}
	w.Header().Set("Content-Length", "0")
	if isNew {
		w.WriteHeader(http.StatusCreated)
	} else {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// replaced answers a PUT whose file another gateway has replaced by its own since,
// and told so: it has succeeded, and what is there now is not its.
func (r *request) replaced(w http.ResponseWriter) error {
	if err := r.finish(lock.Changed{Path: r.name}); err != nil {
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// acceptable refuses a request that would store something other than the file:
// a part of it (RFC 9110 section 14.5; Cyberduck resumes uploads that way), or
// a file with the name of a folder.
func (r *request) acceptable() error {
	if len(r.Header.Values("Content-Range")) > 0 {
		return refuse(http.StatusBadRequest, "a part of a file cannot be stored, send it whole")
	}
	if r.isDir {
		return refuse(http.StatusMethodNotAllowed, "a path that ends in a slash is a folder")
	}
	return nil
}

// needSpace refuses a body that does not fit before the client sends it. If the
// file system fails to report its space, the body is accepted.
func (r *request) needSpace(size int64) error {
	if size <= 0 || !strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		return nil
	}
	if space := r.spaces.in(r.name); space.err == nil && space.total > 0 && size > space.total-space.used {
		return &statusError{
			status: http.StatusInsufficientStorage, reason: "not enough space",
			precondition: davxml.Precondition{Name: davxml.QuotaNotExceeded},
		}
	}
	return nil
}

// putNames lets others PUT the same file meanwhile, or a client that has lost its
// connection could not begin anew: the last one to be stored wins, each whole. But
// gateways compare a version each for itself: who names one is let in alone.
func (r *request) putNames() []lock.Name {
	alone := r.handler.opts.engine != nil && r.namesVersion()
	return []lock.Name{{Path: r.name, Shared: !alone, Member: true, Waits: r.waits()}}
}

// shortBody is the size up to which a body is expected to come at once.
const shortBody = 1 << 20

// waits reports whether nothing is stored before the log has been told that the body
// has come to its end: other gateways may then have the name as soon as this one is
// expelled. That is an entry more, and not worth it for a body that comes at once.
func (r *request) waits() bool {
	return r.handler.opts.engine != nil && (r.ContentLength < 0 || r.ContentLength > shortBody)
}

// namesVersion reports whether the request is to replace a certain version of the
// file, or none.
func (r *request) namesVersion() bool {
	for _, name := range []string{"If-Match", "If-None-Match", "If-Unmodified-Since"} {
		if len(r.Header.Values(name)) > 0 {
			return true
		}
	}
	return strings.Contains(strings.Join(r.Header.Values("If"), ""), "[")
}

// An upload is the body of a PUT. It ends with io.EOF only if it is whole; the
// file system then stores it, and on any other error keeps what it has.
type upload struct {
	body    io.Reader
	size    int64 // -1: unknown
	sums    []checksum
	whole   func() error // called at its end, before it is told
	failure error        // what ended the body, if it was not its end
}

// upload makes the body of a PUT. Finder sends files in chunks and tells their
// size in a header of its own; the size is then as binding as a
// Content-Length.
func (r *request) upload() (*upload, error) {
	sums, err := announcedChecksums(r.Header)
	u := &upload{size: r.ContentLength, sums: sums, whole: func() error { return nil }}
	if r.waits() {
		u.whole = func() error { return r.reserved.Begin(r.Context()) }
	}
	if u.size < 0 {
		if n, err := strconv.ParseInt(r.Header.Get("X-Expected-Entity-Length"), 10, 64); err == nil && n >= 0 {
			u.size = n
		}
	}
	u.body = reading.Exactly(r.Body, u.size)
	return u, err
}

func (u *upload) Read(p []byte) (int, error) {
	if u.failure != nil {
		return 0, u.failure
	}
	n, err := u.body.Read(p)
	for _, sum := range u.sums {
		sum.Write(p[:n])
	}
	switch {
	case err == io.EOF:
		if u.failure = u.check(); u.failure == nil {
			return n, io.EOF
		}
	case err != nil:
		u.failure = bodyFailure(err)
	default:
		return n, nil
	}
	return 0, u.failure
}

// check judges a body that has come to its end.
func (u *upload) check() error {
	for _, sum := range u.sums {
		if !sum.holds() {
			return refuse(http.StatusBadRequest, "the body does not have the checksum that was announced")
		}
	}
	return u.whole()
}

// bodyFailure returns the error for a body that cannot be read to its end,
// which is the client's fault unless the server is ending. The connection is
// closed, because the start of the next request is unknown.
func bodyFailure(err error) error {
	failure := &statusError{status: http.StatusBadRequest, reason: "the body broke off", cause: err, hangUp: true}
	var tooLarge *http.MaxBytesError
	var length *reading.LengthError
	code, _ := statusOf(err)
	switch {
	case errors.As(err, &length):
		return refuse(http.StatusBadRequest, length.Error())
	case errors.As(err, &tooLarge):
		failure.status, failure.reason = http.StatusRequestEntityTooLarge, "the body is too large"
	case errors.As(err, new(endedError)):
		failure.status, failure.reason = http.StatusServiceUnavailable, err.Error()
	case code == http.StatusRequestTimeout:
		failure.status, failure.reason = code, "the body stood still for too long"
	}
	return failure
}
