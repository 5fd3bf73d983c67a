package webdav

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
	"syscall"

	"github.com/davdisk/davdisk/internal/ownname"
)

// PagePath is the folder of a share whose addresses belong to its page, if that
// is a [PageServer]. A file of that name in the root of a share is not reached.
const PagePath = "/.davdisk"

// A PageServer is a [Page] that also answers all requests at and below
// [PagePath], of any method but OPTIONS.
type PageServer interface {
	Page
	// ServePage answers req. name is what follows PagePath in its address:
	// "/static/app.js". Of an error holds what is said of [Page].
	ServePage(w http.ResponseWriter, req *http.Request, name string, share Share) error
}

// An ErrorPage is a [Page] that words errors for people: those of GET and HEAD
// by a client that accepts text/html.
type ErrorPage interface {
	Page
	// ServeError writes status and body; the header has what else belongs to
	// the status. reason may be shown, and may be empty; root is the address of
	// the share.
	ServeError(w http.ResponseWriter, req *http.Request, status int, reason, root string)
}

// A Share is what a [PageServer] answers for: the files of a request's user.
type Share struct {
	// Prefix precedes every name in a URL: "" or "/dav".
	Prefix string
	// ReadOnly reports whether every change is refused.
	ReadOnly bool
	// Root is the user's root folder in the file system of the handler: "/" or
	// "/home/anna".
	Root string
	// FS has the files below Root, without what the handler hides; [EntityTag]
	// returns the tags of its infos. It ends with the request.
	FS fs.FS
}

// EntityTag returns the entity tag that a [Handler] shows for what info
// describes, or "".
func EntityTag(info fs.FileInfo) string { return entityTag(info) }

// pageName returns what follows PagePath in the path of a request, and whether
// the page answers it.
func (h *Handler) pageName(req *http.Request) (name string, ok bool) {
	if _, serves := h.opts.page.(PageServer); !serves {
		return "", false
	}
	below, err := stripPrefix(req.URL.Path, h.opts.prefix)
	if err != nil {
		return "", false
	}
	name, err = stripPrefix(below, PagePath)
	return name, err == nil
}

// servePage hands a request to the page.
func (h *Handler) servePage(w http.ResponseWriter, r *request, name string) error {
	return h.opts.page.(PageServer).ServePage(w, r.Request, name, Share{
		Prefix: h.publicPrefix(), ReadOnly: r.readOnly, Root: r.root, FS: view{r},
	})
}

// errPagePath refuses to create what could not be reached.
var errPagePath = refuse(http.StatusForbidden, "names below "+PagePath+" belong to the page")

// wantsErrorPage reports whether an error is to be shown to a person.
func wantsErrorPage(req *http.Request) bool {
	return (req.Method == http.MethodGet || req.Method == http.MethodHead) && strings.Contains(req.Header.Get("Accept"), "text/html")
}

// view is the files of a request's user as an io/fs file system.
type view struct{ r *request }

var (
	_ fs.StatFS    = view{}
	_ fs.ReadDirFS = view{}
)

// at is the name in the file system.
func (v view) at(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	for segment := range strings.SplitSeq(name, "/") {
		if ownname.Is(segment) {
			return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
		}
	}
	return v.r.resolve(path.Join(v.r.root, name)), nil
}

// Open implements fs.FS. What is open can be read; folders are listed by
// ReadDir.
func (v view) Open(name string) (fs.File, error) {
	at, err := v.at("open", name)
	if err != nil {
		return nil, err
	}
	return v.r.files.open(at)
}

// Stat implements fs.StatFS.
func (v view) Stat(name string) (fs.FileInfo, error) {
	at, err := v.at("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := v.r.files.stat(at)
	if isMissing(err) {
		if p := v.r.placeholder(at); p != nil {
			return p, nil
		}
	}
	return info, err
}

// ReadDir implements fs.ReadDirFS, sorted by name.
func (v view) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := v.at("readdir", name)
	if err != nil {
		return nil, err
	}
	info, err := v.r.files.stat(at)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	infos, err := v.r.children(at)
	if err != nil {
		return nil, err
	}
	entries := make([]fs.DirEntry, len(infos))
	for i, info := range infos {
		entries[i] = fs.FileInfoToDirEntry(info)
	}
	return entries, nil
}
