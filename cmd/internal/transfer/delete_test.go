package transfer

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// names lists a store.
func names(t *testing.T, b backend.Backend, dir string) (all []string) {
	t.Helper()
	_, children, err := b.List(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(dir+"/"+info.Name, "./")
		all = append(all, name)
		if info.Dir {
			all = append(all, names(t, b, name)...)
		}
	}
	slices.Sort(all)
	return all
}

func TestDelete(t *testing.T) {
	source := []string{"d/", "d/a=1", "d/sub/", "d/sub/b=1"}
	extra := []string{"d/", "d/a=1", "d/sub/", "d/sub/b=1", "d/sub/old=1", "d/gone/", "d/gone/x=1", "d/gone/deep/", "d/gone/deep/y.bak=1"}
	for name, test := range map[string]struct {
		include, exclude []string
		want             string
		held, extra      int
	}{
		"all":              {nil, nil, "d d/a d/sub d/sub/b", 8, 5},
		"excluded file":    {nil, []string{"*.bak"}, "d d/a d/gone d/gone/deep d/gone/deep/y.bak d/sub d/sub/b", 7, 2},
		"excluded folder":  {nil, []string{"gone/"}, "d d/a d/gone d/gone/deep d/gone/deep/y.bak d/gone/x d/sub d/sub/b", 4, 1},
		"included":         {[]string{"x"}, nil, "d d/a d/gone d/gone/deep d/gone/deep/y.bak d/sub d/sub/b d/sub/old", 4, 1},
		"included, folder": {[]string{"gone/"}, nil, "d d/a d/sub d/sub/b d/sub/old", 5, 4},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := filled(t, source...), filled(t, extra...)
			filter, err := NewFilter(test.include, test.exclude)
			if err != nil {
				t.Fatal(err)
			}
			sides := []Side{{Backend: from, Name: "d"}, {Backend: to, Name: "d"}}
			if transferred(t, sides[0], sides[1], Options{Filter: filter}); len(names(t, to, ".")) != len(extra) {
				t.Fatal("without Delete something was deleted")
			}
			p := planned(t, sides[0], sides[1], Options{Filter: filter, Delete: true})
			if p.Held != test.held || p.Extra != test.extra {
				t.Errorf("it holds %d, of which %d are to go; want %d and %d", p.Held, p.Extra, test.held, test.extra)
			}
			o, err := done(t.Context(), p)
			if err != nil || len(o.errs) > 0 {
				t.Error(err, o.errs)
			}
			if got := strings.Join(names(t, to, "."), " "); got != test.want {
				t.Errorf("left is %s\nwant    %s", got, test.want)
			}
		})
	}
}

// faulty is a source whose answers are wrong in one way.
type faulty struct {
	backend.Backend
	list    error                                        // instead of a listing of d/sub
	breaks  error                                        // ends each listing
	change  func(info backend.Info) (backend.Info, bool) // of entries; false leaves one out
	omitted []error
	open    error
}

func (f faulty) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if f.list != nil && name == "d/sub" {
		return backend.Info{}, nil, f.list
	}
	self, children, err := f.Backend.List(ctx, name)
	if err != nil {
		return self, children, err
	}
	return self, func(yield func(backend.Info, error) bool) {
		for info, err := range children {
			if f.change != nil {
				var ok bool
				if info, ok = f.change(info); !ok {
					continue
				}
			}
			if !yield(info, err) {
				return
			}
		}
		if f.breaks != nil {
			yield(backend.Info{}, f.breaks)
		}
	}, nil
}

func (f faulty) Omitted(context.Context, string) ([]error, error) { return f.omitted, nil }

func (f faulty) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if f.open != nil {
		return nil, f.open
	}
	return f.Backend.Open(ctx, name, version)
}

