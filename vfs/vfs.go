package vfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/chunks"
	"github.com/davdisk/davdisk/vfs/internal/dircache"
	"github.com/davdisk/davdisk/vfs/internal/pathlock"
	"github.com/davdisk/davdisk/vfs/internal/spool"
	"github.com/davdisk/davdisk/vfs/internal/writeback"
)

// What is written is kept in memory up to memoryPerFile bytes a file, and
// memoryTotal altogether, before it goes to a temporary file.
const (
	memoryPerFile = 8 << 20
	memoryTotal   = 32 << 20
)

// FS is an afero.Fs on a store. It may be used from many goroutines at once.
type FS struct {
	*core
	ctx context.Context
}

var _ afero.Fs = (*FS)(nil)

// core is what an FS shares with all that are bound to contexts.
type core struct {
	b      backend.Backend
	opts   *options
	locks  pathlock.Table
	spools *spool.Pool
	meta   *dircache.Cache
	chunks *chunks.Cache // nil: content is not kept
	usage  usage
	queue  *writeback.Queue // in front of the store, and b itself; nil: none

	journal *operations

	mu      sync.Mutex       // guards all below, and the fields of nodes that say so
	nodes   map[string]*node // open files, by the name they have now
	running int              // operations that Close waits for
	idle    sync.Cond        // running has become 0
	closed  bool
}

// New makes a file system on a store. Close it when it is not needed any more.
func New(b backend.Backend, opts ...Option) (*FS, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	c := &core{
		b:      b,
		opts:   o,
		spools: spool.NewPool(o.spoolDir, memoryPerFile, memoryTotal),
		nodes:  map[string]*node{},
	}
	c.idle.L = &c.mu
	if o.cacheDir != "" {
		if c.chunks, err = chunks.Open(o.cacheDir, o.cacheBytes); err != nil {
			return nil, err
		}
	}
	if c.journal, err = openOperations(o.stateDir); err != nil {
		return nil, err
	}
	if err := c.openQueue(); err != nil {
		return nil, errors.Join(err, c.journal.Close())
	}
	c.meta = dircache.New(c.b, dircache.Options{
		TTL: o.ttl, Entries: o.entries, Poll: o.poll, Log: o.log, Now: o.now,
	})
	if c.queue != nil {
		c.queue.Start()
	}
	if len(c.journal.entries) > 0 && c.begin() == nil {
		go func() {
			defer c.end() // which Close waits for
			c.settleAll(context.Background())
		}()
	}
	return &FS{c, context.Background()}, nil
}

// WithContext returns the same file system bound to ctx: when ctx ends, what
// its methods, and those of the files opened through it, are doing ends too.
// It is a *FS again.
func (f *FS) WithContext(ctx context.Context) afero.Fs { return &FS{f.core, ctx} }

// Name implements afero.Fs.
func (f *FS) Name() string { return "davdisk" }

// Close waits for what is still being written, then closes the backend if it
// is an io.Closer. What open files have not stored by their own Close is
// dropped. With [WithWriteBack] it waits up to 20 seconds for what waits to be
// stored; the rest is taken up by the next FS with that state folder.
// Afterwards nothing can be opened or changed.
func (f *FS) Close() error {
	c := f.core
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return fs.ErrClosed
	}
	c.closed = true
	for c.running > 0 {
		c.idle.Wait()
	}
	nodes := c.nodes
	c.nodes = map[string]*node{}
	c.mu.Unlock()
	for _, n := range nodes {
		n.discard()
	}
	c.meta.Close()
	err := c.journal.Close()
	if closer, ok := c.b.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}

// begin counts an operation that Close must wait for, until end.
func (c *core) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fs.ErrClosed
	}
	c.running++
	return nil
}

func (c *core) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running--; c.running == 0 {
		c.idle.Broadcast()
	}
}

