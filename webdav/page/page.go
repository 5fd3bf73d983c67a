package page

import (
	"html/template"

	"github.com/davdisk/davdisk/webdav"
)

// A Page serves folders. It is safe for concurrent use.
type Page struct {
	store    Store
	version  string
	lists    *template.Template
	messages *template.Template
	static   *static
	previews *previewCache
	routes   map[string]route
}

var (
	_ webdav.PageServer = (*Page)(nil)
	_ webdav.ErrorPage  = (*Page)(nil)
)

// An Option changes what a page offers.
type Option func(*Page)

// WithStore offers what a store can do beyond a file system.
func WithStore(s Store) Option { return func(p *Page) { p.store = s } }

// WithVersion shows a version of the program in the status.
func WithVersion(version string) Option { return func(p *Page) { p.version = version } }

// New reads the embedded files.
func New(opts ...Option) (*Page, error) {
	p := &Page{}
	var err error
	if p.static, err = readStatic(); err != nil {
		return nil, err
	}
	if p.lists, err = template.New("list").Parse(listHTML); err != nil {
		return nil, err
	}
	if p.messages, err = template.New("message").Parse(messageHTML); err != nil {
		return nil, err
	}
	for _, opt := range opts {
		opt(p)
	}
	p.previews = newPreviewCache(p.store.Previews)
	p.routes = p.api()
	return p, nil
}