// TestNothingIsDeletedAfterAnError has a source of which not all is known, and
// wants every file of the target kept.
func TestNothingIsDeletedAfterAnError(t *testing.T) {
	trouble := backend.PathError("list", "d/sub", backend.ErrUnavailable, "")
	without := func(name string) func(backend.Info) (backend.Info, bool) {
		return func(info backend.Info) (backend.Info, bool) { return info, info.Name != name }
	}
	for name, broken := range map[string]faulty{
		"a listing fails":        {list: trouble},
		"a folder is not found":  {list: backend.PathError("list", "d/sub", fs.ErrNotExist, "")},
		"a listing breaks off":   {breaks: trouble},
		"a file is left out":     {change: without("b")},
		"a folder is left out":   {change: without("sub")},
		"all is left out":        {change: func(info backend.Info) (backend.Info, bool) { return info, false }},
		"a name leads elsewhere": {change: func(info backend.Info) (backend.Info, bool) { info.Name = "../" + info.Name; return info, true }},
		"a file is not described": {change: func(info backend.Info) (backend.Info, bool) {
			if info.Name == "b" {
				info.Err = trouble
			}
			return info, true
		}},
		"a file cannot be shown": {omitted: []error{backend.PathError("copy", "d/odd", errors.ErrUnsupported, "")}},
		"a file cannot be read":  {open: trouble},
	} {
		t.Run(name, func(t *testing.T) {
			broken.Backend = filled(t, "d/", "d/a=1", "d/new=1", "d/sub/", "d/sub/b=1")
			kept := []string{"d/", "d/a=1", "d/sub/", "d/sub/b=1", "d/old=1"}
			to := filled(t, kept...)
			before := names(t, to, ".")
			o := transferred(t, Side{Backend: broken, Name: "d", Address: "src:d"}, Side{Backend: to, Name: "d", Address: "dst:d"}, Options{Replace: true, Delete: true})
			if len(o.steps[Delete]) > 0 || len(o.errs) == 0 {
				t.Errorf("deleted %q; errors %v", o.steps[Delete], o.errs)
			}
			for _, name := range before {
				if _, err := to.Stat(t.Context(), name); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if !strings.Contains(errors.Join(o.errs...).Error(), `nothing was deleted at "dst:d"`) {
				t.Errorf("it does not say that nothing was deleted: %v", o.errs)
			}
		})
	}
}

// TestInterruption ends the context while a file is copied: what was copied stays,
// and nothing is deleted.
func TestInterruption(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	from := stopping{filled(t, "d/", "d/a=1", "d/b=1", "d/c=1"), cancel}
	to := filled(t, "d/", "d/old=1")
	p := planned(t, Side{Backend: from, Name: "d"}, Side{Backend: to, Name: "d"}, Options{Delete: true, Transfers: 1})
	o, err := done(ctx, p)
	if !errors.Is(err, context.Canceled) || len(o.errs) > 0 {
		t.Errorf("%v, %v", err, o.errs)
	}
	if got := strings.Join(names(t, to, "d"), " "); got != "d/a d/old" || len(o.steps[Copy]) != 1 {
		t.Errorf("the target holds %s, told were %v", got, o.steps)
	}
}

// stopping is a store that ends a context when d/b is opened.
type stopping struct {
	backend.Backend
	cancel context.CancelFunc
}

func (s stopping) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if name == "d/b" {
		s.cancel()
	}
	c, err := s.Backend.Open(ctx, name, version)
	return ending{c}, err
}

// ending is a content that is read as long as a context lasts.
type ending struct{ backend.Content }

func (e ending) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return e.Content.Range(ctx, offset, length)
}

// TestNoFolderGoesBelowItself has the target in the source, and the source in the
// target, by their IDs: two remotes may show the same.
func TestNoFolderGoesBelowItself(t *testing.T) {
	b := filled(t, "d/", "d/a=1", "d/in/", "d/in/x=1", "d/in/deep/")
	deep, err := b.Stat(t.Context(), "d/in/deep")
	if err != nil || deep.ID == "" {
		t.Fatalf("%v, %v", deep, err)
	}
	o := transferred(t, Side{Backend: b, Name: "d"}, Side{Backend: b, Name: "d/in/deep"}, Options{})
	if !o.has(fs.ErrInvalid) {
		t.Errorf("into itself: %v", o.errs)
	}
	o = transferred(t, Side{Backend: b, Name: "d"}, Side{Backend: b, Name: "d/in/deep/new"}, Options{Outer: deep.ID})
	if !o.has(fs.ErrInvalid) {
		t.Errorf("into a new folder in itself: %v", o.errs)
	}
	b = filled(t, "d/", "d/a=1", "d/in/", "d/in/x=1")
	o = transferred(t, Side{Backend: b, Name: "d/in"}, Side{Backend: b, Name: "d"}, Options{Delete: true})
	if !o.has(fs.ErrInvalid) || read(t, b, "d/in/x") != "1" {
		t.Errorf("into what it is in: %v", o.errs)
	}
}
