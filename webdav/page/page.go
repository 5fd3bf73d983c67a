// Package page is the page that shows the folders of a share in a browser. It
// brings all it needs along and is handed to the handler:
//
//	shown, err := page.New()
//	if err != nil { … }
//	handler, err := webdav.NewHandler(fs, webdav.WithPage(shown))
package page

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

	"github.com/davdisk/davdisk/webdav"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageStyle string

//go:embed page.js
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

// A Page shows folders. It may be used by many goroutines.
type Page struct{ template *template.Template }

var _ webdav.Page = (*Page)(nil)

// New reads the embedded page.
func New() (*Page, error) {
	t, err := template.New("page").Parse(pageHTML)
	return &Page{t}, err
}

// A listing is what the page shows of a folder.
type listing struct {
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

// ServeFolder implements [webdav.Page]. HEAD does not look at what is in the
// folder.
func (p *Page) ServeFolder(w http.ResponseWriter, req *http.Request, folder webdav.Folder) error {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", pageSecurity)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
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
	if err := p.template.Execute(&body, listingOf(folder, entries)); err != nil {
		return err
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(http.StatusOK)
	if _, err := body.WriteTo(w); err != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
	return nil
}

func listingOf(folder webdav.Folder, entries []fs.FileInfo) listing {
	l := listing{Title: "/", Style: template.CSS(pageStyle), Script: template.JS(pageScript)}
	l.Crumbs = []crumb{{"Home", template.URL(folder.Href("/", true))}}
	if folder.Name != "/" {
		l.Title = path.Base(folder.Name)
		l.Parent = folder.Href(path.Dir(folder.Name), true)
		at := "/"
		for segment := range strings.SplitSeq(strings.TrimPrefix(folder.Name, "/"), "/") {
			at = path.Join(at, segment)
			l.Crumbs = append(l.Crumbs, crumb{segment, template.URL(folder.Href(at, true))})
		}
	}
	for _, child := range entries {
		e := entry{
			Name: child.Name(), Dir: child.IsDir(), Unix: child.ModTime().Unix(),
			Href: template.URL(folder.Href(path.Join(folder.Name, child.Name()), child.IsDir())),
			Time: child.ModTime().UTC().Format(time.RFC3339),
			Date: child.ModTime().Format("2006-01-02"), Hour: child.ModTime().Format("15:04"),
		}
		if !e.Dir {
			e.Size, e.Bytes = child.Size(), humanBytes(child.Size())
		}
		l.Entries = append(l.Entries, e)
	}
	slices.SortStableFunc(l.Entries, func(a, b entry) int {
		if a.Dir != b.Dir {
			return map[bool]int{true: -1, false: 1}[a.Dir]
		}
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return l
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
