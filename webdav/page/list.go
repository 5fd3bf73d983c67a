package page

import (
	"bytes"
	"cmp"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/davdisk/davdisk/webdav"
)

//go:embed list.html
var listHTML string

// perPage is the number of entries on one page of the list.
const perPage = 500

// A listing is the data of the list that the server writes.
type listing struct {
	*words
	Title, Parent      string
	Nonce, Static      string
	Modules            []string
	Config             string
	Crumbs             []crumb
	Entries            []entry
	Page, Pages, Total int
}

type crumb struct {
	Name string
	Href template.URL
}

type entry struct {
	Name, Bytes string
	Date, Time  string // for people, and for programs
	Href        template.URL
	Dir         bool
}

// A config is passed to the script.
type config struct {
	Prefix   string          `json:"prefix"`
	Path     string          `json:"path"`
	ReadOnly bool            `json:"readOnly"`
	Lang     string          `json:"lang"`
	Can      map[string]bool `json:"can"`
	SignOut  bool            `json:"signOut"`
}

// ServeFolder implements [webdav.Page]. HEAD does not list the folder.
func (p *Page) ServeFolder(w http.ResponseWriter, req *http.Request, folder webdav.Folder) error {
	nonce := rand.Text()
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'nonce-%[1]s' 'strict-dynamic'; style-src 'nonce-%[1]s'; "+
		"img-src 'self'; media-src 'self'; frame-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", nonce))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin") // with none, Origin would be "null" in a form
	header.Set("Cache-Control", "no-store")      // the nonce is for this answer alone
	header.Set("Vary", "Accept-Language")
	if req.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	entries, err := folder.Entries()
	if err != nil {
		return err
	}
	l := p.listing(req, folder, entries)
	l.Nonce = nonce
	var body bytes.Buffer
	if err := p.lists.Execute(&body, l); err != nil {
		return err
	}
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(http.StatusOK)
	if _, err := body.WriteTo(w); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	return nil
}

func (p *Page) listing(req *http.Request, folder webdav.Folder, entries []fs.FileInfo) listing {
	l := listing{
		words: wordsFor(req), Title: "/", Total: len(entries),
		Static: folder.Prefix + webdav.PagePath + p.static.base(), Modules: p.static.modules,
	}
	l.Config = p.config(req, folder, l.Lang)
	l.Crumbs = []crumb{{l.Home, template.URL(folder.Href("/", true))}}
	if folder.Name != "/" {
		l.Title = path.Base(folder.Name)
		l.Parent = folder.Href(path.Dir(folder.Name), true)
		at := "/"
		for segment := range strings.SplitSeq(strings.TrimPrefix(folder.Name, "/"), "/") {
			at = path.Join(at, segment)
			l.Crumbs = append(l.Crumbs, crumb{segment, template.URL(folder.Href(at, true))})
		}
	}
	slices.SortStableFunc(entries, func(a, b fs.FileInfo) int {
		if a.IsDir() != b.IsDir() {
			return map[bool]int{true: -1, false: 1}[a.IsDir()]
		}
		return cmp.Or(strings.Compare(strings.ToLower(a.Name()), strings.ToLower(b.Name())), strings.Compare(a.Name(), b.Name()))
	})
	l.Pages = max(1, (len(entries)+perPage-1)/perPage)
	if n, err := strconv.Atoi(req.URL.Query().Get("page")); err == nil {
		l.Page = n
	}
	l.Page = min(max(l.Page, 1), l.Pages)
	for _, child := range entries[(l.Page-1)*perPage : min(l.Page*perPage, len(entries))] {
		l.Entries = append(l.Entries, entryIn(folder, child))
	}
	return l
}

func entryIn(folder webdav.Folder, child fs.FileInfo) entry {
	e := entry{Name: child.Name(), Dir: child.IsDir()}
	if utf8.ValidString(e.Name) { // no request can name any other
		e.Href = template.URL(folder.Href(path.Join(folder.Name, e.Name), e.Dir))
	}
	if t := child.ModTime(); !t.IsZero() {
		e.Time, e.Date = t.UTC().Format(time.RFC3339), t.Format("2006-01-02 15:04")
	}
	if !e.Dir {
		e.Bytes = humanBytes(child.Size())
	}
	return e
}

func (p *Page) config(req *http.Request, folder webdav.Folder, lang string) string {
	_, user := webdav.PrincipalFromContext(req.Context())
	c := config{
		Prefix: folder.Prefix, Path: folder.Name, ReadOnly: folder.ReadOnly, Lang: lang,
		Can: map[string]bool{
			"links": p.store.Links != nil, "trash": p.store.Trash != nil, "previews": p.store.Previews != nil, "spaces": p.store.Spaces,
		},
		// A browser that has sent a password itself sends it again.
		SignOut: user && req.Header.Get("Authorization") == "",
	}
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and booleans
	}
	return string(text)
}

// Number returns the number of the page before or after this one, or 0.
func (l listing) Number(step int) int {
	if n := l.Page + step; n >= 1 && n <= l.Pages {
		return n
	}
	return 0
}

// humanBytes formats a size in units of powers of 1024.
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