// change resolves the names of an operation, counts it and locks them, each
// alone (pathlock.One) or with all below it (pathlock.Tree).
func (c *core) change(ctx context.Context, lock func(string) pathlock.Name, given ...string) (places []place, done func(), err error) {
	var names []pathlock.Name
	for _, g := range given {
		p, err := resolve(g)
		if err != nil {
			return nil, nil, err
		}
		places = append(places, p)
		names = append(names, lock(p.name))
	}
	if err := c.begin(); err != nil {
		return nil, nil, err
	}
	unlock, err := c.locks.Lock(ctx, names...)
	if err != nil {
		c.end()
		return nil, nil, err
	}
	finish := func() { unlock(); c.end() }
	ready := false
	defer func() { // also if the store panics
		if !ready {
			finish()
		}
	}()
	for _, p := range places {
		if c.isHidden(p.name) {
			return nil, nil, fs.ErrNotExist
		}
		if err := c.await(ctx, concernedTree(p.name)); err != nil {
			return nil, nil, err
		}
	}
	ready = true
	return places, finish, nil
}

// Stat implements afero.Fs. The result is a *FileInfo.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	p, err := resolve(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	info, err := f.stat(f.ctx, p.name)
	if err == nil {
		err = p.fits(info)
	}
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return fileInfo(p.name, info), nil
}

// Mkdir implements afero.Fs. The store has no permissions; perm is not used.
func (f *FS) Mkdir(name string, _ os.FileMode) error {
	return pathError("mkdir", name, f.mkdir(name))
}

func (f *FS) mkdir(name string) error {
	places, done, err := f.change(f.ctx, pathlock.One, name)
	if err != nil {
		return err
	}
	defer done()
	p := places[0]
	if p.name == "." || f.pending(p.name) != nil {
		return failure(fs.ErrExist, "")
	}
	if err := p.makeable(); err != nil {
		return err
	}
	writes := f.meta.Writes()
	if err := f.b.Mkdir(f.ctx, p.name); err != nil {
		f.doubt(p.name)
		return err
	}
	f.madeSince(p.name, writes)
	f.unbindLost(p.name)
	return nil
}

// MkdirAll implements afero.Fs: the folder and all that it lies in are there
// afterwards.
func (f *FS) MkdirAll(name string, perm os.FileMode) error {
	p, err := resolve(name)
	if err != nil {
		return pathError("mkdir", name, err)
	}
	return pathError("mkdir", name, f.mkdirAll(p.name))
}

func (f *FS) mkdirAll(name string) error {
	info, err := f.stat(f.ctx, name)
	switch {
	case err == nil && info.Dir:
		return nil
	case err == nil:
		return failure(backend.ErrNotDir, "")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := f.mkdirAll(parentOf(name)); err != nil {
		return err
	}
	err = f.mkdir("/" + name)
	if errors.Is(err, fs.ErrExist) {
		if info, again := f.stat(f.ctx, name); again == nil && info.Dir {
			return nil
		}
	}
	return err
}

// Chmod implements afero.Fs: stores have no permissions, so it always fails
// with errors.ErrUnsupported.
func (f *FS) Chmod(name string, _ os.FileMode) error {
	return pathError("chmod", name, failure(errors.ErrUnsupported, "the store has no permissions"))
}

// Chown implements afero.Fs: stores have no owners, so it always fails with
// errors.ErrUnsupported.
func (f *FS) Chown(name string, _, _ int) error {
	return pathError("chown", name, failure(errors.ErrUnsupported, "the store has no owners"))
}

// Chtimes implements afero.Fs. The store keeps the modification time only.
func (f *FS) Chtimes(name string, _, mtime time.Time) error {
	return pathError("chtimes", name, f.chtimes(name, mtime))
}

func (f *FS) chtimes(name string, mtime time.Time) error {
	places, done, err := f.change(f.ctx, pathlock.One, name)
	if err != nil {
		return err
	}
	defer done()
	p := places[0]
	if n := f.pending(p.name); n != nil {
		n.setModTime(mtime)
		return p.fits(backend.Info{})
	}
	if p.folder {
		info, err := f.stat(f.ctx, p.name)
		if err == nil {
			err = p.fits(info)
		}
		if err != nil {
			return err
		}
	}
	if err := backend.SetModTime(f.ctx, f.b, p.name, mtime); err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			f.doubt(p.name)
		}
		return err
	}
	f.retimed(p.name, mtime)
	return nil
}
