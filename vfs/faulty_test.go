package vfs_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard/stores"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

// faulty is a store whose calls break when a conformance.Fault says so.
type faulty struct {
	b     *memory.Backend
	fault *conformance.Fault
}

var _ interface {
	backend.Backend
	backend.Copier
	backend.ModTimer
	backend.Revisioner
} = faulty{}

// call makes one call that may break before or after it.
func call[T any](ctx context.Context, s faulty, op string, do func() (T, error)) (T, error) {
	var none T
	if err := s.fault.Call(ctx, op); err != nil {
		return none, unavailable(op, err)
	}
	got, err := do()
	if err := s.fault.After(ctx, op, err); err != nil {
		return none, unavailable(op, err)
	}
	return got, nil
}

// unavailable is what a driver makes of a connection that breaks; an error of
// the store stays what it is.
func unavailable(op string, err error) error {
	var told *backend.Error
	if errors.As(err, &told) {
		return err
	}
	return backend.PathError(op, ".", backend.ErrUnavailable, err.Error())
}

func none(do func() error) func() (struct{}, error) {
	return func() (struct{}, error) { return struct{}{}, do() }
}

func (s faulty) Stat(ctx context.Context, name string) (backend.Info, error) {
	return call(ctx, s, "stat", func() (backend.Info, error) { return s.b.Stat(ctx, name) })
}

// List gives a page of two for each call.
func (s faulty) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	var children iter.Seq2[backend.Info, error]
	self, err := s.b.Stat(ctx, name)
	if err == nil && !self.Dir {
		if err := s.fault.Call(ctx, "list"); err != nil {
			return backend.Info{}, nil, unavailable("list", err)
		}
		return self, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	self, err = call(ctx, s, "list", func() (self backend.Info, err error) {
		self, children, err = s.b.List(ctx, name)
		return self, err
	})
	if err != nil {
		return self, nil, err
	}
	return self, func(yield func(backend.Info, error) bool) {
		n := 0
		for info, err := range children {
			if n++; n%2 == 0 {
				if err := s.fault.Call(ctx, "next page"); err != nil {
					yield(backend.Info{}, unavailable("list", err))
					return
				}
			}
			if !yield(info, err) {
				return
			}
		}
	}, nil
}

func (s faulty) Open(ctx context.Context, name, version string) (backend.Content, error) {
	content, err := call(ctx, s, "open", func() (backend.Content, error) { return s.b.Open(ctx, name, version) })
	if err != nil {
		return nil, err
	}
	return faultyContent{content, s}, nil
}

type faultyContent struct {
	backend.Content
	s faulty
}

func (c faultyContent) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	body, err := call(ctx, c.s, "range", func() (io.ReadCloser, error) { return c.Content.Range(ctx, offset, length) })
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{c.s.fault.Body(body), body}, nil
}

func (s faulty) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	return call(ctx, s, "put", func() (backend.Info, error) { return s.b.Put(ctx, name, s.fault.Body(body), opts) })
}

func (s faulty) Mkdir(ctx context.Context, name string) error {
	_, err := call(ctx, s, "mkdir", none(func() error { return s.b.Mkdir(ctx, name) }))
	return err
}

func (s faulty) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	_, err := call(ctx, s, "remove", none(func() error { return s.b.Remove(ctx, name, opts) }))
	return err
}

func (s faulty) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	_, err := call(ctx, s, "move", none(func() error { return s.b.Move(ctx, from, to, opts) }))
	return err
}

func (s faulty) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	_, err := call(ctx, s, "copy", none(func() error { return s.b.Copy(ctx, from, to, opts) }))
	return err
}

func (s faulty) SetModTime(ctx context.Context, name string, t time.Time) error {
	_, err := call(ctx, s, "set time", none(func() error { return s.b.SetModTime(ctx, name, t) }))
	return err
}

func (s faulty) Revision(ctx context.Context) (string, error) {
	return call(ctx, s, "revision", func() (string, error) { return s.b.Revision(ctx) })
}

func TestConformanceFaults(t *testing.T) {
	for name, cache := range stores.Caches() {
		t.Run(name, func(t *testing.T) {
			open := func(tb conformance.TB, fault *conformance.Fault) afero.Fs {
				f, err := vfs.New(faulty{memory.New(memory.Options{}), fault}, cache(tb)...)
				if err != nil {
					tb.Fatalf("%v", err)
				}
				tb.Cleanup(func() { f.Close() })
				return f
			}
			opts := append(vfstest.Declarations(new(memory.Backend)),
				conformance.Only("faults/*"), conformance.Faulty(open))
			conformance.Run(t, func(tb conformance.TB) afero.Fs { return open(tb, new(conformance.Fault)) }, opts...)
		})
	}
}
