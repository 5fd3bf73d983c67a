package vfs_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// slow is a store whose first look at "target" is answered when "target" is
// aside and "from" has not taken its place yet.
type slow struct {
	backend.Backend
	looked               atomic.Bool
	looking, aside, seen chan struct{} // closed when it is so
}

func (s *slow) Stat(ctx context.Context, name string) (backend.Info, error) {
	if name == "target" && s.looked.CompareAndSwap(false, true) {
		close(s.looking)
		<-s.aside
		defer close(s.seen)
	}
	return s.Backend.Stat(ctx, name)
}

func (s *slow) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if from == "from" {
		close(s.aside)
		<-s.seen
	}
	return s.Backend.Move(ctx, from, to, opts)
}

// Who looks at a name when it begins to be replaced is not told that it is
// missing, because it is aside for a moment.
func TestLookWhileReplacing(t *testing.T) {
	store := memory.New(memory.Options{})
	for _, folder := range []string{"from", "target"} {
		if err := store.Mkdir(t.Context(), folder); err != nil {
			t.Fatal(err)
		}
	}
	s := &slow{Backend: store, looking: make(chan struct{}), aside: make(chan struct{}), seen: make(chan struct{})}
	f := newFS(t, s, vfs.WithDirCache(0, 0))
	var looks sync.WaitGroup
	looks.Go(func() {
		if _, err := f.Stat("/target"); err != nil {
			t.Errorf("a look meanwhile was answered %v", err)
		}
	})
	<-s.looking
	if err := f.Move("/from", "/target", true); err != nil {
		t.Error(err)
	}
	looks.Wait()
}

// stepwise is a store that moves a folder file by file, and calls a function
// of the test after the first one.
type stepwise struct {
	backend.Backend
	amid func()
}

func (s stepwise) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := s.Mkdir(ctx, to); err != nil {
		return err
	}
	for i, file := range []string{"/x", "/y"} {
		if err := s.Backend.Move(ctx, from+file, to+file, opts); err != nil {
			return err
		}
		if i == 0 {
			s.amid()
		}
	}
	return s.Remove(ctx, from, backend.RemoveOptions{})
}

// What is seen of a folder while it is being moved is not remembered as what
// is in it afterwards.
func TestListedAmidAMove(t *testing.T) {
	store := memory.New(memory.Options{})
	if err := store.Mkdir(t.Context(), "from"); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"from/x", "from/y"} {
		if _, err := store.Put(t.Context(), file, strings.NewReader("-"), backend.PutOptions{Size: 1}); err != nil {
			t.Fatal(err)
		}
	}
	var f *vfs.FS
	f = newFS(t, stepwise{store, func() {
		for _, folder := range []string{"/", "/from"} {
			if _, err := afero.ReadDir(f, folder); err != nil {
				t.Error(err)
			}
		}
	}})
	if err := f.Move("/from", "/to", false); err != nil {
		t.Fatal(err)
	}
	for folder, want := range map[string]string{"/": "to", "/to": "x y"} {
		var names []string
		infos, err := afero.ReadDir(f, folder)
		for _, info := range infos {
			names = append(names, info.Name())
		}
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s has %q, %v; want %q", folder, got, err, want)
		}
	}
}
