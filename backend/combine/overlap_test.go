package combine_test

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

// anonymous is a store without identifiers and hashes, another kind of store if
// its times are its own.
type anonymous struct{ backend.Backend }

func (s anonymous) strip(info backend.Info) backend.Info {
	info.ID, info.MD5, info.SHA256 = "", "", ""
	return info
}

func (s anonymous) Stat(ctx context.Context, name string) (backend.Info, error) {
	info, err := s.Backend.Stat(ctx, name)
	return s.strip(info), err
}

func (s anonymous) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, err := s.Backend.List(ctx, name)
	return s.strip(self), func(yield func(backend.Info, error) bool) {
		for info, err := range children {
			if !yield(s.strip(info), err) {
				return
			}
		}
	}, err
}

// gateway shows a store by way of another server, with times and versions of its own.
type gateway struct{ anonymous }

func (s gateway) Stat(ctx context.Context, name string) (backend.Info, error) {
	info, err := s.anonymous.Stat(ctx, name)
	info.ModTime = info.ModTime.Add(time.Hour)
	if info.Version != "" {
		info.Version = "gateway" + info.Version[:4]
	}
	return info, err
}

// TestTwoFoldersOfOneStore moves within what folders of the root show by
// themselves: it must not remove the only copy, nor put a folder below itself.
func TestTwoFoldersOfOneStore(t *testing.T) {
	for name, shown := range map[string][3]func(backend.Backend) backend.Backend{
		"with identifiers": {
			func(b backend.Backend) backend.Backend { return b },
			func(b backend.Backend) backend.Backend { return b },
			func(b backend.Backend) backend.Backend { return b },
		},
		"without": {
			func(b backend.Backend) backend.Backend { return anonymous{b} },
			func(b backend.Backend) backend.Backend { return anonymous{b} },
			func(b backend.Backend) backend.Backend { return anonymous{b} },
		},
		"of two kinds": {
			func(b backend.Backend) backend.Backend { return b },
			func(b backend.Backend) backend.Backend { return gateway{anonymous{b}} },
			func(b backend.Backend) backend.Backend { return anonymous{b} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			all := newLocal(t, dir)
			for _, name := range []string{"Photos", "Photos/sub", "Photos/sub/deep"} {
				if err := all.Mkdir(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
			put(t, all, "Photos/x", "only")
			put(t, all, "Photos/sub/y", "deep")
			b := newCombine(t, map[string]backend.Backend{
				"all":    shown[0](all),
				"photos": shown[1](newLocal(t, filepath.Join(dir, "Photos"))),
				"sub":    shown[2](newLocal(t, filepath.Join(dir, "Photos", "sub"))),
			})
			over := backend.MoveOptions{Overwrite: true}
			before := []string{"Photos/", "Photos/sub/", "Photos/sub/deep/", "Photos/sub/y=deep", "Photos/x=only"}
			for _, names := range [][2]string{
				{"all/Photos/x", "photos/x"}, {"photos/x", "all/Photos/x"}, {"sub/y", "photos/sub/y"},
				{"all/Photos", "photos/new"}, {"all/Photos/sub", "photos/sub/new"}, {"all/Photos", "photos/sub/new"},
				{"all/Photos", "sub/new"}, {"all/Photos", "sub/deep/new"}, {"photos/sub", "sub/new"},
			} {
				if err := b.Move(t.Context(), names[0], names[1], over); !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("move of %s to %s: %v", names[0], names[1], err)
				}
				if err := b.Copy(t.Context(), names[0], names[1], backend.CopyOptions{Overwrite: true}); !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("copy of %s to %s: %v", names[0], names[1], err)
				}
				holds(t, all, before...)
			}
			// Another name is another file.
			for _, names := range [][2]string{{"all/Photos/x", "photos/z"}, {"photos/sub/deep", "all/Photos/deep"}} {
				if err := b.Move(t.Context(), names[0], names[1], over); err != nil {
					t.Errorf("move of %s to %s: %v", names[0], names[1], err)
				}
			}
			holds(t, all, "Photos/", "Photos/deep/", "Photos/sub/", "Photos/sub/y=deep", "Photos/z=only")
		})
	}
}

// TestTheOnlyCopyStays: a version by content alone does not show that a file was
// replaced by itself.
func TestTheOnlyCopyStays(t *testing.T) {
	store := memory.New(memory.Options{})
	b := newCombine(t, map[string]backend.Backend{"one": anonymous{store}, "two": anonymous{store}})
	put(t, store, "f", "only")
	if err := b.Move(t.Context(), "one/f", "two/f", backend.MoveOptions{Overwrite: true}); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("%v", err)
	}
	holds(t, store, "f=only")
}

// TestAnOverwriteOfAnotherFile: what may be one file by what the stores tell of
// it, and has another content, is another.
func TestAnOverwriteOfAnotherFile(t *testing.T) {
	at := time.Unix(1e9, 0)
	one, two := memory.New(memory.Options{}), memory.New(memory.Options{})
	for name, target := range map[string]backend.Backend{"of one kind": anonymous{two}, "of two": gateway{anonymous{two}}} {
		b := newCombine(t, map[string]backend.Backend{"one": anonymous{one}, "two": target})
		for name, content := range map[string]string{"one/f": "new", "two/f": "old"} {
			if _, err := b.Put(t.Context(), name, strings.NewReader(content), backend.PutOptions{Size: 3, ModTime: at}); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Move(t.Context(), "one/f", "two/f", backend.MoveOptions{Overwrite: true}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		holds(t, one)
		holds(t, two, "f=new")
	}
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
