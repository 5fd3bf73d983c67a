package dircache

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/testclock"
)

// store is a tree of names that counts what it is asked for.
type store struct {
	backend.Backend                         // for what a cache never asks
	tree            map[string]backend.Info // never changed while it is in use
	fails           error                   // what listing ends with, if set

	listing func(ctx context.Context) // called before a listing is given, if set
	given   func()                    // called after its last entry, or the last that was wanted, if set

	mu       sync.Mutex // guards all below
	counts   map[string]int
	token    string
	tokenErr error
}

// newStore has the names given; a folder ends in a slash and is there with
// those that it lies in.
func newStore(names ...string) *store {
	s := &store{tree: map[string]backend.Info{".": {Name: ".", Dir: true}}, counts: map[string]int{}, token: "1"}
	for _, name := range names {
		folder := strings.HasSuffix(name, "/")
		name = strings.TrimSuffix(name, "/")
		s.tree[name] = backend.Info{Name: path.Base(name), Dir: folder, ID: "id of " + name, Public: "https://example.org/" + name,
			Properties: map[string]string{"color": "red"}}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			s.tree[dir] = backend.Info{Name: path.Base(dir), Dir: true}
		}
	}
	return s
}

func (s *store) count(op string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[op]++
}

// calls returns the calls since it was last called, as "2 list, 1 stat".
func (s *store) calls() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, op := range slices.Sorted(maps.Keys(s.counts)) {
		all = append(all, fmt.Sprintf("%d %s", s.counts[op], op))
	}
	clear(s.counts)
	return strings.Join(all, ", ")
}

// wants checks them.
func (s *store) wants(t *testing.T, doing, want string) {
	t.Helper()
	if got := s.calls(); got != want {
		t.Errorf("%s: the store was asked for %q, want %q", doing, got, want)
	}
}

func (s *store) revise(token string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.tokenErr = token, err
}

func (s *store) Revision(context.Context) (string, error) {
	s.count("revision")
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.tokenErr
}

func (s *store) Stat(ctx context.Context, name string) (backend.Info, error) {
	s.count("stat")
	info, ok := s.tree[name]
	if !ok {
		return info, backend.PathError("stat", name, fs.ErrNotExist, "")
	}
	return info, ctx.Err()
}

func (s *store) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	s.count("list")
	if s.listing != nil {
		s.listing(ctx)
	}
	if err := ctx.Err(); err != nil {
		return backend.Info{}, nil, err
	}
	self, ok := s.tree[name]
	switch {
	case !ok:
		return self, nil, backend.PathError("list", name, fs.ErrNotExist, "")
	case !self.Dir:
		return self, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	return self, func(yield func(backend.Info, error) bool) {
		if s.given != nil {
			defer s.given()
		}
		for _, child := range slices.Sorted(maps.Keys(s.tree)) {
			if child != "." && path.Dir(child) == name && !yield(s.tree[child], nil) {
				return
			}
		}
		if s.fails != nil {
			yield(backend.Info{}, s.fails)
		}
	}, nil
}

// start makes a cache in front of a store. What of opts is zero gets a value
// that suits most tests.
func start(t *testing.T, s *store, opts Options) (*Cache, *testclock.Clock) {
	clock := testclock.At(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	opts.Now = clock.Now
	if opts.Entries == 0 {
		opts.Entries = 100_000
	}
	if opts.TTL == 0 {
		opts.TTL = time.Minute
	}
	opts.Log = discard(t)
	c := New(s, opts)
	t.Cleanup(c.Close)
	return c, clock
}

// names lists a folder, as "a b/ c".
func names(t *testing.T, c *Cache, dir string) string {
	t.Helper()
	_, children, err := c.List(t.Context(), dir)
	if err != nil {
		return err.Error()
	}
	return join(children)
}

func join(children *Children) string {
	var all []string
	for _, info := range children.Sorted() {
		name := info.Name
		if info.Dir {
			name += "/"
		}
		all = append(all, name)
	}
	return strings.Join(all, " ")
}
