package webdav

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/davheader"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
)

// isAbove reports whether a path is that of a folder above the share: Windows
// walks down a path from the root of the server, and gives up where there is no
// folder.
func (h *Handler) isAbove(decoded string) bool {
	clean := path.Clean("/" + decoded)
	return clean != h.opts.prefix && strings.HasPrefix(h.opts.prefix+"/", strings.TrimSuffix(clean, "/")+"/")
}

// above serves PROPFIND of a folder above the share. It is empty: what else there
// is on the server is not known here.
func (h *Handler) above(w http.ResponseWriter, req *http.Request) error {
	r := &request{Request: req, handler: h, isDir: strings.HasSuffix(req.URL.Path, "/"), readOnly: true}
	r.name = path.Clean("/" + req.URL.Path)
	r.root, r.spelling, r.hasSpelling = r.name, strings.TrimSuffix(escapePath(r.name), "/"), true
	if _, err := davheader.ReadDepth(r.Header, davheader.DepthInfinity); err != nil {
		return badHeader(err)
	}
	query, err := davxml.ReadPropfind(r.xmlBody())
	if err != nil {
		return badXML(err)
	}
	r.describe(w, query, []subject{{name: r.name, info: folderAbove(path.Base(r.name)), unlocked: true}})
	return nil
}

// folderAbove is the fs.FileInfo of a folder above the share, by its name.
type folderAbove string

func (f folderAbove) Name() string     { return string(f) }
func (folderAbove) Size() int64        { return 0 }
func (folderAbove) Mode() fs.FileMode  { return fs.ModeDir | 0o555 }
func (folderAbove) ModTime() time.Time { return time.Time{} }
func (folderAbove) IsDir() bool        { return true }
func (folderAbove) Sys() any           { return nil }
