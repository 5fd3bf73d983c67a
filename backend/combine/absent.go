package combine

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// retryAfter is how long a store that could not be opened is not tried again.
const retryAfter = 5 * time.Second

// absent is a store that could not be reached when it was to be opened, and is
// opened when it is needed. Until then every call fails.
type absent struct {
	folder string
	open   func(context.Context) (backend.Backend, error)
	now    func() time.Time

	opening chan struct{} // holds a token while nobody opens the store

	mu     sync.Mutex // guards what follows
	store  backend.Backend
	err    error // of the last attempt
	tried  time.Time
	closed bool
}

var _ interface {
	backend.Backend
	backend.Declarer
	backend.FolderUsager
	io.Closer
} = (*absent)(nil)

// newAbsent returns the store of a folder, opening which has failed with err.
func newAbsent(folder, address string, err error, env backend.Env) *absent {
	a := &absent{folder: folder, now: env.Now, err: err, opening: make(chan struct{}, 1), open: func(ctx context.Context) (backend.Backend, error) { return env.Open(ctx, address) }}
	if a.now == nil {
		a.now = time.Now
	}
	a.tried = a.now()
	a.opening <- struct{}{}
	return a
}

// Capabilities implements backend.Declarer. What was declared at the start is
// relied upon, so that a store that lacks more is not served later.
func (a *absent) Capabilities() backend.Capabilities {
	return backend.Capabilities{NoConditionalPut: "the store could not be reached at the start, so that what it can do is not known"}
}

// Unwrap returns the store once it is open.
func (a *absent) Unwrap() backend.Backend {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.store
}

// Close closes the store if it was opened.
func (a *absent) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if c, ok := a.store.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// reach returns the store, and opens it if that was not tried just now.
func (a *absent) reach(ctx context.Context) (backend.Backend, error) {
	if store := a.Unwrap(); store != nil {
		return store, nil
	}
	select {
	case <-a.opening:
		defer func() { a.opening <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	a.mu.Lock()
	store, err, known := a.store, a.err, a.store != nil || a.now().Sub(a.tried) < retryAfter
	if a.closed {
		store, err, known = nil, fs.ErrClosed, true
	}
	a.mu.Unlock()
	if known {
		return store, err
	}
	store, err = a.open(ctx)
	if err == nil {
		err = a.check(store)
	}
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err() // the caller's, and not the store's
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tried = a.now()
	if a.err = err; err != nil {
		return nil, err
	}
	if a.closed {
		return nil, errors.Join(fs.ErrClosed, closeAll(map[string]backend.Backend{a.folder: store}))
	}
	a.store = store
	return store, nil
}

// check refuses, and closes, a store that lacks what was not declared.
func (a *absent) check(store backend.Backend) error {
	c := backend.CapabilitiesOf(store)
	for _, lack := range []string{c.NoAtomicOverwrite, c.NoEmptyFolders} {
		if lack != "" {
			err := &backend.Error{Kind: backend.ErrUnavailable, Message: "the store of /" + a.folder + " can be reached now, and is served after a restart, because it can do less than was assumed: " + lack}
			return errors.Join(err, closeAll(map[string]backend.Backend{a.folder: store}))
		}
	}
	return nil
}

// fail makes an error of opening one of a call. Whatever it is, nothing is known
// of the name.
func fail(op, name string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, fs.ErrClosed) {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return backend.PathError(op, name, backend.ErrUnavailable, err.Error())
}

// Stat implements backend.Backend.
func (a *absent) Stat(ctx context.Context, name string) (backend.Info, error) {
	store, err := a.reach(ctx)
	if err != nil {
		return backend.Info{}, fail("stat", name, err)
	}
	return store.Stat(ctx, name)
}

// UsageIn implements backend.FolderUsager: that the store cannot be reached does not
// mean that it has no space.
func (a *absent) UsageIn(ctx context.Context, name string) (backend.Space, error) {
	store, err := a.reach(ctx)
	if err != nil {
		return backend.Space{}, fail("usage", name, err)
	}
	return backend.UsageIn(ctx, store, name)
}

// List implements backend.Backend.
func (a *absent) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	store, err := a.reach(ctx)
	if err != nil {
		return backend.Info{}, nil, fail("list", name, err)
	}
	return store.List(ctx, name)
}

// Open implements backend.Backend.
func (a *absent) Open(ctx context.Context, name, version string) (backend.Content, error) {
	store, err := a.reach(ctx)
	if err != nil {
		return nil, fail("open", name, err)
	}
	return store.Open(ctx, name, version)
}

// Put implements backend.Backend.
func (a *absent) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	store, err := a.reach(ctx)
	if err != nil {
		return backend.Info{}, fail("put", name, err)
	}
	return store.Put(ctx, name, body, opts)
}

// Mkdir implements backend.Backend.
func (a *absent) Mkdir(ctx context.Context, name string) error {
	store, err := a.reach(ctx)
	if err != nil {
		return fail("mkdir", name, err)
	}
	return store.Mkdir(ctx, name)
}

// Remove implements backend.Backend.
func (a *absent) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	store, err := a.reach(ctx)
	if err != nil {
		return fail("remove", name, err)
	}
	return store.Remove(ctx, name, opts)
}

// Move implements backend.Backend.
func (a *absent) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	store, err := a.reach(ctx)
	if err != nil {
		return fail("move", from, err)
	}
	return store.Move(ctx, from, to, opts)
}
