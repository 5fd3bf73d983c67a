package webdav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/unsettled"
	"github.com/davdisk/davdisk/webdav/internal/lock"
	"github.com/davdisk/davdisk/webdav/internal/propstore"
)

// A Handler serves one file system. It is safe for concurrent use.
type Handler struct {
	opts       *options
	fs         xdav.FileSystem
	judge      *judge
	plain      plain
	litter     *litterStore // nil unless litter is kept aside
	locks      *lock.Table
	props      *propstore.Store
	live       map[xml.Name]*liveProperty
	allprop    []xml.Name
	buffers    buffers // of answers to PROPFIND
	osFiles    osFileSender
	zips       *zips
	operations map[string]operation
}

// An operation is how one HTTP method is served.
type operation struct {
	serve func(w http.ResponseWriter, r *request) error
	// names are reserved while the method is served. A method that changes
	// something and has none reserves them itself, when it has read its body, and
	// then judges the If header.
	names func(r *request) []lock.Name
	// changes reports that the method changes something and is refused on a
	// read-only share.
	changes bool
	// creates reports that the method may create the resource in the URL.
	creates bool
	// bodyless reports that a body would be ignored, so that a request with
	// one is refused with 415 (RFC 4918 section 8.4).
	bodyless bool
}

// NewHandler returns a handler for a file system of afero: it is [New]
// of [FromAfero], and uses the abilities of fs itself.
func NewHandler(fs afero.Fs, opts ...Option) (*Handler, error) { return New(FromAfero(fs), opts...) }

// New returns a handler for a file system of golang.org/x/net/webdav, to
// replace that package's Handler. It honors x/net's ETager, ContentTyper and
// DeadPropsHolder. It does not call fs; it fails if an option is invalid or the
// state folder cannot be used.
func New(fs xdav.FileSystem, opts ...Option) (*Handler, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	h := &Handler{opts: o, fs: fs, judge: &judge{log: o.log, strict: o.strict}, zips: newZips(), osFiles: newOSFileSender()}
	if a, ok := fs.(*fromAfero); ok {
		if err := h.judge.fs(a.fs); err != nil {
			return nil, err
		}
	}
	h.operations = map[string]operation{
		http.MethodOptions: {serve: h.options},
		http.MethodGet:     {serve: h.get},
		http.MethodHead:    {serve: h.get},
		"PROPFIND":         {serve: h.propfind},
		http.MethodPut:     {serve: h.put, names: (*request).putNames, changes: true, creates: true},
		http.MethodDelete:  {serve: h.delete, names: (*request).deleteNames, changes: true, bodyless: true},
		"MKCOL":            {serve: h.mkcol, names: (*request).mkcolNames, changes: true, creates: true, bodyless: true},
		"COPY":             {serve: h.copy, names: (*request).copyNames, changes: true, bodyless: true},
		"MOVE":             {serve: h.move, names: (*request).moveNames, changes: true, bodyless: true},
		"PROPPATCH":        {serve: h.proppatch, changes: true},
		"LOCK":             {serve: h.lock, changes: true, creates: true},
		"UNLOCK":           {serve: h.unlock, changes: true, bodyless: true},
	}
	if o.litter == LitterLocal {
		if h.litter, err = newLitterStore(o.stateFolder("litter")); err != nil {
			return nil, err
		}
	}
	if h.locks, err = lock.Open(o.stateFolder("locks"), o.lockOptions()); err != nil {
		return nil, err
	}
	if h.props, err = propstore.Open(o.stateFolder("properties"), propstore.Options{Engine: o.engine}); err != nil {
		return nil, errors.Join(err, h.locks.Close())
	}
	h.live = liveProperties()
	h.allprop = allpropNames(h.live)
	return h, nil
}

// stateFolder returns a subfolder of the state folder, or "" if state is
// kept in memory.
func (o *options) stateFolder(name string) string {
	if o.state == "" {
		return ""
	}
	return filepath.Join(o.state, name)
}

