package webdav

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// A Page serves GET and HEAD of a folder to browsers. It must be safe for
// concurrent use.
type Page interface {
	// ServeFolder serves req, whose method is GET or HEAD. If it returns an
	// error it must not have written anything; the error becomes a response
	// like any other error of the handler. A failure after the first write is a
	// panic with http.ErrAbortHandler.
	ServeFolder(w http.ResponseWriter, req *http.Request, folder Folder) error
}

// A Folder is what a [Page] shows.
type Folder struct {
	// Name is absolute, slash-separated and clean, and begins at the root of
	// the user: "/" or "/a/b".
	Name string
	// Prefix precedes every name in a URL: "" or "/dav".
	Prefix string
	// ReadOnly reports that every change is refused.
	ReadOnly bool
	// Entries lists the folder. Each call reads the file system and returns its
	// error; the infos may have abilities ([ETager], [ContentTyper], …).
	Entries func() ([]fs.FileInfo, error)
}

// Href returns the URL path of a name, as the handler itself writes it: absolute,
// escaped, with a trailing slash for a folder.
func (f Folder) Href(name string, isDir bool) string {
	if isDir && !strings.HasSuffix(name, "/") {
		name += "/"
	}
	return escapePath(f.Prefix + name)
}

// escapePath writes a path as an address.
func escapePath(name string) string { return (&url.URL{Path: name}).EscapedPath() }

// folder serves GET and HEAD of a folder by the page.
func (h *Handler) folder(w http.ResponseWriter, r *request) error {
	r.setContentLocation(w)
	return h.opts.page.ServeFolder(w, r.Request, Folder{
		Name:     r.visible(r.name),
		Prefix:   h.publicPrefix(),
		ReadOnly: r.readOnly,
		Entries:  func() ([]fs.FileInfo, error) { return r.children(r.name) },
	})
}

// children lists what is in a folder.
func (r *request) children(folder string) ([]fs.FileInfo, error) {
	self, children, err := r.files.list(folder)
	if err == nil && !self.IsDir() {
		err = refuse(http.StatusServiceUnavailable, "the folder has just been replaced by a file")
	}
	if err != nil {
		return nil, err
	}
	return r.withPlaceholders(folder, children), nil
}

// plainPage is the page of a handler without [WithPage]: the URLs of the members,
// one a line.
type plainPage struct{}

// ServeFolder implements [Page].
func (plainPage) ServeFolder(w http.ResponseWriter, req *http.Request, folder Folder) error {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-cache")
	if req.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	entries, err := folder.Entries()
	if err != nil {
		return err
	}
	var body bytes.Buffer
	for _, entry := range entries {
		body.WriteString(folder.Href(path.Join(folder.Name, entry.Name()), entry.IsDir()) + "\n")
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(http.StatusOK)
	if _, err := body.WriteTo(w); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
