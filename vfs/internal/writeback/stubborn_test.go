package writeback

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// stubborn is a store whose changes a test may hold up or refuse.
type stubborn struct {
	*memory.Backend

	mu    sync.Mutex // guards all below
	gate  func(op, name string) error
	calls []string
}

func newStubborn() *stubborn { return &stubborn{Backend: memory.New(memory.Options{})} }

// answers sets what is asked before each call.
func (s *stubborn) answers(gate func(op, name string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
}

func (s *stubborn) ask(op, name string) error {
	s.mu.Lock()
	gate := s.gate
	s.calls = append(s.calls, op+" "+name)
	s.mu.Unlock()
	if gate == nil {
		return nil
	}
	return gate(op, name)
}

// asked returns the calls since it was last called.
func (s *stubborn) asked() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.calls = nil }()
	return strings.Join(s.calls, ", ")
}

func (s *stubborn) Stat(ctx context.Context, name string) (backend.Info, error) {
	if err := s.ask("stat", name); err != nil {
		return backend.Info{}, err
	}
	return s.Backend.Stat(ctx, name)
}

func (s *stubborn) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := s.ask("put", name); err != nil {
		return backend.Info{}, err
	}
	return s.Backend.Put(ctx, name, body, opts)
}

func (s *stubborn) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if err := s.ask("remove", name); err != nil {
		return err
	}
	return s.Backend.Remove(ctx, name, opts)
}

func (s *stubborn) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := s.ask("move", from); err != nil {
		return err
	}
	return s.Backend.Move(ctx, from, to, opts)
}

// down is a store that cannot be reached.
func down(string, string) error {
	return &backend.Error{Kind: backend.ErrUnavailable, Message: "the line is dead"}
}

func put(t *testing.T, b backend.Backend, name, content string) backend.Info {
	t.Helper()
	info, err := b.Put(t.Context(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))})
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
	return info
}

// tree is all that a store has, in order.
func tree(t *testing.T, b backend.Backend) string {
	t.Helper()
	var all []string
	var walk func(dir string)
	walk = func(dir string) {
		_, children, err := b.List(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		for info, err := range children {
			if err != nil {
				t.Fatal(err)
			}
			name := path.Join(dir, info.Name)
			if info.Dir {
				all = append(all, name+"/")
				walk(name)
				continue
			}
			all = append(all, name+"="+readAll(t, b, name))
		}
	}
	walk(".")
	slices.Sort(all)
	return strings.Join(all, " ")
}

func readAll(t *testing.T, b backend.Backend, name string) string {
	t.Helper()
	content, err := contentOf(t, b, name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func holds(t *testing.T, what string, b backend.Backend, want string) {
	t.Helper()
	if got := tree(t, b); got != want {
		t.Errorf("%s has %q, want %q", what, got, want)
	}
}