// allowed lists the methods for the Allow header, but for the one that was
// refused, and on a read-only share those that change something.
func (h *Handler) allowed(refused string, readOnly bool) string {
	methods := make([]string, 0, len(h.operations))
	for method, op := range h.operations {
		if method != refused && !(op.changes && readOnly) {
			methods = append(methods, method)
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// isReadOnly reports whether the sender of a request is refused every change.
func (h *Handler) isReadOnly(req *http.Request) bool {
	user, ok := PrincipalFromContext(req.Context())
	return h.opts.readOnly || ok && user.ReadOnly
}

// Close closes the state folder. No request may be in progress.
func (h *Handler) Close() error { return errors.Join(h.locks.Close(), h.props.Close()) }

// A request is an HTTP request with its parsed path.
type request struct {
	*http.Request
	handler *Handler
	files   files
	root    string // the user's root folder
	name    string // the resource, in the file system
	isDir   bool   // the path ends in a slash
	// spelling is the path of name as the client wrote it, without a slash at its
	// end, if hasSpelling.
	spelling    string
	hasSpelling bool
	principal   string             // the user's name, "" without one
	readOnly    bool               // every change is refused
	tokens      []string           // the lock tokens that the If header submits
	judged      *guard             // what the If header was judged by, if by the entity tag of the resource
	reserved    *lock.Reservation  // what the request changes, once it has begun
	unsettled   *unsettled.Changes // those that may still take effect
	spaces      spaces
}

// ServeHTTP implements http.Handler. Errors become a status here and nowhere else.
func (h *Handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if h.operations[req.Method].changes {
		whole, done := untilComplete(w, req)
		defer done()
		req = whole
	}
	was := h.epoch()
	if h.opts.engine != nil {
		req = req.WithContext(cluster.WithEpoch(req.Context(), was))
	}
	err := h.serve(w, req)
	if err != nil && h.operations[req.Method].changes {
		err = h.asMember(was, err)
	}
	if err != nil {
		h.logError(req, err)
		if code, _ := statusOf(err); code == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", h.allowed(req.Method, h.isReadOnly(req))) // RFC 9110 section 15.5.6
		}
		err = forClient(req, err)
		if page, ok := h.opts.page.(ErrorPage); ok && wantsErrorPage(req) {
			page.ServeError(w, req, errorHeader(w, err), reasonOf(err), Folder{Prefix: h.publicPrefix()}.Href("/", true))
			return
		}
		writeError(w, err)
	}
}

// serve resolves the method and the resource, and serves the request.
func (h *Handler) serve(w http.ResponseWriter, req *http.Request) error {
	op, ok := h.operations[req.Method]
	pageName, toPage := h.pageName(req)
	if !ok && !toPage {
		return refuse(http.StatusMethodNotAllowed, "the method is not supported here")
	}
	if req.Method == http.MethodOptions {
		return h.options(w, &request{Request: req, handler: h, readOnly: h.isReadOnly(req)})
	}
	req, known, changes := h.amongOthers(req)
	if req.Method == http.MethodPut {
		var done func()
		req, done = h.whileMember(req)
		defer done()
	}
	files, err := h.bind(req)
	if err != nil {
		return err
	}
	r := &request{Request: req, handler: h, root: "/", files: files, readOnly: h.isReadOnly(req), unsettled: changes}
	if user, ok := PrincipalFromContext(req.Context()); ok {
		r.principal, r.root = user.Name, r.inAnyForm(path.Clean("/"+user.Root))
		if err := r.confine(user); err != nil {
			return err
		}
	}
	if toPage {
		return h.servePage(w, r, pageName)
	}
	if op.changes && r.readOnly {
		return refuse(http.StatusForbidden, "the share is read-only")
	}
	if op.changes && (req.URL.RawQuery != "" || req.URL.ForceQuery) {
		// A client that sends "what?.txt" unescaped would change "what".
		return refuse(http.StatusBadRequest, "an address here has no query; a ? in a name is written %3F")
	}
	decoded, err := stripPrefix(req.URL.Path, h.opts.prefix)
	if err != nil && req.Method == "PROPFIND" && h.isAbove(req.URL.Path) {
		return h.above(w, req)
	}
	if err != nil {
		return refuse(http.StatusNotFound, "there is nothing outside of "+h.publicPrefix()+"/")
	}
	name, isDir, err := cleanPath(decoded)
	if err != nil {
		return err
	}
	r.isDir = isDir
	r.spaces.files = r.files
	if r.root != "/" {
		name = path.Join(r.root, name)
	}
	r.name = r.resolve(name)
	r.spell()
	if op.creates && h.opts.litter == LitterRefuse && isLitter(r.name) {
		return errLitter
	}
	if op.bodyless {
		if err := r.needNoBody(); err != nil {
			return err
		}
	}
	if err := r.needPlainBody(); err != nil {
		return err
	}
	if op.names != nil {
		if err := r.reserve(op.names(r)...); err != nil {
			return err
		}
		defer r.release()
		if known != nil {
			known.name, known.reserved = r.name, r.reserved
		}
	}
	if !op.changes || op.names != nil { // else it is judged when the names are reserved, and once
		if err := r.readIf(); err != nil {
			return err
		}
	}
	return op.serve(w, r)
}

// abort ends a request whose response has begun: a truncated response must
// not look complete.
func (h *Handler) abort(r *request, err error) {
	if r.Context().Err() != nil {
		h.clientGone(r, err)
	}
	h.opts.log.Warn("answer broken off", "method", r.Method, "path", r.URL.Path, "error", err)
	panic(http.ErrAbortHandler)
}

// clientGone is abort for a client that closed the connection. Players do
// so with each seek, so it is only logged at level debug.
func (h *Handler) clientGone(r *request, err error) {
	h.opts.log.Debug("the client left", "method", r.Method, "path", r.URL.Path, "error", err)
	panic(http.ErrAbortHandler)
}

// options serves OPTIONS. The response is the same on every path, and outside
// of the prefix too: Windows asks "/" and Office the folders above a document,
// and both give up, or open read-only, if these do not support DAV. There are
// no locks where nothing can be changed, so that Finder mounts such a share
// read-only.
func (h *Handler) options(w http.ResponseWriter, r *request) error {
	header := w.Header()
	if r.readOnly {
		header.Set("DAV", "1")
	} else {
		header.Set("DAV", "1, 2")
	}
	header.Set("MS-Author-Via", "DAV")
	header.Set("Allow", h.allowed("", r.readOnly))
	header.Set("Accept-Ranges", "bytes")
	header.Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// logError logs the details of an error that the client does not get.
func (h *Handler) logError(req *http.Request, err error) {
	code, _ := statusOf(err)
	if code < 500 || req.Context().Err() != nil { // refused, or the client went away
		h.opts.log.Debug("request refused", "method", req.Method, "path", req.URL.Path, "status", code, "error", err)
		return
	}
	h.opts.log.Warn("request failed", "method", req.Method, "path", req.URL.Path, "status", code, "error", err)
}

// Locks returns how many locks there are; ended ones are counted until something
// else changes.
func (h *Handler) Locks() int { return h.locks.Len() }
