package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestLostAnswers has the store make a change and lose its answer: what the
// listings remember of before is not believed any more.
func TestLostAnswers(t *testing.T) {
	when := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		change func(f *vfs.FS) error
		want   string // all that is there afterwards
	}{
		"put": {func(f *vfs.FS) error {
			_, err := f.Put("/new", strings.NewReader("N"), 1, time.Time{}, "", false)
			return err
		}, "a=A d/ d/b=B new=N"},
		"close": {func(f *vfs.FS) error {
			h, err := f.OpenFile("/new", os.O_WRONLY|os.O_CREATE, 0o666)
			if err != nil {
				return err
			}
			_, err = io.WriteString(h, "N")
			return errors.Join(err, h.Close())
		}, "a=A d/ d/b=B new=N"},
		"mkdir":       {func(f *vfs.FS) error { return f.Mkdir("/new", 0o777) }, "a=A d/ d/b=B new/"},
		"remove":      {func(f *vfs.FS) error { return f.Remove("/a") }, "d/ d/b=B"},
		"remove tree": {func(f *vfs.FS) error { return f.Delete("/d", "") }, "a=A"},
		"rename":      {func(f *vfs.FS) error { return f.Rename("/a", "/d/new") }, "d/ d/b=B d/new=A"},
		"rename over": {func(f *vfs.FS) error { return f.Rename("/d/b", "/a") }, "a=B d/"},
		"rename tree": {func(f *vfs.FS) error { return f.Rename("/d", "/new") }, "a=A new/ new/b=B"},
		"copy":        {func(f *vfs.FS) error { return f.Copy("/a", "/new", false, -1) }, "a=A d/ d/b=B new=A"},
		"copy over":   {func(f *vfs.FS) error { return f.Copy("/d/b", "/a", true, -1) }, "a=B d/ d/b=B"},
		"copy alone":  {func(f *vfs.FS) error { return f.Copy("/d", "/new", false, 0) }, "a=A d/ d/b=B new/"},
		"set a time":  {func(f *vfs.FS) error { return f.Chtimes("/a", when, when) }, "a=A (2020) d/ d/b=B"},
		"set a property": {func(f *vfs.FS) error {
			return f.SetProperties("/a", map[string]string{"{urn:x}color": "<c/>"}, nil)
		}, "a=A (colored) d/ d/b=B"},
	} {
		t.Run(name, func(t *testing.T) {
			loses := false
			b := hooked{memory.New(memory.Options{}), func(change func() error) error {
				err := change()
				if loses {
					return errors.Join(err, backend.PathError("change", "a", backend.ErrUncertain, ""))
				}
				return err
			}}
			f := newFS(t, b)
			if err := f.Mkdir("/d", 0o777); err != nil {
				t.Fatal(err)
			}
			write(t, f, "/a", "A")
			write(t, f, "/d/b", "B")
			tree(t, f) // all listings are remembered
			loses = true
			if err := test.change(f); !errors.Is(err, backend.ErrUncertain) {
				t.Errorf("it answered %v, want ErrUncertain", err)
			}
			loses = false
			got := tree(t, f)
			if info, err := f.Stat("/a"); err == nil {
				if info.ModTime().Equal(when) {
					got = strings.Replace(got, "a=A", "a=A (2020)", 1)
				}
				if props, _ := info.(*vfs.FileInfo).Properties(); len(props) > 0 {
					got = strings.Replace(got, "a=A", "a=A (colored)", 1)
				}
			}
			if got != test.want {
				t.Errorf("there is %q, want %q", got, test.want)
			}
		})
	}
}

// TestNothingCachedIsUsedWhileItIsNotValid has the store changed past the file
// system, which may believe its listings only while it is told of that.
func TestNothingCachedIsUsedWhileItIsNotValid(t *testing.T) {
	b := memory.New(memory.Options{})
	var lost atomic.Bool
	f := newFS(t, b, vfs.WithPollInterval(0), vfs.WithCacheWhile(func() bool { return !lost.Load() }))
	write(t, f, "/a", "A")
	before := tree(t, f)
	put := func(name, content string) {
		t.Helper()
		if _, err := b.Put(t.Context(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
	}
	put("b", "B")
	if got := tree(t, f); got != before {
		t.Fatalf("it asks the store: %q", got)
	}
	lost.Store(true)
	for _, name := range []string{"c", "d"} {
		put(name, name)
		if _, err := f.Stat("/" + name); err != nil {
			t.Error(err)
		}
	}
	if err := b.Remove(t.Context(), "a", backend.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, f), "b=B c=c d=d"; got != want {
		t.Errorf("there is %q, want %q", got, want)
	}
	if _, err := f.Stat("/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was removed: %v", err)
	}
}

// learner is a store that notes what it is told.
type learner struct {
	backend.Backend
	told []string
}

func (l *learner) Unwrap() backend.Backend { return l.Backend }

func (l *learner) Learn(name, version string) { l.told = append(l.told, name+" "+version) }

// TestLearn: the store is told what others have changed, also behind a queue.
func TestLearn(t *testing.T) {
	for name, opts := range map[string][]vfs.Option{
		"plain":      nil,
		"write-back": {vfs.WithStateDir(t.TempDir()), vfs.WithWriteBack(1 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			store := &learner{Backend: memory.New(memory.Options{})}
			f := newFS(t, store, opts...)
			if err := f.Learn("/d/a", ""); err != nil {
				t.Fatal(err)
			}
			if len(store.told) != 1 || store.told[0] != "d/a " {
				t.Errorf("the store was told %q", store.told)
			}
		})
	}
}
