package vfs_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// walked is a store that cannot copy a folder.
type walked struct{ *memory.Backend }

func (b walked) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if info, err := b.Stat(ctx, from); err == nil && info.Dir {
		return backend.LinkError("copy", from, to, errors.ErrUnsupported, "")
	}
	return b.Backend.Copy(ctx, from, to, opts)
}

// propertyless is a store that keeps properties, but not any more.
type propertyless struct {
	*memory.Backend
	refuse *bool
}

func (b propertyless) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	if *b.refuse {
		return backend.PathError("properties", name, backend.ErrUnavailable, "")
	}
	return b.Backend.SetProperties(ctx, name, set, remove)
}

// TestCopiesOfFoldersHaveTheirProperties, be they copied alone or by walking
// through them.
func TestCopiesOfFoldersHaveTheirProperties(t *testing.T) {
	for name, c := range map[string]struct {
		store backend.Backend
		depth int
	}{
		"alone":   {memory.New(memory.Options{}), 0},
		"walked":  {walked{memory.New(memory.Options{})}, -1},
		"at once": {memory.New(memory.Options{}), -1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFS(t, c.store)
			if err := errors.Join(f.Mkdir("/d", 0o777), f.Mkdir("/d/e", 0o777)); err != nil {
				t.Fatal(err)
			}
			for _, folder := range []string{"/d", "/d/e"} {
				if err := f.SetProperties(folder, map[string]string{"{urn:p}of": folder}, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.Copy("/d", "/c", false, c.depth); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"/c": "/d", "/c/e": "/d/e"}
			if c.depth == 0 {
				delete(want, "/c/e")
			}
			for folder, value := range want {
				if got, err := f.Properties(folder); err != nil || got["{urn:p}of"] != value {
					t.Errorf("%s has %v, %v; want %q", folder, got, err, value)
				}
				info, err := f.Stat(folder)
				if err != nil {
					t.Fatal(err)
				}
				if got, known := info.(*vfs.FileInfo).Properties(); known && got["{urn:p}of"] != value {
					t.Errorf("%s is remembered with %v, want %q", folder, got, value)
				}
			}
		})
	}
}

// TestCopyWithoutItsPropertiesIsNone: a folder whose properties cannot be
// stored is not left behind.
func TestCopyWithoutItsPropertiesIsNone(t *testing.T) {
	refuse := false
	f := newFS(t, propertyless{memory.New(memory.Options{}), &refuse})
	if err := errors.Join(f.Mkdir("/d", 0o777), f.SetProperties("/d", map[string]string{"{urn:p}p": "v"}, nil)); err != nil {
		t.Fatal(err)
	}
	refuse = true
	if err := f.Copy("/d", "/c", false, 0); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("%v, want ErrUnavailable", err)
	}
	if _, err := f.Stat("/c"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy is there: %v", err)
	}
}
