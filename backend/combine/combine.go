// Package combine shows several stores as the folders of one root.
//
// The root holds these folders and nothing else; they cannot be moved, removed
// or replaced. What is below one is in its store, which alone decides about
// names, conditions and space. A store that cannot be reached fails in its own
// folder; the root and the other folders are not touched by that.
//
// Moving and copying from one store to another is in across.go.
package combine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Driver registers the store as "combine".
func Driver() backend.Driver {
	return backend.Driver{
		Name:    "combine",
		Options: []backend.Option{{Name: "mounts", Help: "the folders and their stores, with commas between them: /work=work:,/archive=s3:bucket"}},
		Open: func(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
			if strings.Trim(root, "/") != "" {
				return nil, fmt.Errorf("combine: %q cannot be the root; name the store of that folder instead", root)
			}
			return open(ctx, opts["mounts"], env)
		},
	}
}

// Addresses returns the address of the store of each folder, from the option
// "mounts" of the driver.
func Addresses(mounts string) (map[string]string, error) {
	addresses := map[string]string{}
	for mount := range strings.SplitSeq(mounts, ",") {
		folder, address, ok := strings.Cut(mount, "=")
		if !ok || address == "" {
			return nil, fmt.Errorf("%q is no folder with a store; write /work=work:", mount)
		}
		folder = strings.Trim(folder, "/")
		if _, taken := addresses[folder]; taken {
			return nil, fmt.Errorf("the folder /%s has two stores", folder)
		}
		if err := checkFolder(folder); err != nil {
			return nil, err
		}
		addresses[folder] = address
	}
	return addresses, nil
}

// checkFolder refuses what cannot be a folder of the root.
func checkFolder(folder string) error {
	if backend.CheckName("mount", folder) != nil || folder == "." || strings.Contains(folder, "/") {
		return fmt.Errorf("%q cannot be a folder of the root; a name without a slash can", folder)
	}
	return nil
}

// checkOverlap refuses two folders that show the same files: a move from one to
// the other could remove the only copy. What it cannot see from addresses,
// Move and Copy look for (same.go).
func checkOverlap(addresses map[string]string) error {
	var seen []string
	for _, folder := range slices.Sorted(maps.Keys(addresses)) {
		name, root := store(addresses[folder])
		if name == "memory" {
			continue // each is a store of its own
		}
		for _, before := range seen {
			other, above := store(addresses[before])
			if name == other && (backend.Within(root, above) || backend.Within(above, root)) {
				return fmt.Errorf("combine: %w: the folders /%s (%s) and /%s (%s) would show the same files, and moving between them could lose one", fs.ErrInvalid, before, addresses[before], folder, addresses[folder])
			}
		}
		seen = append(seen, folder)
	}
	return nil
}

// store splits an address into the name of a remote or driver and a clean root.
func store(address string) (name, root string) {
	name, root, ok := backend.SplitAddress(address)
	if !ok {
		name, root = "local", address
	}
	if name == "local" {
		if abs, err := filepath.Abs(root); err == nil {
			root = filepath.ToSlash(abs)
		}
	}
	return name, path.Clean(strings.TrimPrefix(path.Clean("/"+root), "/"))
}

func open(ctx context.Context, mounts string, env backend.Env) (*Backend, error) {
	if mounts == "" {
		return nil, errors.New("combine: name the folders and their stores with --combine-mounts")
	}
	addresses, err := Addresses(mounts)
	if err != nil {
		return nil, fmt.Errorf("combine: %w", err)
	}
	if err := checkOverlap(addresses); err != nil {
		return nil, err
	}
	stores := map[string]backend.Backend{}
	for folder, address := range addresses {
		store, err := env.Open(ctx, address)
		if errors.Is(err, backend.ErrUnavailable) && ctx.Err() == nil {
			store, err = newAbsent(folder, address, err, env), nil
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the store of /%s: %w", folder, err), closeAll(stores))
		}
		stores[folder] = store
	}
	return New(stores)
}

// Backend is several stores. It is safe for concurrent use.
type Backend struct{ stores map[string]backend.Backend }

var _ interface {
	backend.Backend
	backend.Declarer
	backend.Copier
	backend.ModTimer
	backend.Propertier
	backend.Confiner
	backend.Director
	backend.RemoveChecker
	backend.FolderUsager
} = (*Backend)(nil)

// New returns a store with a folder for each of stores, which Close closes.
func New(stores map[string]backend.Backend) (*Backend, error) {
	if len(stores) == 0 {
		return nil, errors.New("combine: there are no stores")
	}
	for folder := range stores {
		if err := checkFolder(folder); err != nil {
			return nil, fmt.Errorf("combine: %w", err)
		}
	}
	return &Backend{maps.Clone(stores)}, nil
}

// Stores returns the store of each folder.
func (b *Backend) Stores() iter.Seq2[string, backend.Backend] { return maps.All(b.stores) }

// Close closes all stores.
func (b *Backend) Close() error { return closeAll(b.stores) }

