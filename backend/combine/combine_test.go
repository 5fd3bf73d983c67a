package combine_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

func newCombine(tb backendtest.TB, stores map[string]backend.Backend) *combine.Backend {
	tb.Helper()
	b, err := combine.New(stores)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestContract runs the contract below one folder of two.
func TestContract(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		b := newCombine(tb, map[string]backend.Backend{"one": memory.New(memory.Options{}), "two": memory.New(memory.Options{})})
		return spread{b, func(string) string { return "one" }}
	}, backendtest.Unseen("NoAtomicMove", "all is in one store here"))
}

// TestContractOnThisMachine runs it where nothing is cached.
func TestContractOnThisMachine(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		store, err := local.New(tb.TempDir(), local.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		b := spread{newCombine(tb, map[string]backend.Backend{"one": store}), func(string) string { return "one" }}
		if !backend.IsDirect(b) {
			tb.Error("it is not told to be on this machine")
		}
		return b
	}, backendtest.Unseen("NoConditionalPut", "the version is compared again just before the renaming"),
		backendtest.Unseen("NoAtomicMove", "all is in one store here"))
}

// TestContractAcrossStores runs it with names that lie in one store or the
// other, so that half of what is moved and copied goes across.
func TestContractAcrossStores(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		b := newCombine(tb, map[string]backend.Backend{"one": memory.New(memory.Options{}), "two": memory.New(memory.Options{})})
		return spread{b, func(first string) string {
			sum := 0
			for _, c := range []byte(first) {
				sum += int(c)
			}
			return []string{"one", "two"}[sum%2]
		}}
	}, backendtest.Unseen("NoAtomicMove", "in memory it takes no time"),
		backendtest.Only(func(name string) bool { return name != "move/a file" })) // which keeps its identifier, and here it cannot
}

// spread shows a combination as one tree: the store of a name depends on its
// first element.
type spread struct {
	b      *combine.Backend
	folder func(first string) string
}

func (s spread) at(name string) string {
	if backend.CheckName("", name) != nil || name == "." {
		return name
	}
	first, _, _ := strings.Cut(name, "/")
	return s.folder(first) + "/" + name
}

func (s spread) Direct() bool { return backend.IsDirect(s.b) }

func (s spread) Capabilities() backend.Capabilities { return s.b.Capabilities() }

func (s spread) Stat(ctx context.Context, name string) (backend.Info, error) {
	return s.b.Stat(ctx, s.at(name))
}

func (s spread) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if name != "." {
		return s.b.List(ctx, s.at(name))
	}
	self, folders, err := s.b.List(ctx, ".")
	if err != nil {
		return self, nil, err
	}
	return self, func(yield func(backend.Info, error) bool) {
		for folder := range folders {
			_, children, err := s.b.List(ctx, folder.Name)
			if err != nil {
				yield(backend.Info{}, err)
				return
			}
			for info, err := range children {
				if !yield(info, err) {
					return
				}
			}
		}
	}, nil
}

func (s spread) Open(ctx context.Context, name, version string) (backend.Content, error) {
	return s.b.Open(ctx, s.at(name), version)
}

func (s spread) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	return s.b.Put(ctx, s.at(name), body, opts)
}

func (s spread) Mkdir(ctx context.Context, name string) error { return s.b.Mkdir(ctx, s.at(name)) }

func (s spread) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	return s.b.Remove(ctx, s.at(name), opts)
}

func (s spread) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	return s.b.Move(ctx, s.at(from), s.at(to), opts)
}

func (s spread) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	return s.b.Copy(ctx, s.at(from), s.at(to), opts)
}

func (s spread) UsageIn(ctx context.Context, name string) (backend.Space, error) {
	return s.b.UsageIn(ctx, s.at(name))
}

func put(t *testing.T, b backend.Backend, name, content string) {
	t.Helper()
	if _, err := b.Put(t.Context(), name, strings.NewReader(content), backend.PutOptions{Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
}

// holds compares all that is in a store with what it should be; a folder ends in
// a slash.
func holds(t *testing.T, b backend.Backend, want ...string) {
	t.Helper()
	var got []string
	var walk func(dir string)
	walk = func(dir string) {
		_, children, err := b.List(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		for info, err := range children {
			name := path.Join(dir, info.Name)
			switch {
			case err != nil:
				t.Fatal(err)
			case info.Dir:
				got = append(got, name+"/")
				walk(name)
			default:
				c, err := b.Open(t.Context(), name, "")
				if err != nil {
					t.Fatal(err)
				}
				r, err := c.Range(t.Context(), 0, -1)
				if err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, name+"="+string(data))
			}
		}
	}
	walk(".")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("it holds %q, want %q", got, want)
	}
}

// faulty is a store with a fault in one of its methods.
type faulty struct {
	backend.Backend
	put    func(backend.Info, error) (backend.Info, error)
	remove func(name string) error
	list   error
}

func (f *faulty) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	info, err := f.Backend.Put(ctx, name, body, opts)
	if f.put != nil {
		return f.put(info, err)
	}
	return info, err
}

func (f *faulty) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if f.remove != nil {
		if err := f.remove(name); err != nil {
			return err
		}
	}
	return f.Backend.Remove(ctx, name, opts)
}

func (f *faulty) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if f.list != nil {
		return backend.Info{}, nil, f.list
	}
	return f.Backend.List(ctx, name)
}

