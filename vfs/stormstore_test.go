package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// stormStore is a store whose calls take a while, so that they overlap. It
// checks that no two changes of one name, or of a tree and something in it, are
// in progress at once.
type stormStore struct {
	backend.Backend
	t *testing.T

	mu      sync.Mutex
	changes map[*stormChange]struct{} // in progress
	closed  bool

	opened atomic.Int64 // contents that are not closed
}

// stormChange is a change in progress.
type stormChange struct {
	op    string
	names []pathlock.Name
}

func (c *stormChange) String() string { return fmt.Sprint(c.op, c.names) }

func newStormStore(t *testing.T, b backend.Backend) *stormStore {
	return &stormStore{Backend: b, t: t, changes: map[*stormChange]struct{}{}}
}

// linger lets others go on, for longer or shorter.
func linger() {
	n := rand.IntN(3)
	if rand.IntN(4) == 0 {
		n = rand.IntN(60)
	}
	for range n {
		runtime.Gosched()
	}
}

func lingering[T any](do func() (T, error)) (T, error) {
	linger()
	defer linger()
	return do()
}

func (s *stormStore) change(op string, do func() error, names ...pathlock.Name) error {
	c := &stormChange{op, names}
	s.mu.Lock()
	for other := range s.changes {
		if overlap(c.names, other.names) {
			s.t.Errorf("the store is to %v while it is to %v", c, other)
		}
	}
	if s.closed {
		s.t.Errorf("the store is to %v after the file system has been closed", c)
	}
	s.changes[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		linger()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.changes, c)
	}()
	linger()
	return do()
}

func (s *stormStore) VersionOf(sha256 string) string {
	version, err := backend.VersionOf(s.Backend, sha256)
	if err != nil {
		s.t.Error(err)
	}
	return version
}

// Close checks that nothing is in progress, and leaves the store open.
func (s *stormStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.changes {
		s.t.Errorf("the store is closed while it is to %v", c)
	}
	return nil
}

func overlap(names, others []pathlock.Name) bool {
	for _, a := range names {
		for _, b := range others {
			if a.Path == b.Path || a.Tree && backend.Within(b.Path, a.Path) || b.Tree && backend.Within(a.Path, b.Path) {
				return true
			}
		}
	}
	return false
}

func (s *stormStore) Stat(ctx context.Context, name string) (backend.Info, error) {
	return lingering(func() (backend.Info, error) { return s.Backend.Stat(ctx, name) })
}

// List returns what was there when it was called, a while later.
func (s *stormStore) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	linger()
	self, children, err := s.Backend.List(ctx, name)
	if err != nil {
		return self, nil, err
	}
	type answer struct {
		info backend.Info
		err  error
	}
	var all []answer
	for info, err := range children {
		all = append(all, answer{info, err})
	}
	linger()
	return self, func(yield func(backend.Info, error) bool) {
		for _, a := range all {
			if !yield(a.info, a.err) {
				return
			}
		}
	}, nil
}

func (s *stormStore) Open(ctx context.Context, name, version string) (backend.Content, error) {
	return lingering(func() (backend.Content, error) {
		content, err := s.Backend.Open(ctx, name, version)
		if err != nil {
			return nil, err
		}
		s.opened.Add(1)
		return openContent{content, s}, nil
	})
}

// openContent is counted until it is closed.
type openContent struct {
	backend.Content
	s *stormStore
}

func (c openContent) Close() error {
	c.s.opened.Add(-1)
	return c.Content.Close()
}

func (s *stormStore) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (info backend.Info, err error) {
	err = s.change("put", func() error {
		info, err = s.Backend.Put(ctx, name, body, opts)
		return err
	}, pathlock.One(name))
	return info, err
}

func (s *stormStore) Mkdir(ctx context.Context, name string) error {
	return s.change("mkdir", func() error { return s.Backend.Mkdir(ctx, name) }, pathlock.One(name))
}

func (s *stormStore) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	return s.change("remove", func() error { return s.Backend.Remove(ctx, name, opts) }, pathlock.Tree(name))
}

func (s *stormStore) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	return s.change("move", func() error { return s.Backend.Move(ctx, from, to, opts) }, pathlock.Tree(from), pathlock.Tree(to))
}

func (s *stormStore) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	return s.change("copy", func() error { return backend.Copy(ctx, s.Backend, from, to, opts) }, pathlock.Tree(from), pathlock.Tree(to))
}

func (s *stormStore) SetModTime(ctx context.Context, name string, at time.Time) error {
	return s.change("set the time of", func() error { return backend.SetModTime(ctx, s.Backend, name, at) }, pathlock.One(name))
}

func (s *stormStore) Properties(ctx context.Context, name string) (map[string]string, error) {
	return lingering(func() (map[string]string, error) { return backend.Properties(ctx, s.Backend, name) })
}

func (s *stormStore) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	return s.change("set properties of", func() error { return backend.SetProperties(ctx, s.Backend, name, set, remove) }, pathlock.One(name))
}

func (s *stormStore) Revision(ctx context.Context) (string, error) {
	return lingering(func() (string, error) { return backend.Revision(ctx, s.Backend) })
}

func (s *stormStore) Usage(ctx context.Context) (backend.Space, error) {
	return lingering(func() (backend.Space, error) { return backend.Usage(ctx, s.Backend) })
}

// filesOnly is a stormStore that copies no folders by itself.
type filesOnly struct{ *stormStore }

func (s filesOnly) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if info, err := s.Backend.Stat(ctx, from); err == nil && info.Dir {
		return backend.LinkError("copy", from, to, errors.ErrUnsupported, "")
	}
	return s.stormStore.Copy(ctx, from, to, opts)
}
