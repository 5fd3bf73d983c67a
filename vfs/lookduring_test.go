package vfs_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

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
