package yandex

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// publicBackend is a public resource as a read-only backend.
type publicBackend struct {
	b  *Backend
	at publicAddress
}

// publicFields are those of a public file or folder.
var (
	publicFields     = strings.ReplaceAll(resourceFields, "custom_properties,", "")
	publicListFields = publicFields + ",_embedded.total," + embedded(strings.Replace(publicFields, ",path,", ",", 1))
)

// Public implements backend.PublicReader. The address is that of the public
// page, or of a folder below it, as a browser shows it; or the public key. It
// needs no login.
func (b *Backend) Public(ctx context.Context, address string) (backend.Backend, error) {
	at, err := parsePublic(address)
	if err != nil {
		return nil, pathError("public", address, err)
	}
	p := &publicBackend{b, at}
	if _, err := p.look(ctx, "."); err != nil {
		return nil, pathError("public", address, publicError(err))
	}
	return p, nil
}

// publicAddress says where a public resource is.
type publicAddress struct {
	key   string // public key, or address of the public page
	inner string // name below it
}

// parsePublic understands an address as a browser shows it: with a path below
// the published folder, a slash at its end, a query, or in the form
// /public/?hash=KEY:/PATH that older pages have.
func parsePublic(address string) (publicAddress, error) {
	address = strings.TrimSpace(address)
	if address == "" || strings.ContainsAny(address, "\x00\n\r") {
		return publicAddress{}, &backend.Error{Kind: fs.ErrInvalid, Message: "not a public address: they look like https://disk.yandex.ru/d/…"}
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return publicAddress{address, "."}, nil // a public key
	}
	if hash := u.Query().Get("hash"); hash != "" && strings.Trim(u.Path, "/") == "public" {
		key, inner, _ := strings.Cut(hash, ":/")
		return publicAddress{key, cleanInner(inner)}, nil
	}
	kind, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	id, inner, _ := strings.Cut(rest, "/")
	if id == "" || kind != "d" && kind != "i" {
		return publicAddress{address, "."}, nil // of a form not known: for the service to judge
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment = "/"+kind+"/"+id, "", "", ""
	return publicAddress{u.String(), cleanInner(inner)}, nil
}

func cleanInner(inner string) string { return relative(path.Clean("/" + inner)) }

// publicError maps errors that mean something else for a public address.
func publicError(err error) error {
	switch {
	case errors.As(err, new(api.UncertainError)): // not about the address
		return err
	case hasCode(err, "DiskNotFoundError", "NotFoundError"):
		return &backend.Error{Kind: fs.ErrNotExist, Message: "nothing is public there, or not any more"}
	case hasCode(err, "DiskSymlinkPasswordRequiredError"):
		return &backend.Error{Kind: fs.ErrPermission, Message: "the address is protected by a password, which the API has no way to send"}
	}
	return err
}

// SavePublic implements backend.PublicReader.
func (b *Backend) SavePublic(ctx context.Context, address, inner, to string) error {
	if to == "." {
		return backend.PathError("save", to, fs.ErrExist, "the root itself")
	}
	return pathError("save", to, b.savePublic(ctx, address, inner, to))
}

func (b *Backend) savePublic(ctx context.Context, address, inner, to string) error {
	at, err := parsePublic(address)
	if err != nil {
		return err
	}
	query, err := at.query(inner)
	if err != nil {
		return err
	}
	unlock, err := b.lockToPut(ctx, func(ctx context.Context) error { return b.lost.settle(ctx, to, lostChange{}) }, to)
	if err != nil {
		return err
	}
	defer unlock()
	// The service chooses another name if this one is taken.
	if err := b.absent(ctx, to); err != nil {
		return err
	}
	folder, err := b.path(path.Dir(to))
	if err != nil {
		return err
	}
	query.Set("name", path.Base(to))
	query.Set("save_path", folder)
	ctx, cancel := issued(ctx)
	defer cancel()
	if _, _, err := b.carryOut(ctx, api.SavePublic, query, to); err != nil {
		return publicError(err)
	}
	if _, err := b.look(ctx, to); err != nil {
		return api.UncertainError{Err: err}
	}
	return nil
}

// query is for what has a name below a public address. Here names are checked,
// as in [Backend.path].
func (a publicAddress) query(name string) (url.Values, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	name = path.Join(a.inner, name)
	query := url.Values{"public_key": {a.key}}
	if name != "." {
		query.Set("path", "/"+name)
	}
	return query, nil
}

func (p *publicBackend) look(ctx context.Context, name string) (*api.Resource, error) {
	return p.page(ctx, name, publicFields, 0, 0)
}

func (p *publicBackend) page(ctx context.Context, name, fields string, offset, limit int) (*api.Resource, error) {
	query, err := p.at.query(name)
	if err != nil {
		return nil, err
	}
	query.Set("fields", fields)
	query.Set("limit", strconv.Itoa(limit))
	query.Set("offset", strconv.Itoa(offset))
	r, err := p.b.api.Resource(ctx, api.Request{Call: api.GetPublic, Query: query})
	return r, publicError(err)
}

// Name returns the name of the root, which Stat calls ".", as its owner
// named it.
func (p *publicBackend) Name(ctx context.Context) (string, error) {
	r, err := p.look(ctx, ".")
	if err != nil {
		return "", pathError("name", ".", err)
	}
	return string(r.Name), nil
}

// info describes a resource below the public root, whose own name is ".".
func (p *publicBackend) info(name string, r *api.Resource) backend.Info {
	p.b.links.note(r)
	return info(r, path.Base(name))
}

// Stat implements backend.Backend.
func (p *publicBackend) Stat(ctx context.Context, name string) (backend.Info, error) {
	r, err := p.look(ctx, name)
	if err != nil {
		return backend.Info{}, pathError("stat", name, err)
	}
	return p.info(name, r), nil
}

// List implements backend.Backend.
func (p *publicBackend) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	page := func(ctx context.Context, offset, limit int) (*api.Resource, error) {
		return p.page(ctx, name, publicListFields, offset, limit)
	}
	g, err := lister{b: p.b, folder: name, id: byName, page: page}.list(ctx)
	if err != nil {
		return backend.Info{}, nil, pathError("list", name, err)
	}
	info := p.info(name, g.self)
	if !info.Dir {
		return info, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	items := slices.DeleteFunc(g.items, func(r api.Resource) bool { return !p.b.usable(name, &r) })
	return info, infos(name, items, p.info), nil
}

// Open implements backend.Backend.
func (p *publicBackend) Open(ctx context.Context, name, version string) (backend.Content, error) {
	look := func(ctx context.Context) (*api.Resource, error) {
		r, err := p.look(ctx, name)
		if err == nil {
			p.b.links.note(r)
		}
		return r, err
	}
	return p.b.open(ctx, name, version, look, p.info)
}

// readOnly is the error of every change of a public address.
func readOnly(op, name string) error {
	return backend.PathError(op, name, fs.ErrPermission, "a public address can only be read")
}

// Put implements backend.Backend.
func (p *publicBackend) Put(_ context.Context, name string, _ io.Reader, _ backend.PutOptions) (backend.Info, error) {
	return backend.Info{}, readOnly("put", name)
}

// Mkdir implements backend.Backend.
func (p *publicBackend) Mkdir(_ context.Context, name string) error { return readOnly("mkdir", name) }

// Remove implements backend.Backend.
func (p *publicBackend) Remove(_ context.Context, name string, _ backend.RemoveOptions) error {
	return readOnly("remove", name)
}

// Move implements backend.Backend.
func (p *publicBackend) Move(_ context.Context, from, to string, _ backend.MoveOptions) error {
	return backend.LinkError("move", from, to, fs.ErrPermission, "a public address can only be read")
}

// Link implements backend.Linker.
func (p *publicBackend) Link(ctx context.Context, name string) (backend.Link, error) {
	query, err := p.at.query(name)
	if err != nil {
		return backend.Link{}, pathError("link", name, err)
	}
	query.Set("fields", "href")
	l, err := p.b.downloadLink(ctx, api.PublicLink, query)
	return l, pathError("link", name, publicError(err))
}
