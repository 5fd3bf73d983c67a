package transfer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

// filled returns a store: names that end in a slash are folders.
func filled(t *testing.T, entries ...string) *memory.Backend {
	t.Helper()
	b := memory.New(memory.Options{})
	for _, entry := range entries {
		name, content, isFile := strings.Cut(entry, "=")
		var err error
		if isFile {
			_, err = b.Put(t.Context(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))})
		} else {
			err = b.Mkdir(t.Context(), strings.TrimSuffix(name, "/"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func here(t *testing.T, dir string) *local.Backend {
	t.Helper()
	b, err := local.New(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// outcome is what a run has told.
type outcome struct {
	steps map[Kind][]string
	moved int64
	errs  []error
}

// has reports whether an error is of a kind.
func (o outcome) has(kind error) bool { return errors.Is(errors.Join(o.errs...), kind) }

// planned compares two sides as the command line does.
func planned(t *testing.T, from, to Side, o Options) *Plan {
	t.Helper()
	source, err := from.Stat(t.Context(), from.Name)
	if err != nil {
		t.Fatal(err)
	}
	var target *backend.Info
	if info, err := to.Stat(t.Context(), to.Name); err == nil {
		target = &info
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	p, err := New(t.Context(), from, to, source, target, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func done(ctx context.Context, p *Plan) (o outcome, err error) {
	o.steps = map[Kind][]string{}
	err = p.Run(ctx, Watch{
		Moved:  func(n int64) { o.moved += n },
		Done:   func(s Step) { o.steps[s.Kind] = append(o.steps[s.Kind], s.Name) },
		Failed: func(err error) { o.errs = append(o.errs, err) },
	})
	for _, names := range o.steps {
		slices.Sort(names)
	}
	return o, err
}

// transferred plans and runs.
func transferred(t *testing.T, from, to Side, o Options) outcome {
	t.Helper()
	out, err := done(t.Context(), planned(t, from, to, o))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestATreeIsCopiedDownWithItsTimes(t *testing.T) {
	from := filled(t, "d/", "d/a=1", "d/Ж $ 100% #?/", "d/Ж $ 100% #?/b=22", "d/empty/")
	dir := t.TempDir()
	to := Side{Backend: here(t, dir), Name: "out"}
	p := planned(t, Side{Backend: from, Name: "d"}, to, Options{})
	if p.Files != 2 || p.Bytes != 3 {
		t.Errorf("%d files with %d bytes are planned, want 2 with 3", p.Files, p.Bytes)
	}
	o, err := done(t.Context(), p)
	if err != nil || len(o.errs) > 0 {
		t.Fatal(err, o.errs)
	}
	for name, want := range map[string]string{"out/a": "1", "out/Ж $ 100% #?/b": "22"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
	if fi, err := os.Stat(filepath.Join(dir, "out/empty")); err != nil || !fi.IsDir() {
		t.Errorf("the empty folder: %v", err)
	}
	if o.moved != 3 {
		t.Errorf("%d bytes moved, want 3", o.moved)
	}
	info, err := from.Stat(t.Context(), "d/a")
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(filepath.Join(dir, "out/a")); err != nil || !fi.ModTime().Equal(info.ModTime) {
		t.Errorf("its time is %v, want %v", fi.ModTime(), info.ModTime)
	}
	again := transferred(t, Side{Backend: from, Name: "d"}, to, Options{})
	if len(again.steps[Same]) != 2 || len(again.steps) != 1 {
		t.Errorf("the second time it did %v", again.steps)
	}
}

func TestWhatIsThereIsNotReplacedUnasked(t *testing.T) {
	from := filled(t, "d/", "d/a=new", "d/b=new")
	to := filled(t, "d/", "d/a=old", "d/keep=old")
	sides := []Side{{Backend: from, Name: "d"}, {Backend: to, Name: "d"}}
	if o := transferred(t, sides[0], sides[1], Options{}); !o.has(fs.ErrExist) || len(o.errs) != 1 {
		t.Errorf("a tree over a tree: %v", o.errs)
	}
	if got := read(t, to, "d/a") + read(t, to, "d/b"); got != "oldnew" {
		t.Errorf("joined, it holds %q", got)
	}
	if o := transferred(t, sides[0], sides[1], Options{Replace: true}); len(o.errs) > 0 {
		t.Error(o.errs)
	}
	if got := read(t, to, "d/a") + read(t, to, "d/keep"); got != "newold" {
		t.Errorf("overwritten, it holds %q", got)
	}
	for _, kinds := range [][]string{{"d=file", "d/"}, {"d/", "d=file"}} {
		from, to := filled(t, kinds[0]), filled(t, kinds[1])
		if o := transferred(t, Side{Backend: from, Name: "d"}, Side{Backend: to, Name: "d"}, Options{Replace: true, Delete: true}); !o.has(fs.ErrExist) {
			t.Errorf("%q over %q: %v", kinds[0], kinds[1], o.errs)
		}
	}
}

// TestWhatChangesMeanwhile changes a side between the comparison and the copy.
func TestWhatChangesMeanwhile(t *testing.T) {
	put := func(b backend.Backend, name, content string) {
		t.Helper()
		if _, err := b.Put(t.Context(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
	}
	from, to := filled(t, "d/", "d/f=listed", "d/g=listed"), filled(t, "d/", "d/f=old")
	p := planned(t, Side{Backend: from, Name: "d"}, Side{Backend: to, Name: "d"}, Options{Replace: true})
	put(from, "d/g", "newer than that")
	put(to, "d/f", "somebody else's")
	o, err := done(t.Context(), p)
	if err != nil || !o.has(backend.ErrChanged) || len(o.errs) != 1 {
		t.Errorf("%v, %v; want that the target has changed", err, o.errs)
	}
	if f, g := read(t, to, "d/f"), read(t, to, "d/g"); f != "somebody else's" || g != "newer than that" {
		t.Errorf("the target holds %q and %q", f, g)
	}
	p = planned(t, Side{Backend: from, Name: "d"}, Side{Backend: to, Name: "d"}, Options{})
	put(to, "d/h", "new there")
	if o, err := done(t.Context(), p); err != nil || len(o.steps[Same]) != 1 {
		t.Errorf("%v, %v", err, o)
	}
}

func read(t *testing.T, b backend.Backend, name string) string {
	t.Helper()
	c, err := b.Open(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Range(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// hostile is a store whose listing has names that lead elsewhere.
type hostile struct {
	backend.Backend
	names []string
}

func (h hostile) List(context.Context, string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	return backend.Info{Name: "d", Dir: true}, func(yield func(backend.Info, error) bool) {
		for _, name := range h.names {
			if !yield(backend.Info{Name: name, Size: 1}, nil) {
				return
			}
		}
	}, nil
}

func TestADownloadStaysInItsFolder(t *testing.T) {
	for _, name := range []string{"../x", "..", ".", "/etc/passwd", "a/b", "", "a\x00b", "a/../../x"} {
		outer := t.TempDir()
		dir := filepath.Join(outer, "inner")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		from := hostile{filled(t, "x=evil"), []string{name}}
		o := transferred(t, Side{Backend: from, Name: "."}, Side{Backend: here(t, dir), Name: "out"}, Options{Replace: true})
		if !o.has(fs.ErrInvalid) {
			t.Errorf("%q: %v", name, o.errs)
		}
		var found []string
		if err := filepath.WalkDir(outer, func(path string, _ fs.DirEntry, err error) error {
			found = append(found, path)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if want := []string{outer, dir, filepath.Join(dir, "out")}; !slices.Equal(found, want) {
			t.Errorf("%q made %q", name, found)
		}
	}
}

// breaking is a store of which every content breaks off in the middle.
type breaking struct{ backend.Backend }

func (b breaking) Open(ctx context.Context, name, version string) (backend.Content, error) {
	c, err := b.Backend.Open(ctx, name, version)
	return breakingContent{c}, err
}

type breakingContent struct{ backend.Content }

var errBroken = errors.New("the line broke")

func (c breakingContent) Range(ctx context.Context, offset, _ int64) (io.ReadCloser, error) {
	r, err := c.Content.Range(ctx, offset, 2)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(r, failing{}), r}, nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestABrokenDownloadLeavesTheOldFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("old content"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := breaking{filled(t, "f=new content")}
	o := transferred(t, Side{Backend: from, Name: "f"}, Side{Backend: here(t, dir), Name: "f"}, Options{Replace: true})
	if !o.has(errBroken) || len(o.errs) != 1 {
		t.Errorf("it answered %v", o.errs)
	}
	if o.moved != 0 {
		t.Errorf("%d bytes count as moved", o.moved)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != "old content" {
		t.Errorf("it holds %q, %v", got, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
}

func TestABodyCanBeRewound(t *testing.T) {
	b := filled(t, "f=0123456789")
	c, err := b.Open(t.Context(), "f", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var moved int64
	r := &body{ctx: t.Context(), content: c, moved: func(n int64) { moved += n }}
	defer r.Close()
	for _, step := range []struct {
		offset int64
		whence int
		want   string
	}{{0, io.SeekStart, "0123456789"}, {4, io.SeekStart, "456789"}, {-2, io.SeekEnd, "89"}, {0, io.SeekCurrent, ""}} {
		if _, err := r.Seek(step.offset, step.whence); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != step.want {
			t.Errorf("from %d it reads %q, %v; want %q", step.offset, got, err, step.want)
		}
	}
	if moved != 10 {
		t.Errorf("%d bytes moved, want 10", moved)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("a seek before the beginning succeeded")
	}
}
