package vfs_test

import (
	"context"
	"io"
	"iter"
	"path"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// hooked is a store whose changes pass through a function of the test, and
// whose listings bring the properties along.
type hooked struct {
	*memory.Backend
	around func(change func() error) error
}

func (s hooked) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, err := s.Backend.List(ctx, name)
	if err != nil {
		return self, nil, err
	}
	return self, func(yield func(backend.Info, error) bool) {
		for info, err := range children {
			if err == nil {
				info.Properties, err = s.Properties(ctx, path.Join(name, info.Name))
			}
			if !yield(info, err) {
				return
			}
		}
	}, nil
}

func (s hooked) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (info backend.Info, err error) {
	err = s.around(func() error {
		info, err = s.Backend.Put(ctx, name, body, opts)
		return err
	})
	return info, err
}

func (s hooked) Mkdir(ctx context.Context, name string) error {
	return s.around(func() error { return s.Backend.Mkdir(ctx, name) })
}

func (s hooked) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	return s.around(func() error { return s.Backend.Remove(ctx, name, opts) })
}

func (s hooked) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	return s.around(func() error { return s.Backend.Move(ctx, from, to, opts) })
}

func (s hooked) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	return s.around(func() error { return s.Backend.Copy(ctx, from, to, opts) })
}

func (s hooked) SetModTime(ctx context.Context, name string, t time.Time) error {
	return s.around(func() error { return s.Backend.SetModTime(ctx, name, t) })
}

func (s hooked) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	return s.around(func() error { return s.Backend.SetProperties(ctx, name, set, remove) })
}
