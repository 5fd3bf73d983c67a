// Package memory is a store in memory: the reference for other drivers,
// and the fastest one for tests.
//
//	b := memory.New(memory.Options{})
//	_, err := b.Put(ctx, "note.txt", strings.NewReader("hello"), backend.PutOptions{Size: 5})
//
// It has no trash. It copies, keeps times and properties, counts revisions
// and reports its space.
package memory

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/reading"
)

// Options configure a store. The zero value has no limits.
type Options struct {
	Total   int64            // space in bytes; 0: unlimited
	MaxFile int64            // largest file in bytes; 0: unlimited
	Now     func() time.Time // nil: time.Now
}

// Driver registers the store as "memory"; every Open makes an empty one.
func Driver() backend.Driver {
	return backend.Driver{
		Name: "memory",
		Open: func(ctx context.Context, root string, _ map[string]string, env backend.Env) (backend.Backend, error) {
			return New(Options{Now: env.Now}), ctx.Err()
		},
	}
}

// Backend is a store in memory.
type Backend struct {
	opts Options

	mu       sync.RWMutex // guards all below, and every node
	root     *node
	used     int64
	revision uint64
	lastID   uint64
}

var _ interface {
	backend.Backend
	backend.Copier
	backend.Usager
	backend.Revisioner
	backend.ModTimer
	backend.Propertier
} = (*Backend)(nil)

// New returns an empty store.
func New(opts Options) *Backend {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	b := &Backend{opts: opts}
	b.root = b.newDir()
	return b
}

// Stat implements backend.Backend.
func (b *Backend) Stat(ctx context.Context, name string) (backend.Info, error) {
	if err := check(ctx, "stat", name); err != nil {
		return backend.Info{}, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.lookup(name)
	if n == nil {
		return backend.Info{}, backend.PathError("stat", name, fs.ErrNotExist, "")
	}
	return n.info(path.Base(name)), nil
}

// List implements backend.Backend. The children are a snapshot.
func (b *Backend) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if err := check(ctx, "list", name); err != nil {
		return backend.Info{}, nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.lookup(name)
	if n == nil {
		return backend.Info{}, nil, backend.PathError("list", name, fs.ErrNotExist, "")
	}
	self := n.info(path.Base(name))
	if !self.Dir {
		return self, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	var children []backend.Info
	for _, child := range slices.Sorted(maps.Keys(n.children)) {
		children = append(children, n.children[child].info(child))
	}
	return self, func(yield func(backend.Info, error) bool) {
		for _, info := range children {
			if !yield(info, nil) {
				return
			}
		}
	}, nil
}

// Open implements backend.Backend.
func (b *Backend) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if err := check(ctx, "open", name); err != nil {
		return nil, err
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	n := b.lookup(name)
	switch {
	case n == nil:
		return nil, backend.PathError("open", name, fs.ErrNotExist, "")
	case n.children != nil:
		return nil, backend.PathError("open", name, backend.ErrIsDir, "")
	case version != "" && version != n.version:
		return nil, backend.PathError("open", name, backend.ErrChanged, "")
	}
	return content{n.info(path.Base(name)), n.data}, nil
}

// content is one version; its bytes are never changed, only replaced.
type content struct {
	info backend.Info
	data []byte
}

func (c content) Info() backend.Info { return c.info }
func (c content) Close() error       { return nil }

func (c content) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, backend.PathError("read", c.info.Name, fs.ErrInvalid, "negative offset")
	}
	if length < 0 {
		length = math.MaxInt64
	}
	rest := c.data[min(offset, int64(len(c.data))):]
	return io.NopCloser(bytes.NewReader(rest[:min(length, int64(len(rest)))])), nil
}

// Put implements backend.Backend. The body is read before the store is
// locked, so that a slow one does not block others.
func (b *Backend) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := check(ctx, "put", name); err != nil {
		return backend.Info{}, err
	}
	if b.opts.MaxFile > 0 && opts.Size > b.opts.MaxFile {
		return backend.Info{}, backend.PathError("put", name, backend.ErrTooLarge, "")
	}
	data, err := io.ReadAll(reading.Exactly(reading.Until(ctx, body), opts.Size))
	if err != nil {
		return backend.Info{}, &fs.PathError{Op: "put", Path: name, Err: err}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	parent, old, err := b.place("put", name)
	switch {
	case err != nil:
		return backend.Info{}, err
	case old != nil && old.children != nil:
		return backend.Info{}, backend.PathError("put", name, backend.ErrIsDir, "")
	case old != nil && opts.IfAbsent:
		return backend.Info{}, backend.PathError("put", name, fs.ErrExist, "")
	case opts.IfVersion != "" && (old == nil || old.version != opts.IfVersion):
		return backend.Info{}, backend.PathError("put", name, backend.ErrChanged, "")
	case b.opts.MaxFile > 0 && int64(len(data)) > b.opts.MaxFile:
		return backend.Info{}, backend.PathError("put", name, backend.ErrTooLarge, "")
	}
	n := old
	growth := int64(len(data))
	if old != nil {
		growth -= int64(len(old.data))
	}
	if b.opts.Total > 0 && b.used+growth > b.opts.Total {
		return backend.Info{}, backend.PathError("put", name, backend.ErrQuota, "")
	}
	if n == nil {
		n = b.newFile()
	}
	n.setData(data)
	n.modTime = opts.ModTime
	if n.modTime.IsZero() {
		n.modTime = b.opts.Now()
	}
	parent.children[path.Base(name)] = n
	b.used += growth
	b.revision++
	return n.info(path.Base(name)), nil
}

