package backendtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/memory"
)

// Each of these stores lacks one thing, which it declares as it should. One
// that has everything makes the same declaration falsely.
var lacking = map[string]struct {
	caught string // the test that must fail if the declaration is false, either way
	caps   backend.Capabilities
	make   func(*memory.Backend) backend.Backend
}{
	"conditional put":  {"capability/conditional put", backend.Capabilities{NoConditionalPut: "it looks first"}, func(b *memory.Backend) backend.Backend { return looksFirst{b} }},
	"atomic overwrite": {"capability/atomic overwrite", backend.Capabilities{NoAtomicOverwrite: "it truncates"}, func(b *memory.Backend) backend.Backend { return truncatesFirst{b} }},
	"empty folders":    {"capability/empty folders", backend.Capabilities{NoEmptyFolders: "it has keys"}, func(b *memory.Backend) backend.Backend { return forgetsFolders{b} }},
	"atomic move":      {"capability/atomic move", backend.Capabilities{NoAtomicMove: "it copies"}, func(b *memory.Backend) backend.Backend { return copies{b, new(atomic.Int64)} }},
	"characters":       refusing(backend.Names{Forbidden: ":?é", Why: "made up"}),
	"patterns":         refusing(backend.Names{Refused: []string{"*.", " *", "con?"}, Why: "made up"}),
	"long names":       refusing(backend.Names{MaxBytes: 143, Why: "made up"}),
	"long paths":       refusing(backend.Names{MaxPath: 700, Why: "made up"}),
	"case": {"names/case tells names apart", backend.Capabilities{Names: backend.Names{IgnoreCase: true, Why: "made up"}}, func(b *memory.Backend) backend.Backend {
		return sameNames{b, strings.ToLower, &sync.Map{}}
	}},
	"form": {"names/form tells names apart", backend.Capabilities{Names: backend.Names{IgnoreForm: true, Why: "made up"}}, func(b *memory.Backend) backend.Backend {
		return sameNames{b, norm.NFC.String, &sync.Map{}}
	}},
}

func refusing(n backend.Names) (row struct {
	caught string
	caps   backend.Capabilities
	make   func(*memory.Backend) backend.Backend
}) {
	row.caught = "names/"
	row.caps = backend.Capabilities{Names: n}
	row.make = func(b *memory.Backend) backend.Backend { return refuses{b, n} }
	return row
}

// declares adds a declaration to a store.
type declares struct {
	backend.Backend
	caps backend.Capabilities
}

func (d declares) Capabilities() backend.Capabilities { return d.caps }
func (d declares) Unwrap() backend.Backend            { return d.Backend }

func TestDeclarations(t *testing.T) {
	t.Parallel()
	for name, row := range lacking {
		t.Run("true/"+name, func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, func(backendtest.TB) backend.Backend {
				return declares{row.make(memory.New(memory.Options{})), row.caps}
			})
		})
		for direction, open := range map[string]backendtest.Maker{
			"it has what it declares as lacking": func(backendtest.TB) backend.Backend {
				return declares{memory.New(memory.Options{}), row.caps}
			},
			"it lacks what it does not declare": func(backendtest.TB) backend.Backend {
				return row.make(memory.New(memory.Options{}))
			},
		} {
			t.Run(direction+"/"+name, func(t *testing.T) {
				t.Parallel()
				caught := falseDeclaration(t, open, row.caught)
				if !caught {
					t.Errorf("no test of %s* failed", row.caught)
				}
			})
		}
	}
}

// falseDeclaration reports whether a test fails whose name begins with prefix.
func falseDeclaration(t *testing.T, open backendtest.Maker, prefix string) bool {
	t.Helper()
	report := backendtest.CheckStrictly(t.Context(), open, backendtest.Only(func(name string) bool { return strings.HasPrefix(name, prefix) }))
	return report.Count(backendtest.Failed) > 0
}

// looksFirst compares the condition before it reads the body.
type looksFirst struct{ *memory.Backend }

func (b looksFirst) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	info, err := b.Stat(ctx, name)
	switch {
	case err == nil && opts.IfAbsent:
		return backend.Info{}, backend.PathError("put", name, fs.ErrExist, "")
	case opts.IfVersion != "" && (err != nil || info.Version != opts.IfVersion):
		return backend.Info{}, backend.PathError("put", name, backend.ErrChanged, "")
	}
	opts.IfAbsent, opts.IfVersion = false, ""
	return b.Backend.Put(ctx, name, body, opts)
}

// truncatesFirst stores a part of the body before the whole.
type truncatesFirst struct{ *memory.Backend }

func (b truncatesFirst) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	first := make([]byte, 1000)
	n, _ := io.ReadFull(body, first)
	if _, err := b.Stat(ctx, name); err == nil && n == len(first) && !opts.IfAbsent && opts.IfVersion == "" {
		if _, err := b.Backend.Put(ctx, name, bytes.NewReader(first), backend.PutOptions{Size: int64(n)}); err != nil {
			return backend.Info{}, err
		}
	}
	return b.Backend.Put(ctx, name, io.MultiReader(bytes.NewReader(first[:n]), body), opts)
}