// TestAFailedMoveLeavesTheSource breaks a move from store to store at each of
// its steps.
func TestAFailedMoveLeavesTheSource(t *testing.T) {
	unavailable := backend.PathError("x", "x", backend.ErrUnavailable, "")
	source := []string{"d/", "d/a=1", "d/b=22", "d/sub/", "d/sub/c=333"}
	copies := []string{"e/", "e/a=1", "e/b=22", "e/sub/", "e/sub/c=333"}
	for name, test := range map[string]struct {
		breaks func(one, two *faulty)
		one    []string
		two    []string
	}{
		"nothing": {func(*faulty, *faulty) {}, nil, copies},
		"the third file cannot be stored": {func(_, two *faulty) {
			n := 0
			two.put = func(info backend.Info, err error) (backend.Info, error) {
				if n++; n == 3 {
					_ = two.Backend.Remove(t.Context(), "e/sub/c", backend.RemoveOptions{})
					return backend.Info{}, unavailable
				}
				return info, err
			}
		}, source, nil},
		"other bytes were stored": {func(_, two *faulty) {
			two.put = func(info backend.Info, err error) (backend.Info, error) {
				info.SHA256 = strings.Repeat("0", 64)
				return info, err
			}
		}, source, nil},
		"the source cannot be listed": {func(one, _ *faulty) { one.list = unavailable }, source, nil},
		"the source cannot be removed": {func(one, _ *faulty) {
			one.remove = func(name string) error { return backend.PathError("remove", name, fs.ErrPermission, "") }
		}, source, nil},
		"no answer to the removal": {func(one, _ *faulty) {
			one.remove = func(name string) error { return backend.PathError("remove", name, backend.ErrUncertain, "") }
		}, source, copies},
		"a file came meanwhile": {func(one, _ *faulty) {
			one.remove = func(name string) error {
				if name == "d" {
					put(t, one.Backend, "d/new", "late")
				}
				return nil
			}
		}, []string{"d/", "d/new=late"}, copies},
		"a file changed meanwhile": {func(one, _ *faulty) {
			one.remove = func(name string) error {
				if name == "d/sub/c" {
					put(t, one.Backend, "d/sub/c", "changed")
				}
				return nil
			}
		}, []string{"d/", "d/a=1", "d/b=22", "d/sub/", "d/sub/c=changed"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := &faulty{Backend: memory.New(memory.Options{})}, &faulty{Backend: memory.New(memory.Options{})}
			b := newCombine(t, map[string]backend.Backend{"one": one, "two": two})
			for _, dir := range []string{"one/d", "one/d/sub"} {
				if err := b.Mkdir(t.Context(), dir); err != nil {
					t.Fatal(err)
				}
			}
			put(t, b, "one/d/a", "1")
			put(t, b, "one/d/b", "22")
			put(t, b, "one/d/sub/c", "333")
			test.breaks(one, two)
			err := b.Move(t.Context(), "one/d", "two/e", backend.MoveOptions{})
			if (err == nil) != (name == "nothing") {
				t.Errorf("it answered %v", err)
			}
			holds(t, one.Backend, test.one...)
			holds(t, two.Backend, test.two...)
		})
	}
}

// TestAStoreThatIsDown fails in its own folder alone.
func TestAStoreThatIsDown(t *testing.T) {
	unavailable := backend.PathError("list", ".", backend.ErrUnavailable, "")
	b := newCombine(t, map[string]backend.Backend{
		"up": memory.New(memory.Options{}), "down": &faulty{Backend: memory.New(memory.Options{}), list: unavailable},
	})
	put(t, b, "up/f", "here")
	_, children, err := b.List(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for info := range children {
		names = append(names, info.Name)
	}
	if !slices.Equal(names, []string{"down", "up"}) {
		t.Errorf("the root lists %q", names)
	}
	var pathError *fs.PathError
	if _, _, err := b.List(t.Context(), "down"); !errors.Is(err, backend.ErrUnavailable) || !errors.As(err, &pathError) || pathError.Path != "down" {
		t.Errorf("list of the folder that is down: %v", err)
	}
}

// TestTheRootIsFixed refuses changes of the root and of its folders.
func TestTheRootIsFixed(t *testing.T) {
	b := newCombine(t, map[string]backend.Backend{"one": memory.New(memory.Options{}), "two": memory.New(memory.Options{})})
	put(t, b, "one/f", "1")
	ctx := t.Context()
	over := backend.MoveOptions{Overwrite: true}
	_, putErr := b.Put(ctx, "new", strings.NewReader(""), backend.PutOptions{})
	for name, err := range map[string]error{
		"put": putErr, "mkdir": b.Mkdir(ctx, "new"), "remove": b.Remove(ctx, "one", backend.RemoveOptions{}),
		"move away": b.Move(ctx, "one", "two/one", over), "move onto": b.Move(ctx, "one/f", "two", over), "move into the root": b.Move(ctx, "one/f", "f", over),
		"copy into the root": b.Copy(ctx, "one/f", "f", backend.CopyOptions{}),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Stat(ctx, "new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of a free name: %v", err)
	}
	if err := b.Mkdir(ctx, "one"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("mkdir of a folder that is there: %v", err)
	}
	holds(t, b, "one/", "one/f=1", "two/")
}