// Mkdir implements backend.Backend.
func (b *Backend) Mkdir(ctx context.Context, name string) error {
	if err := check(ctx, "mkdir", name); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if name == "." {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	parent, old, err := b.place("mkdir", name)
	if err != nil {
		return err
	}
	if old != nil {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	parent.children[path.Base(name)] = b.newDir()
	b.revision++
	return nil
}

// Remove implements backend.Backend. It is always permanent.
func (b *Backend) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if err := check(ctx, "remove", name); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	parent, n, err := b.place("remove", name)
	switch {
	case err != nil:
		return err
	case n == nil:
		return backend.PathError("remove", name, fs.ErrNotExist, "")
	case opts.IfVersion != "" && n.version != opts.IfVersion:
		return backend.PathError("remove", name, backend.ErrChanged, "")
	case opts.IfEmpty && len(n.children) > 0:
		return backend.PathError("remove", name, backend.ErrNotEmpty, "")
	}
	delete(parent.children, path.Base(name))
	b.used -= n.size()
	b.revision++
	return nil
}

// Move implements backend.Backend.
func (b *Backend) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := checkTwo(ctx, "move", from, to); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	source, target, err := b.pair("move", from, to, opts.Overwrite)
	if err != nil || from == to {
		return err
	}
	n := source.children[path.Base(from)]
	if old := target.children[path.Base(to)]; old != nil {
		b.used -= old.size()
	}
	delete(source.children, path.Base(from))
	target.children[path.Base(to)] = n
	b.revision++
	return nil
}

// Copy implements backend.Copier.
func (b *Backend) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if err := checkTwo(ctx, "copy", from, to); err != nil {
		return err
	}
	if from == to {
		return backend.LinkError("copy", from, to, fs.ErrInvalid, "onto itself")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	source, target, err := b.pair("copy", from, to, opts.Overwrite)
	if err != nil {
		return err
	}
	n := source.children[path.Base(from)]
	growth := n.size()
	if old := target.children[path.Base(to)]; old != nil {
		growth -= old.size()
	}
	if b.opts.Total > 0 && b.used+growth > b.opts.Total {
		return backend.LinkError("copy", from, to, backend.ErrQuota, "")
	}
	target.children[path.Base(to)] = b.clone(n)
	b.used += growth
	b.revision++
	return nil
}

// pair returns and checks both sides of a Move or Copy. The caller holds the
// lock.
func (b *Backend) pair(op, from, to string, overwrite bool) (source, target *node, err error) {
	source, n, err := b.place(op, from)
	if err != nil || n == nil {
		return nil, nil, backend.LinkError(op, from, to, fs.ErrNotExist, "")
	}
	if from == to {
		return source, source, nil
	}
	if n.children != nil && backend.Within(to, from) {
		return nil, nil, backend.LinkError(op, from, to, fs.ErrInvalid, "a folder cannot be put below itself")
	}
	target, old, err := b.place(op, to)
	switch {
	case err != nil:
		return nil, nil, backend.LinkError(op, from, to, fs.ErrNotExist, "the folder to put it in is missing")
	case old != nil && (!overwrite || old.children != nil || n.children != nil):
		return nil, nil, backend.LinkError(op, from, to, fs.ErrExist, "")
	}
	return source, target, nil
}

// Usage implements backend.Usager.
func (b *Backend) Usage(ctx context.Context) (backend.Space, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	space := backend.Space{Total: b.opts.Total, Used: b.used, MaxFile: b.opts.MaxFile}
	if space.Total == 0 {
		space.Total = math.MaxInt64 / 2
	}
	return space, ctx.Err()
}

func check(ctx context.Context, op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func checkTwo(ctx context.Context, op, from, to string) error {
	for _, name := range []string{from, to} {
		if err := check(ctx, op, name); err != nil {
			return err
		}
		if name == "." {
			return backend.LinkError(op, from, to, fs.ErrInvalid, "the root stays where it is")
		}
	}
	return nil
}

// lookup returns the node of a name, or nil. The caller holds the lock.
func (b *Backend) lookup(name string) *node {
	n := b.root
	if name == "." {
		return n
	}
	for part := range strings.SplitSeq(name, "/") {
		if n = n.children[part]; n == nil {
			return nil
		}
	}
	return n
}

// place returns the parent of name, and the node of name or nil. The caller
// holds the lock.
func (b *Backend) place(op, name string) (parent, n *node, err error) {
	if name == "." {
		return nil, nil, backend.PathError(op, name, fs.ErrInvalid, "the root itself")
	}
	parent = b.lookup(path.Dir(name))
	if parent == nil || parent.children == nil {
		return nil, nil, backend.PathError(op, name, fs.ErrNotExist, "the folder it would be in is missing")
	}
	return parent, parent.children[path.Base(name)], nil
}