func closeAll(stores map[string]backend.Backend) error {
	var errs []error
	for _, store := range stores {
		if c, ok := store.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Capabilities implements backend.Declarer: what one store lacks all lack. About
// names each store decides by itself.
func (b *Backend) Capabilities() backend.Capabilities {
	c := backend.Capabilities{NoAtomicMove: "what is moved from one store to another is copied and then removed"}
	for _, folder := range slices.Sorted(maps.Keys(b.stores)) {
		store := backend.CapabilitiesOf(b.stores[folder])
		for _, lack := range []struct{ all, one *string }{
			{&c.NoConditionalPut, &store.NoConditionalPut},
			{&c.NoAtomicOverwrite, &store.NoAtomicOverwrite},
			{&c.NoEmptyFolders, &store.NoEmptyFolders},
		} {
			if *lack.all == "" && *lack.one != "" {
				*lack.all = fmt.Sprintf("in %q: %s", folder, *lack.one)
			}
		}
	}
	return c
}

// place is a name in one of the stores.
type place struct {
	folder string // of the root
	store  backend.Backend
	name   string // in the store; "." is its root
}

// in returns the context of a call of the store: links are confined below its
// own root.
func (p place) in(ctx context.Context) context.Context {
	outer := backend.Confinement(ctx)
	if len(outer) == 0 {
		return ctx
	}
	var dirs []string
	for _, dir := range outer {
		_, below, ok := strings.Cut(dir, "/")
		if !ok {
			below = "."
		}
		dirs = append(dirs, below)
	}
	return backend.WithConfinement(ctx, dirs)
}

// outer makes an error of the store speak of the names of the caller.
func (p place) outer(err error) error {
	//nolint:errorlint // the outermost error alone has names of the caller
	switch e := err.(type) {
	case *fs.PathError:
		return &fs.PathError{Op: e.Op, Path: path.Join(p.folder, e.Path), Err: e.Err}
	case *os.LinkError:
		return &os.LinkError{Op: e.Op, Old: path.Join(p.folder, e.Old), New: path.Join(p.folder, e.New), Err: e.Err}
	}
	return err
}

// info makes an Info of the store one of this. Two stores may use the same
// identifiers.
func (p place) info(info backend.Info) backend.Info {
	if info.ID != "" {
		info.ID = p.folder + ":" + info.ID
	}
	if info.Name == "." {
		info.Name = p.folder
	}
	return info
}

// find returns the place of a name. It has no store if the name is the root or
// directly in it and no folder.
func (b *Backend) find(ctx context.Context, op, name string) (place, error) {
	if err := backend.CheckName(op, name); err != nil {
		return place{}, err
	}
	folder, below, ok := strings.Cut(name, "/")
	if !ok {
		below = "."
	}
	store, ok := b.stores[folder]
	if !ok && name != "." {
		return place{}, backend.PathError(op, name, fs.ErrNotExist, "the root holds the folders of its stores alone")
	}
	for _, dir := range backend.Confinement(ctx) {
		if inside, _, _ := strings.Cut(dir, "/"); ok && dir != "." && inside != folder {
			return place{folder, store, below}, backend.PathError(op, name, fs.ErrPermission, "it is not in the folder that the caller is confined to")
		}
	}
	return place{folder, store, below}, nil
}

// below is find for a change, which has to be below one of the folders. A name
// that is not there cannot be made: that is a refusal.
func (b *Backend) below(ctx context.Context, op, name string) (place, error) {
	p, err := b.find(ctx, op, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !strings.Contains(name, "/"):
		return p, backend.PathError(op, name, fs.ErrPermission, "the root holds the folders of its stores alone")
	case err == nil && name == ".":
		return p, backend.PathError(op, name, fs.ErrInvalid, "the root stays as it is")
	case err == nil && p.name == ".":
		return p, backend.PathError(op, name, fs.ErrPermission, "the folder of a store stays where it is")
	}
	return p, err
}

// folderInfo describes the folder of a store, without asking the store: it is
// there whether or not the store can be reached.
func folderInfo(name string) backend.Info { return backend.Info{Name: name, Dir: true} }

// Stat implements backend.Backend.
func (b *Backend) Stat(ctx context.Context, name string) (backend.Info, error) {
	p, err := b.find(ctx, "stat", name)
	switch {
	case err != nil:
		return backend.Info{}, err
	case p.name == ".":
		return folderInfo(name), ctx.Err()
	}
	info, err := p.store.Stat(p.in(ctx), p.name)
	return p.info(info), p.outer(err)
}

// List implements backend.Backend.
func (b *Backend) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	p, err := b.find(ctx, "list", name)
	if err != nil {
		return backend.Info{}, nil, err
	}
	if p.store == nil {
		return folderInfo("."), func(yield func(backend.Info, error) bool) {
			for _, folder := range slices.Sorted(maps.Keys(b.stores)) {
				if !yield(folderInfo(folder), nil) {
					return
				}
			}
		}, ctx.Err()
	}
	self, children, err := p.store.List(p.in(ctx), p.name)
	if err != nil {
		return p.info(self), nil, p.outer(err)
	}
	if p.name == "." {
		self = folderInfo(p.folder)
	}
	return p.info(self), func(yield func(backend.Info, error) bool) {
		for info, err := range children {
			if !yield(p.info(info), p.outer(err)) {
				return
			}
		}
	}, nil
}

// Open implements backend.Backend.
func (b *Backend) Open(ctx context.Context, name, version string) (backend.Content, error) {
	p, err := b.find(ctx, "open", name)
	switch {
	case err != nil:
		return nil, err
	case p.name == ".":
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	}
	c, err := p.store.Open(p.in(ctx), p.name, version)
	if err != nil {
		return nil, p.outer(err)
	}
	return content{c, p}, nil
}

type content struct {
	backend.Content
	place place
}

func (c content) Info() backend.Info { return c.place.info(c.Content.Info()) }

// Sequential implements backend.SequentialContent.
func (c content) Sequential() bool { return backend.IsSequential(c.Content) }

// Put implements backend.Backend.
func (b *Backend) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	p, err := b.below(ctx, "put", name)
	if err != nil {
		if p.name == "." {
			err = backend.PathError("put", name, backend.ErrIsDir, "")
		}
		return backend.Info{}, err
	}
	info, err := p.store.Put(p.in(ctx), p.name, body, opts)
	return p.info(info), p.outer(err)
}

