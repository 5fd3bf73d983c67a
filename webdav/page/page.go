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

// An Option configures a Page.
type Option func(*Page)

// WithStore adds the abilities of a store.
func WithStore(s Store) Option { return func(p *Page) { p.store = s } }

// WithVersion sets the program version shown in the status.
func WithVersion(version string) Option { return func(p *Page) { p.version = version } }

// New returns a Page.
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
