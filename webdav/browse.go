package webdav

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed browse/page.html
var pageHTML string

//go:embed browse/page.css
var pageStyle string

//go:embed browse/page.js
var pageScript string

// pageSecurity lets the page use what it brings along, known by its hash, and
// nothing else: the names in it are other people's.
var pageSecurity = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	sourceHash(pageStyle), sourceHash(pageScript))

// sourceHash is how a Content-Security-Policy names a style or script by what
// it is.
func sourceHash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// A page is what the listing of a folder shows.
type page struct {
	Title, Parent string
	Style         template.CSS
	Script        template.JS
	Crumbs        []crumb
	Entries       []entry
}

type crumb struct {
	Name string
	Href template.URL
}

type entry struct {
	Name, Bytes      string
	Date, Hour, Time string // for people, and for programs
	Href             template.URL
	Dir              bool
	Size, Unix       int64
}

// browse answers a GET of a folder with a page for people. HEAD does not look
// at what is in the folder.
func (h *Handler) browse(w http.ResponseWriter, r *request) error {
	r.tellFolder(w)
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", pageSecurity)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-cache")
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	self, children, err := r.files.list(r.name)
	if err == nil && !self.IsDir() {
		err = refuse(http.StatusServiceUnavailable, "the folder has just been replaced by a file")
	}
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := h.page.Execute(&body, r.pageOf(r.withPlaceholders(r.name, children))); err != nil {
		return err
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(http.StatusOK)
	if _, err := body.WriteTo(w); err != nil {
		h.left(r, err)
	}
	return nil
}

func (r *request) pageOf(children []fs.FileInfo) page {
	p := page{Title: "/", Style: template.CSS(pageStyle), Script: template.JS(pageScript)}
	p.Crumbs = []crumb{{"Home", template.URL(r.href(r.root, true))}}
	if r.name != r.root {
		p.Title = path.Base(r.name)
		p.Parent = r.href(path.Dir(r.name), true)
		at := r.root
		for segment := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(r.name, r.root), "/"), "/") {
			at = path.Join(at, segment)
			p.Crumbs = append(p.Crumbs, crumb{segment, template.URL(r.href(at, true))})
		}
	}
	for _, child := range children {
		e := entry{
			Name: child.Name(), Dir: child.IsDir(), Unix: child.ModTime().Unix(),
			Href: template.URL(r.href(path.Join(r.name, child.Name()), child.IsDir())),
			Time: child.ModTime().UTC().Format(time.RFC3339),
			Date: child.ModTime().Format("2006-01-02"), Hour: child.ModTime().Format("15:04"),
		}
		if !e.Dir {
			e.Size, e.Bytes = child.Size(), humanBytes(child.Size())
		}
		p.Entries = append(p.Entries, e)
	}
	slices.SortStableFunc(p.Entries, func(a, b entry) int {
		if a.Dir != b.Dir {
			return map[bool]int{true: -1, false: 1}[a.Dir]
		}
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return p
}

// humanBytes writes a size with a unit of powers of 1024.
func humanBytes(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1024, 0
	for value >= 1024 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTP"[unit])
}

// newPage reads the embedded page.
func newPage() (*template.Template, error) { return template.New("page").Parse(pageHTML) }
