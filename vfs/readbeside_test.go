package vfs_test

import (
	"context"
	"io"
	"iter"
	"os"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// lookedUp is a store of which the test learns when a file was looked up.
type lookedUp struct {
	*memory.Backend
	looked func()
}

func (s *lookedUp) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, err := s.Backend.List(ctx, name)
	s.told(name)
	return self, children, err
}

func (s *lookedUp) Stat(ctx context.Context, name string) (backend.Info, error) {
	info, err := s.Backend.Stat(ctx, name)
	s.told(name)
	return info, err
}

func (s *lookedUp) told(name string) {
	if looked := s.looked; looked != nil && name == "f" {
		s.looked = nil
		looked()
	}
}

// Whoever opens a file for reading may have looked it up before another handle has
// stored it. A third handle, which is open meanwhile, goes on, and is not taken for
// one of a file that somebody else has replaced.
func TestReadBesideAWriter(t *testing.T) {
	store := &lookedUp{Backend: memory.New(memory.Options{})}
	fs, err := vfs.New(store, vfs.WithDirCache(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer fs.Close()
	write := func(f afero.File, text string) {
		t.Helper()
		if _, err := f.WriteAt([]byte(text), 0); err != nil {
			t.Fatalf("write %q: %v", text, err)
		}
		if err := f.Close(); err != nil {
			t.Fatalf("store %q: %v", text, err)
		}
	}
	open := func(flag int) afero.File {
		t.Helper()
		f, err := fs.OpenFile("/f", flag, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	reads := func(want string) {
		t.Helper()
		r := open(os.O_RDONLY)
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || string(got) != want {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	write(open(os.O_RDWR|os.O_CREATE), "first")
	one, other := open(os.O_RDWR), open(os.O_RDWR)
	store.looked = func() { write(one, "other") }
	reads("other")
	write(other, "third")
	reads("third")
	if store.looked != nil {
		t.Error("the store was never asked")
	}
}