// Mkdir implements backend.Backend.
func (b *Backend) Mkdir(ctx context.Context, name string) error {
	p, err := b.below(ctx, "mkdir", name)
	if err != nil {
		if p.name == "." {
			err = backend.PathError("mkdir", name, fs.ErrExist, "")
		}
		return err
	}
	return p.outer(p.store.Mkdir(p.in(ctx), p.name))
}

// Remove implements backend.Backend.
func (b *Backend) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	p, err := b.below(ctx, "remove", name)
	if err != nil {
		return err
	}
	return p.outer(p.store.Remove(p.in(ctx), p.name, opts))
}

// CheckRemove implements backend.RemoveChecker.
func (b *Backend) CheckRemove(ctx context.Context, name string) error {
	p, err := b.below(ctx, "remove", name)
	if err != nil {
		return err
	}
	return p.outer(backend.CheckRemove(p.in(ctx), p.store, p.name))
}

// SetModTime implements backend.ModTimer.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	p, err := b.find(ctx, "chtimes", name)
	switch {
	case err != nil:
		return err
	case p.name == ".":
		return backend.PathError("chtimes", name, errors.ErrUnsupported, "the folder of a store has no time")
	}
	return p.outer(backend.SetModTime(p.in(ctx), p.store, p.name, t))
}

// Properties implements backend.Propertier.
func (b *Backend) Properties(ctx context.Context, name string) (map[string]string, error) {
	p, err := b.find(ctx, "properties", name)
	switch {
	case err != nil:
		return nil, err
	case p.name == ".":
		return nil, backend.PathError("properties", name, errors.ErrUnsupported, "the folder of a store has none")
	}
	props, err := backend.Properties(p.in(ctx), p.store, p.name)
	return props, p.outer(err)
}

// SetProperties implements backend.Propertier.
func (b *Backend) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	p, err := b.find(ctx, "properties", name)
	switch {
	case err != nil:
		return err
	case p.name == ".":
		return backend.PathError("properties", name, errors.ErrUnsupported, "the folder of a store has none")
	}
	return p.outer(backend.SetProperties(p.in(ctx), p.store, p.name, set, remove))
}

// Confines implements backend.Confiner.
func (b *Backend) Confines() bool {
	for _, store := range b.stores {
		if c, ok := backend.As[backend.Confiner](store); ok && c.Confines() {
			return true
		}
	}
	return false
}

// IsLink reports whether a name is a link of its store, which List and Stat
// follow. A store that does not tell has none.
func (b *Backend) IsLink(ctx context.Context, name string) (bool, error) {
	p, err := b.find(ctx, "stat", name)
	if err != nil || p.name == "." {
		return false, err
	}
	l, ok := backend.As[interface {
		IsLink(ctx context.Context, name string) (bool, error)
	}](p.store)
	if !ok {
		return false, nil
	}
	link, err := l.IsLink(p.in(ctx), p.name)
	return link, p.outer(err)
}

// An omitter is a store whose List may leave out what a folder holds.
type omitter interface {
	Omitted(ctx context.Context, name string) ([]error, error)
}

// Omitted returns the entries of a folder that its store omits from List, each
// as an error with the reason.
func (b *Backend) Omitted(ctx context.Context, name string) ([]error, error) {
	p, err := b.find(ctx, "list", name)
	if err != nil || p.store == nil {
		return nil, err
	}
	o, ok := backend.As[omitter](p.store)
	if !ok {
		return nil, nil
	}
	all, err := o.Omitted(p.in(ctx), p.name)
	for i := range all {
		all[i] = p.outer(all[i])
	}
	return all, p.outer(err)
}

// Direct implements backend.Director.
func (b *Backend) Direct() bool {
	for _, store := range b.stores {
		if !backend.IsDirect(store) {
			return false
		}
	}
	return true
}
