package vfs_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestOldHandleReplacesNothing has a file open whose name something else has
// got since, without a Put or a Rename over it by this file system: what is
// written through the old handle, even from the begin, is not stored there.
func TestOldHandleReplacesNothing(t *testing.T) {
	remove := func(t *testing.T, b *memory.Backend) {
		if err := b.Remove(t.Context(), "d/k", backend.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		change func(t *testing.T, f *vfs.FS, b *memory.Backend)
		at     int // the call for which the store has a fault, from 1; 0: none
		fault  func(b *memory.Backend, change func() error) error
		want   string
	}{
		"removed elsewhere, made anew here": {change: func(t *testing.T, f *vfs.FS, b *memory.Backend) {
			remove(t, b)
			if err := afero.WriteFile(f, "/d/k", []byte("fresh"), 0o666); err != nil {
				t.Fatal(err)
			}
		}, want: "d/ d/k=fresh from/ from/k=other"},
		"removed elsewhere, being made anew here": {change: func(t *testing.T, f *vfs.FS, b *memory.Backend) {
			remove(t, b)
			h := openFile(t, f, "/d/k", os.O_WRONLY|os.O_CREATE)
			overwrite(t, h, "fresh")
			t.Cleanup(func() { h.Close() })
		}, want: "d/ d/k=fresh from/ from/k=other"},
		"removed elsewhere, a folder here": {change: func(t *testing.T, f *vfs.FS, b *memory.Backend) {
			remove(t, b)
			if err := f.Mkdir("/d/k", 0o777); err != nil {
				t.Fatal(err)
			}
		}, want: "d/ d/k/ from/ from/k=other"},
		"its folder is replaced, the answer is lost": {change: func(t *testing.T, f *vfs.FS, b *memory.Backend) {
			if err := f.Move("/from", "/d", true); !errors.Is(err, backend.ErrUncertain) {
				t.Errorf("it answered %v, want ErrUncertain", err)
			}
		}, at: 2, fault: func(b *memory.Backend, change func() error) error {
			return errors.Join(change(), backend.LinkError("move", "from", "d", backend.ErrUncertain, ""))
		}, want: "d/ d/k=other"},
		"its folder is being replaced, someone else takes the name": {change: func(t *testing.T, f *vfs.FS, b *memory.Backend) {
			if err := f.Move("/from", "/d", true); err == nil {
				t.Error("nil")
			}
		}, at: 2, fault: func(b *memory.Backend, change func() error) error {
			err := b.Mkdir(t.Context(), "d")
			if err == nil {
				_, err = b.Put(t.Context(), "d/k", strings.NewReader("theirs"), backend.PutOptions{Size: 6})
			}
			return errors.Join(err, change())
		}, want: "d/ d/k=theirs d (before ID)/ d (before ID)/k=old from/ from/k=other"},
	} {
		t.Run(name, func(t *testing.T) {
			b := memory.New(memory.Options{})
			calls, on := 0, false
			f := newFS(t, hooked{b, func(change func() error) error {
				if !on {
					return change()
				}
				if calls++; calls == test.at {
					return test.fault(b, change)
				}
				return change()
			}}, vfs.WithDirCache(0, 0))
			for _, folder := range []string{"/d", "/from"} {
				if err := f.Mkdir(folder, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			write(t, f, "/d/k", "old")
			write(t, f, "/from/k", "other")
			h := openFile(t, f, "/d/k", os.O_RDWR)
			on = true
			test.change(t, f, b)
			if err := h.Truncate(0); err != nil {
				t.Fatal(err)
			}
			overwrite(t, h, "stale")
			seen := func(doing string) {
				got := tree(t, f)
				if _, after, ok := strings.Cut(got, "(before "); ok {
					id, _, _ := strings.Cut(after, ")")
					got = strings.ReplaceAll(got, id, "ID")
				}
				if got != test.want {
					t.Errorf("%s there is %q, want %q", doing, got, test.want)
				}
			}
			seen("before Close")
			if err := h.Close(); !errors.Is(err, backend.ErrChanged) {
				t.Errorf("Close answered %v, want ErrChanged", err)
			}
			seen("after Close")
		})
	}
}
