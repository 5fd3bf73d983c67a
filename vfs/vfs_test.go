package vfs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// newFS makes a file system on b that ends with the test.
func newFS(tb testing.TB, b backend.Backend, opts ...vfs.Option) *vfs.FS {
	tb.Helper()
	f, err := vfs.New(b, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f
}

func write(tb testing.TB, f *vfs.FS, name, content string) {
	tb.Helper()
	_, err := f.Put(name, strings.NewReader(content), int64(len(content)), time.Time{}, "", false)
	if err != nil {
		tb.Fatal(err)
	}
}

func read(tb testing.TB, f afero.Fs, name string) string {
	tb.Helper()
	content, err := afero.ReadFile(f, name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(content)
}

// tree lists all that is in f: folders end with a slash, files are
// name=content.
func tree(tb testing.TB, f afero.Fs) string {
	tb.Helper()
	var all []string
	err := afero.Walk(f, "/", func(name string, info fs.FileInfo, err error) error {
		switch {
		case err != nil:
			return err
		case name == "/":
		case info.IsDir():
			all = append(all, name[1:]+"/")
		default:
			all = append(all, name[1:]+"="+read(tb, f, name))
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestOpenFileSurvivesRenameAndRemove(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	write(t, f, "/a", "old")
	h, err := f.OpenFile("/a", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteAt([]byte("N"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Rename("/a", "/b"); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := tree(t, f), "b=Nld"; got != want {
		t.Errorf("after rename: %q, want %q", got, want)
	}

	h, err = f.OpenFile("/b", os.O_RDWR|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteString("ghost"); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("/b"); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("closing a removed file: %v", err)
	}
	if got := tree(t, f); got != "" {
		t.Errorf("a removed file came back: %q", got)
	}
}

func TestAbortKeepsTheOldContent(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	write(t, f, "/a", "old")
	h, err := f.Create("/a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.WriteString("new"); err != nil {
		t.Fatal(err)
	}
	if err := h.(interface{ Abort() error }).Abort(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, f, "/a"); got != "old" {
		t.Errorf("%q, want the old content", got)
	}
}

func TestPut(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	write(t, f, "/a", "old")
	if err := f.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat("/a")
	if err != nil {
		t.Fatal(err)
	}
	tag := info.(*vfs.FileInfo).ETag()
	broken := errors.New("the client is gone")
	tests := []struct {
		name     string
		to       string
		body     io.Reader
		size     int64
		ifMatch  string
		ifAbsent bool
		want     error
		status   int
	}{
		{name: "short body", to: "/a", body: strings.NewReader("ne"), size: 3, want: io.ErrUnexpectedEOF},
		{name: "failing body", to: "/a", body: io.MultiReader(strings.NewReader("n"), failing{broken}), size: 3, want: broken},
		{name: "failing body of unknown length", to: "/a", body: io.MultiReader(strings.NewReader("n"), failing{broken}), size: -1, want: broken},
		{name: "there already", to: "/a", body: strings.NewReader("new"), size: 3, ifAbsent: true, want: fs.ErrExist},
		{name: "another entity tag", to: "/a", body: strings.NewReader("new"), size: 3, ifMatch: `"x"`, want: backend.ErrChanged, status: 412},
		{name: "weak entity tag", to: "/a", body: strings.NewReader("new"), size: 3, ifMatch: "W/" + tag, want: backend.ErrChanged, status: 412},
		{name: "missing parent", to: "/no/a", body: strings.NewReader("new"), size: 3, want: fs.ErrNotExist},
		{name: "folder", to: "/d", body: strings.NewReader("new"), size: 3, want: backend.ErrIsDir, status: 405},
		{name: "root", to: "/", body: strings.NewReader("new"), size: 3, want: backend.ErrIsDir, status: 405},
		{name: "long name", to: "/" + strings.Repeat("x", 256), body: strings.NewReader("new"), size: 3, want: fs.ErrInvalid, status: 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := f.Put(test.to, test.body, test.size, time.Time{}, test.ifMatch, test.ifAbsent)
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			var path *fs.PathError
			if !errors.As(err, &path) || path.Path != test.to {
				t.Errorf("%v does not name %q", err, test.to)
			}
			var status interface {
				HTTPStatus() (int, time.Duration)
			}
			if test.status != 0 {
				if !errors.As(err, &status) {
					t.Fatalf("%v has no status", err)
				}
				if code, _ := status.HTTPStatus(); code != test.status {
					t.Errorf("status %d, want %d", code, test.status)
				}
			}
			if got, want := tree(t, f), "a=old d/"; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	if _, err := f.Put("/a", strings.NewReader("new"), -1, time.Time{}, tag, false); err != nil {
		t.Errorf("the right entity tag: %v", err)
	}
	if got := read(t, f, "/a"); got != "new" {
		t.Errorf("%q, want new", got)
	}
}

// failing is a body that breaks off.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestMoveCopyDelete(t *testing.T) {
	const before = "d/ d/x=1 e/ e/y=2 f=3"
	tests := []struct {
		name string
		do   func(f *vfs.FS) error
		want error
		tree string
	}{
		{"move", func(f *vfs.FS) error { return f.Move("/f", "/g", false) }, nil, "d/ d/x=1 e/ e/y=2 g=3"},
		{"move onto itself", func(f *vfs.FS) error { return f.Move("/f", "/f", true) }, nil, before},
		{"move over a file", func(f *vfs.FS) error { return f.Move("/f", "/d/x", true) }, nil, "d/ d/x=3 e/ e/y=2"},
		{"move, taken", func(f *vfs.FS) error { return f.Move("/f", "/d/x", false) }, fs.ErrExist, before},
		{"move, missing", func(f *vfs.FS) error { return f.Move("/no", "/d/x", true) }, fs.ErrNotExist, before},
		{"move, missing parent", func(f *vfs.FS) error { return f.Move("/f", "/no/f", true) }, fs.ErrNotExist, before},
		{"move below itself", func(f *vfs.FS) error { return f.Move("/d", "/d/e", true) }, fs.ErrInvalid, before},
		{"move over its folder", func(f *vfs.FS) error { return f.Move("/d/x", "/d", true) }, fs.ErrInvalid, before},
		{"move the root", func(f *vfs.FS) error { return f.Move("/", "/d/e", true) }, fs.ErrInvalid, before},
		{"move onto the root", func(f *vfs.FS) error { return f.Move("/d", "/", true) }, fs.ErrInvalid, before},
		{"copy", func(f *vfs.FS) error { return f.Copy("/d", "/g", false, -1) }, nil, "d/ d/x=1 e/ e/y=2 f=3 g/ g/x=1"},
		{"copy alone", func(f *vfs.FS) error { return f.Copy("/d", "/g", false, 0) }, nil, "d/ d/x=1 e/ e/y=2 f=3 g/"},
		{"copy over a file", func(f *vfs.FS) error { return f.Copy("/f", "/d/x", true, -1) }, nil, "d/ d/x=3 e/ e/y=2 f=3"},
		{"copy, taken", func(f *vfs.FS) error { return f.Copy("/f", "/d/x", false, -1) }, fs.ErrExist, before},
		{"copy onto itself", func(f *vfs.FS) error { return f.Copy("/d", "/d", true, -1) }, fs.ErrInvalid, before},
		{"copy below itself", func(f *vfs.FS) error { return f.Copy("/d", "/d/e", true, -1) }, fs.ErrInvalid, before},
		{"delete", func(f *vfs.FS) error { return f.Delete("/d", "") }, nil, "e/ e/y=2 f=3"},
		{"delete, missing", func(f *vfs.FS) error { return f.Delete("/no", "") }, fs.ErrNotExist, before},
		{"delete the root", func(f *vfs.FS) error { return f.Delete("/", "") }, fs.ErrInvalid, before},
		{"delete another version", func(f *vfs.FS) error { return f.Delete("/f", `"x"`) }, backend.ErrChanged, before},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFS(t, memory.New(memory.Options{}))
			for _, dir := range []string{"/d", "/e"} {
				if err := f.Mkdir(dir, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			write(t, f, "/d/x", "1")
			write(t, f, "/e/y", "2")
			write(t, f, "/f", "3")
			if err := test.do(f); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if got := tree(t, f); got != test.tree {
				t.Errorf("%q, want %q", got, test.tree)
			}
		})
	}
}

func TestWithContextStops(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	ctx, cancel := context.WithCancel(t.Context())
	bound, ok := f.WithContext(ctx).(*vfs.FS)
	if !ok {
		t.Fatal("a bound file system has lost its abilities")
	}
	write(t, bound, "/a", "1")
	cancel()
	if _, err := bound.Stat("/a"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if got := read(t, f, "/a"); got != "1" {
		t.Errorf("%q", got)
	}
}