// forgetsFolders has only the folders that a file is in, as a store of keys.
type forgetsFolders struct{ *memory.Backend }

func (b forgetsFolders) Mkdir(ctx context.Context, name string) error {
	if err := backend.CheckName("mkdir", name); err != nil {
		return err
	}
	if _, err := b.Stat(ctx, name); err == nil {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := b.Stat(ctx, dir); err == nil && !info.Dir {
			return backend.PathError("mkdir", name, fs.ErrNotExist, "")
		}
	}
	if err := b.Backend.Mkdir(ctx, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return b.prune(ctx, name)
}

// grow makes the folders above a name, if that is one.
func (b forgetsFolders) grow(ctx context.Context, name string) {
	if backend.CheckName("", name) != nil || ctx.Err() != nil || path.Dir(name) == "." {
		return
	}
	b.grow(ctx, path.Dir(name))
	_ = b.Backend.Mkdir(ctx, path.Dir(name))
}

// prune removes a folder and those above it if they are empty.
func (b forgetsFolders) prune(ctx context.Context, dir string) error {
	for ; dir != "."; dir = path.Dir(dir) {
		if info, err := b.Stat(ctx, dir); err != nil || !info.Dir {
			continue
		}
		if err := b.Backend.Remove(ctx, dir, backend.RemoveOptions{IfEmpty: true}); err != nil && !errors.Is(err, backend.ErrNotEmpty) {
			return err
		}
	}
	return nil
}

func (b forgetsFolders) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	b.grow(ctx, name)
	info, err := b.Backend.Put(ctx, name, body, opts)
	if err != nil && backend.CheckName("", name) == nil {
		_ = b.prune(context.WithoutCancel(ctx), path.Dir(name))
	}
	return info, err
}

func (b forgetsFolders) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if err := b.Backend.Remove(ctx, name, opts); err != nil {
		return err
	}
	return b.prune(ctx, path.Dir(name))
}

func (b forgetsFolders) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if _, err := b.Stat(ctx, from); err == nil && !backend.Within(to, from) {
		b.grow(ctx, to)
	}
	if err := b.Backend.Move(ctx, from, to, opts); err != nil {
		return err
	}
	return b.prune(ctx, path.Dir(from))
}

func (b forgetsFolders) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if _, err := b.Stat(ctx, from); err == nil && !backend.Within(to, from) {
		b.grow(ctx, to)
	}
	return b.Backend.Copy(ctx, from, to, opts)
}

// copies moves a folder by copying and removing it, and waits between the two
// until somebody has looked.
type copies struct {
	*memory.Backend
	looks *atomic.Int64
}

func (b copies) Stat(ctx context.Context, name string) (backend.Info, error) {
	b.looks.Add(1)
	return b.Backend.Stat(ctx, name)
}

func (b copies) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	info, err := b.Stat(ctx, from)
	if err != nil || !info.Dir || from == to || backend.Within(to, from) {
		return b.Backend.Move(ctx, from, to, opts)
	}
	if _, err := b.Stat(ctx, to); err == nil {
		return b.Backend.Move(ctx, from, to, opts) // which fails
	}
	if err := b.Copy(ctx, from, to, backend.CopyOptions{}); err != nil {
		return err
	}
	if from == "from" || from == "to" { // the folder of the test that watches
		for looks, deadline := b.looks.Load(), time.Now().Add(10*time.Second); b.looks.Load() < looks+20 && time.Now().Before(deadline); {
			runtime.Gosched()
		}
	}
	return b.Remove(ctx, from, backend.RemoveOptions{})
}

// refuses holds some names only.
type refuses struct {
	*memory.Backend
	names backend.Names
}

func (b refuses) check(op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	return b.names.Check(op, name)
}

func (b refuses) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := b.check("put", name); err != nil {
		return backend.Info{}, err
	}
	return b.Backend.Put(ctx, name, body, opts)
}

func (b refuses) Mkdir(ctx context.Context, name string) error {
	if err := b.check("mkdir", name); err != nil {
		return err
	}
	return b.Backend.Mkdir(ctx, name)
}

func (b refuses) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := b.check("move", to); err != nil {
		return err
	}
	return b.Backend.Move(ctx, from, to, opts)
}

func (b refuses) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if err := b.check("copy", to); err != nil {
		return err
	}
	return b.Backend.Copy(ctx, from, to, opts)
}

// sameNames has one name for all that fold alike: the one it met first.
type sameNames struct {
	*memory.Backend
	fold func(string) string
	met  *sync.Map
}

func (b sameNames) name(name string) string {
	if backend.CheckName("", name) != nil {
		return name
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		first, _ := b.met.LoadOrStore(b.fold(part), part)
		parts[i] = first.(string)
	}
	return strings.Join(parts, "/")
}

func (b sameNames) Stat(ctx context.Context, name string) (backend.Info, error) {
	return b.Backend.Stat(ctx, b.name(name))
}

func (b sameNames) Open(ctx context.Context, name, version string) (backend.Content, error) {
	return b.Backend.Open(ctx, b.name(name), version)
}

func (b sameNames) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	return b.Backend.Put(ctx, b.name(name), body, opts)
}
