package vfs_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// crowded is a store in which somebody else puts a file into a folder just
// before it is removed.
type crowded struct{ *memory.Backend }

func (b crowded) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if _, err := b.Put(ctx, name+"/theirs", strings.NewReader("precious"), backend.PutOptions{Size: 8}); err != nil {
		return err
	}
	return b.Backend.Remove(ctx, name, opts)
}

// TestRemoveOfAFolderJustFilled wants what has come meanwhile to stay.
func TestRemoveOfAFolderJustFilled(t *testing.T) {
	store := memory.New(memory.Options{})
	f := newFS(t, crowded{store})
	if err := f.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("/d"); !errors.Is(err, backend.ErrNotEmpty) {
		t.Errorf("it said %v", err)
	}
	if _, err := store.Stat(t.Context(), "d/theirs"); err != nil {
		t.Errorf("the file of another: %v", err)
	}
}
