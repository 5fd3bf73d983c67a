package vfs_test

import (
	"context"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// listed is a store that calls a function of the test when it knows what it
// will answer to a listing, and another before it removes something.
type listed struct {
	backend.Backend
	listed, remove func()
}

func (s *listed) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, err := s.Backend.List(ctx, name)
	if err != nil {
		return self, nil, err
	}
	var all []backend.Info
	for info, err := range children {
		if err != nil {
			return self, nil, err
		}
		all = append(all, info)
	}
	if call := s.listed; call != nil {
		s.listed = nil
		call()
	}
	return self, func(yield func(backend.Info, error) bool) {
		for _, info := range all {
			if !yield(info, nil) {
				return
			}
		}
	}, nil
}

func (s *listed) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if call := s.remove; call != nil {
		s.remove = nil
		call()
	}
	return s.Backend.Remove(ctx, name, opts)
}

// in returns the listing of a folder.
func in(t *testing.T, f *vfs.FS, folder string) string {
	t.Helper()
	infos, err := afero.ReadDir(f, folder)
	if err != nil {
		t.Error(err)
	}
	var names []string
	for _, info := range infos {
		names = append(names, info.Name())
	}
	return strings.Join(names, " ")
}

// TestListedBeforeTheEnd has operations end after the store has been asked what
// is in the folder and before that is shown.
func TestListedBeforeTheEnd(t *testing.T) {
	t.Run("a replacement", func(t *testing.T) {
		s := &listed{Backend: memory.New(memory.Options{})}
		f := newFS(t, s, vfs.WithDirCache(0, 0))
		replaceFixture(t, f)
		removing, remove, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
		s.remove = func() {
			close(removing)
			<-remove
		}
		go func() {
			defer close(over)
			if err := f.Move("/from", "/d", true); err != nil {
				t.Error(err)
			}
		}()
		<-removing
		s.listed = func() {
			close(remove)
			<-over
		}
		if got := in(t, f, "/"); got != "d plain" {
			t.Errorf("there is %q", got)
		}
	})
	for name, test := range map[string]struct {
		end  func(f *vfs.FS, h afero.File) error
		want string
	}{
		"a file is closed":  {func(_ *vfs.FS, h afero.File) error { return h.Close() }, "new"},
		"a file is renamed": {func(f *vfs.FS, _ afero.File) error { return f.Rename("/new", "/newer") }, "newer"},
		"a file is removed": {func(f *vfs.FS, _ afero.File) error { return f.Remove("/new") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := &listed{Backend: memory.New(memory.Options{})}
			f := newFS(t, s, vfs.WithDirCache(0, 0))
			h := openFile(t, f, "/new", os.O_WRONLY|os.O_CREATE)
			defer h.Close()
			s.listed = func() {
				if err := test.end(f, h); err != nil {
					t.Error(err)
				}
			}
			if got := in(t, f, "/"); got != test.want {
				t.Errorf("there is %q, want %q", got, test.want)
			}
		})
	}
}

// TestHiddenCopyIsNotRemembered lists a folder while a copy is made in it
// under a hidden name.
func TestHiddenCopyIsNotRemembered(t *testing.T) {
	var f *vfs.FS
	clock := newClock()
	b := newCounting(memory.Options{})
	s := &steps{wrong: func(after bool) error {
		if after {
			clock.Advance(time.Hour) // the store has to be asked
			b.calls()
			in(t, f, "/")
			b.wants(t, "amid the copy", "1 list")
		}
		return nil
	}}
	f = newFS(t, withSteps(b, false, s), vfs.WithClock(clock.Now))
	replaceFixture(t, f)
	s.count.Store(0)
	s.at = 1 // making the hidden folder
	if err := f.Copy("/from", "/copy", false, -1); err != nil {
		t.Fatal(err)
	}
	if got := in(t, f, "/"); got != "copy d from plain" {
		t.Errorf("there is %q", got)
	}
}
