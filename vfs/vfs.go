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
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/vfs/internal/chunks"
	"github.com/davdisk/davdisk/vfs/internal/dircache"
	"github.com/davdisk/davdisk/vfs/internal/spool"
	"github.com/davdisk/davdisk/vfs/internal/writeback"
)

// Written data is kept in memory, up to memoryPerFile bytes a file and
// memoryTotal in total, before it goes to a temporary file.
const (
	memoryPerFile = 8 << 20
	memoryTotal   = 32 << 20
)

// spoolWait is how long a Put waits for room in the spool.
const spoolWait = time.Minute

// folderTimeout is how long a change of a folder waits for what is being done below
// it, such as the upload of a file, before it fails with backend.ErrLocked.
const folderTimeout = 10 * time.Second

// FS is an afero.Fs on a store. It is safe for concurrent use.
type FS struct {
	*core
	ctx context.Context
}

var _ afero.Fs = (*FS)(nil)

// core is what an FS shares with those that WithContext and Confine return.
type core struct {
	b       backend.Backend
	opts    *options
	locks   pathlock.Table
	spools  *spool.Pool
	budget  *spool.Budget // of bodies of Put
	meta    *dircache.Cache
	chunks  *chunks.Cache // nil: content is not cached
	fetch   *fetcher
	spaces  spaces
	folders backend.FolderUsager // nil: all is on one store
	names   backend.Names        // that the store holds
	bare    bool                 // the store keeps no properties
	queue   *writeback.Queue     // in front of the store, and then b itself; nil: no write-back

	journal *operations

	background context.Context // of retries; done when Close begins
	stop       context.CancelFunc

	mu      sync.Mutex       // guards the fields below, and those of nodes that say so
	nodes   map[string]*node // open files, by current name
	retries retries
	running int       // operations that Close waits for
	idle    sync.Cond // signals that running is 0
	closed  bool
}

// New returns a file system on a store. The caller must Close it; Close closes
// b too.
func New(b backend.Backend, opts ...Option) (*FS, error) {
	o, err := newOptions(opts)
	if err != nil {
		return nil, err
	}
	if backend.IsDirect(b) {
		o.transfers = 1 // which is as fast
	}
	c := &core{
		b:      b,
		opts:   o,
		locks:  pathlock.Table{Timeout: folderTimeout},
		spools: spool.NewPool(o.spoolDir, memoryPerFile, memoryTotal),
		budget: spool.NewBudget(o.spoolSize, spoolWait),
		fetch:  newFetcher(o.transfers, partSize, spool.NewPool(o.spoolDir, 0, 0), o.now),
		nodes:  map[string]*node{},
		names:  backend.CapabilitiesOf(b).Names,
	}
	c.folders, _ = backend.As[backend.FolderUsager](b) // which the queue hides
	c.idle.L = &c.mu
	c.background, c.stop = context.WithCancel(context.Background())
	if o.cacheDir != "" {
		if c.chunks, err = chunks.Open(o.cacheDir, o.cacheBytes); err != nil {
			return nil, err
		}
	}
	if c.journal, err = openOperations(o.stateDir); err != nil {
		return nil, err
	}
	if o.engine != nil {
		if err := c.journal.join(o, backend.CapabilitiesOf(b), c.recoverSoon, c.changedElsewhere); err != nil {
			return nil, errors.Join(err, c.journal.journal.Close())
		}
	}
	if err := c.openQueue(); err != nil {
		return nil, errors.Join(err, c.journal.Close())
	}
	_, hasProperties := backend.As[backend.Propertier](c.b)
	c.bare = !hasProperties
	c.meta = dircache.New(c.b, dircache.Options{
		TTL: o.ttl, Entries: o.entries, Poll: o.poll, Valid: o.valid, Log: o.log, Now: o.now,
	})
	if c.queue != nil {
		c.queue.Start()
	}
	if len(c.journal.entries) > 0 && c.begin() == nil {
		go func() {
			defer c.end() // which Close waits for
			c.recoverAll(context.Background())
		}()
	}
	return &FS{c, context.Background()}, nil
}

