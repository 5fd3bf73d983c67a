package combine_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

// TestTwoFoldersOfOneStore moves within what two folders of the root show: it
// must not remove the only copy, nor copy a folder into itself.
func TestTwoFoldersOfOneStore(t *testing.T) {
	dir := t.TempDir()
	all := newLocal(t, dir)
	for _, name := range []string{"Photos", "Photos/sub"} {
		if err := all.Mkdir(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	put(t, all, "Photos/x", "only")
	put(t, all, "Photos/sub/y", "deep")
	b := newCombine(t, map[string]backend.Backend{"all": all, "photos": newLocal(t, filepath.Join(dir, "Photos"))})
	over := backend.MoveOptions{Overwrite: true}
	for _, names := range [][2]string{
		{"all/Photos/x", "photos/x"}, {"photos/x", "all/Photos/x"}, {"all/Photos", "photos/new"}, {"all/Photos/sub", "photos/sub/new"},
	} {
		if err := b.Move(t.Context(), names[0], names[1], over); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("move of %s to %s: %v", names[0], names[1], err)
		}
		if err := b.Copy(t.Context(), names[0], names[1], backend.CopyOptions{Overwrite: true}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("copy of %s to %s: %v", names[0], names[1], err)
		}
	}
	holds(t, all, "Photos/", "Photos/sub/", "Photos/sub/y=deep", "Photos/x=only")
	if err := b.Move(t.Context(), "all/Photos/x", "photos/z", over); err != nil {
		t.Error(err)
	}
	holds(t, all, "Photos/", "Photos/sub/", "Photos/sub/y=deep", "Photos/z=only")
}

// TestOverlappingAddresses are refused, because not every store has identifiers
// that tell that two names are of one file.
func TestOverlappingAddresses(t *testing.T) {
	dir := t.TempDir()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	r := backend.NewRegistry(backend.Env{})
	for _, d := range []backend.Driver{combine.Driver(), local.Driver(), memory.Driver()} {
		r.Register(d)
	}
	other := memory.Driver()
	other.Name = "other"
	r.Register(other)
	for _, remote := range []string{"disk", "disk2"} {
		if err := r.Remote(remote, "other", nil); err != nil {
			t.Fatal(err)
		}
	}
	for mounts, refused := range map[string]bool{
		"/a=disk:,/b=disk:Photos":            true,
		"/a=disk:Photos/,/b=disk:/Photos":    true,
		"/a=disk:Photos/2020,/b=disk:Photos": true,
		"/a=disk:Photos,/b=disk:Photos2":     false,
		"/a=disk:,/b=disk2:Photos":           false,
		"/a=memory:,/b=memory:":              false, // each is another store
		"/a=" + dir + ",/b=local:" + dir:     true,
		"/a=.,/b=" + here:                    true,
		"/a=" + dir + ",/b=.":                false,
	} {
		name := "all" + strings.Map(func(r rune) rune {
			if strings.ContainsRune("/:,=. ", r) {
				return '-'
			}
			return r
		}, mounts)
		if err := r.Remote(name, "combine", map[string]string{"mounts": mounts}); err != nil {
			t.Fatal(err)
		}
		b, err := r.Open(context.Background(), name+":")
		if refused != errors.Is(err, fs.ErrInvalid) || !refused && err != nil {
			t.Errorf("%s: %v", mounts, err)
		}
		if err == nil {
			b.(*combine.Backend).Close()
		}
	}
}