// WithContext returns the same file system bound to ctx: when ctx is done, its
// methods, and those of the files opened through it, return early. The result
// is a *FS.
func (f *FS) WithContext(ctx context.Context) afero.Fs { return &FS{f.core, ctx} }

// Name implements afero.Fs. It is "davdisk".
func (f *FS) Name() string { return "davdisk" }

// Close waits for operations in progress, then closes the backend if it is an
// io.Closer. Data written to files that have not been closed is discarded. With
// [WithWriteBack] it waits up to 20 seconds for queued files to be stored; the
// next FS with that state folder stores the rest. Afterwards everything fails
// with fs.ErrClosed, also through open files, which can only be closed, and a
// second Close.
func (f *FS) Close() error {
	c := f.core
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return fs.ErrClosed
	}
	c.closed = true
	c.stop()
	for _, timer := range []*time.Timer{c.retries.timer, c.retries.join} {
		if timer != nil {
			timer.Stop()
		}
	}
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

// begin registers an operation that Close waits for, until end is called.
func (c *core) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fs.ErrClosed
	}
	c.running++
	return nil
}

// opened returns fs.ErrClosed after Close.
func (c *core) opened() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fs.ErrClosed
	}
	return nil
}

func (c *core) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running--; c.running == 0 {
		c.idle.Broadcast()
	}
}

// change begins an operation that changes something: it resolves and locks the
// given names, each alone (pathlock.One) or with all below it (pathlock.Tree).
// The caller must call done if err is nil.
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
		if errors.Is(err, pathlock.ErrBusy) {
			err = failure(backend.ErrLocked, "something in the folder is still being changed")
		}
		return nil, nil, err
	}
	finish := func() { unlock(); c.end() }
	ready := false
	defer func() { // even if the store panics
		if !ready {
			finish()
		}
	}()
	for _, p := range places {
		if c.isHidden(p.name) {
			return nil, nil, fs.ErrNotExist
		}
		if err := c.await(ctx, affectsTree(p.name)); err != nil {
			return nil, nil, err
		}
		if _, err := c.settle(ctx, p.name, inTree, sight{}); err != nil {
			return nil, nil, err
		}
	}
	ready = true
	return places, finish, nil
}

// Stat implements afero.Fs. The result is a *FileInfo.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	p, err := resolve(name)
	if err == nil {
		err = f.begin()
	}
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	defer f.end()
	info, err := f.stat(f.ctx, p.name)
	if err == nil {
		err = p.checkKind(info)
	}
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return fileInfo(p.name, info), nil
}

// Mkdir implements afero.Fs. Stores have no permissions, so perm is ignored.
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
	if err := p.checkNew(f.names); err != nil {
		return err
	}
	writes := f.meta.Writes()
	if err := f.b.Mkdir(f.ctx, p.name); err != nil {
		f.invalidate(p.name)
		return err
	}
	f.madeSince(p.name, writes)
	f.unbindLost(p.name)
	return nil
}

// MkdirAll implements afero.Fs: it makes the folder and all missing parents.
// perm is ignored.
func (f *FS) MkdirAll(name string, perm os.FileMode) error {
	p, err := resolve(name)
	if err == nil {
		err = f.begin()
	}
	if err != nil {
		return pathError("mkdir", name, err)
	}
	defer f.end()
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
	return pathError("chmod", name, f.unsupported("the store has no permissions"))
}

// Chown implements afero.Fs: stores have no owners, so it always fails with
// errors.ErrUnsupported.
func (f *FS) Chown(name string, _, _ int) error {
	return pathError("chown", name, f.unsupported("the store has no owners"))
}

func (c *core) unsupported(why string) error {
	if err := c.opened(); err != nil {
		return err
	}
	return failure(errors.ErrUnsupported, why)
}

// Chtimes implements afero.Fs. Stores keep the modification time only, so the
// access time is ignored.
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
		return p.checkKind(backend.Info{})
	}
	if p.folder {
		info, err := f.stat(f.ctx, p.name)
		if err == nil {
			err = p.checkKind(info)
		}
		if err != nil {
			return err
		}
	}
	if err := backend.SetModTime(f.ctx, f.b, p.name, mtime); err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			f.invalidate(p.name)
		}
		return err
	}
	f.retimed(p.name, mtime)
	return nil
}
