package local

import (
	"context"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
)

// Options shape a Backend. The zero value is good.
type Options struct {
	Now func() time.Time // nil: time.Now
}

// Driver registers the store as "local"; the root of an address is a path of
// this machine, "" the current folder.
func Driver() backend.Driver {
	return backend.Driver{
		Name: "local",
		Open: func(ctx context.Context, root string, _ map[string]string, env backend.Env) (backend.Backend, error) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			return New(filepath.FromSlash(root), Options{Now: env.Now})
		},
	}
}

// Backend is a folder of this machine.
type Backend struct {
	root    *os.Root
	now     func() time.Time
	aliases *lru.Cache[string, string] // version as it looks now, to what it is called

	mu sync.Mutex // held while a condition is checked and the change made
}

var _ interface {
	backend.Backend
	backend.Copier
	backend.Usager
	backend.ModTimer
} = (*Backend)(nil)

// New opens a folder, which must exist.
func New(dir string, opts Options) (*Backend, error) {
	if dir == "" {
		dir = "."
	}
	fi, err := os.Stat(dir)
	if err != nil {
		return nil, pathError("open", dir, err)
	}
	if !fi.IsDir() {
		return nil, backend.PathError("open", dir, backend.ErrNotDir, "")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, pathError("open", dir, err)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	aliases, err := lru.New[string, string](aliasCount)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Backend{root: root, now: opts.Now, aliases: aliases}, nil
}

// Close releases the folder.
func (b *Backend) Close() error { return b.root.Close() }

// Stat implements backend.Backend.
func (b *Backend) Stat(ctx context.Context, name string) (backend.Info, error) {
	if err := check(ctx, "stat", name); err != nil {
		return backend.Info{}, err
	}
	fi, err := b.stat("stat", name)
	if err != nil {
		return backend.Info{}, err
	}
	return b.info(path.Base(name), fi), nil
}

// List implements backend.Backend.
func (b *Backend) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if err := check(ctx, "list", name); err != nil {
		return backend.Info{}, nil, err
	}
	fi, err := b.stat("list", name)
	if err != nil {
		return backend.Info{}, nil, err
	}
	self := b.info(path.Base(name), fi)
	if !self.Dir {
		return self, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	dir, err := b.root.Open(name)
	if err != nil {
		return backend.Info{}, nil, pathError("list", name, err)
	}
	defer dir.Close()
	entries, err := dir.Readdirnames(-1)
	if err != nil {
		return backend.Info{}, nil, pathError("list", name, err)
	}
	slices.Sort(entries)
	return self, func(yield func(backend.Info, error) bool) {
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				yield(backend.Info{}, &fs.PathError{Op: "list", Path: name, Err: err})
				return
			}
			if isHidden(entry) {
				b.sweep(path.Join(name, entry))
				continue
			}
			fi, omitted, err := b.entry(name, entry)
			switch {
			case err != nil:
				yield(backend.Info{}, err)
				return
			case fi == nil || omitted != "":
				continue
			}
			if !yield(b.info(entry, fi), nil) {
				return
			}
		}
	}, nil
}

// stat looks at what a name leads to, which is a file or a folder.
func (b *Backend) stat(op, name string) (fs.FileInfo, error) {
	fi, err := b.root.Stat(name)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	if !fi.IsDir() && !fi.Mode().IsRegular() {
		return nil, backend.PathError(op, name, fs.ErrPermission, "neither a file nor a folder")
	}
	return fi, nil
}

// goesRound tells of a link to a folder that it lies in itself: who followed it
// would never come to an end.
func (b *Backend) goesRound(dir, entry string, fi fs.FileInfo) bool {
	if !fi.IsDir() {
		return false
	}
	link, err := b.root.Lstat(path.Join(dir, entry))
	if err != nil || link.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	for ; ; dir = path.Dir(dir) {
		if above, err := b.root.Stat(dir); err == nil && os.SameFile(above, fi) {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// Mkdir implements backend.Backend.
func (b *Backend) Mkdir(ctx context.Context, name string) error {
	if err := check(ctx, "mkdir", name); err != nil {
		return err
	}
	if name == "." {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	if err := b.root.Mkdir(name, 0o777); err != nil {
		return pathError("mkdir", name, err)
	}
	return b.sync("mkdir", path.Dir(name))
}

// SetModTime implements backend.ModTimer.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	if err := check(ctx, "chtimes", name); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	before, err := b.stat("chtimes", name)
	if err != nil {
		return err
	}
	version := b.version(before)
	if err := b.root.Chtimes(name, time.Time{}, t); err != nil {
		return pathError("chtimes", name, err)
	}
	after, err := b.stat("chtimes", name)
	if err != nil {
		return err
	}
	b.keepVersion(version, after)
	return nil
}

// sync brings the entries of a folder to the disk.
func (b *Backend) sync(op, dir string) error {
	f, err := b.root.Open(dir)
	if err != nil {
		return pathError(op, dir, err)
	}
	defer f.Close()
	if err := durable.Sync(f); err != nil {
		return pathError(op, dir, err)
	}
	return nil
}

// check refuses names that cannot be asked for, and an ended context.
func check(ctx context.Context, op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	if _, err := filepath.Localize(name); err != nil {
		return backend.PathError(op, name, fs.ErrInvalid, "this system has no such names")
	}
	for part := range strings.SplitSeq(name, "/") {
		if isHidden(part) {
			return backend.PathError(op, name, fs.ErrInvalid, "names that begin with "+hiddenPrefix+" are used by davdisk itself")
		}
	}
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

// checkTwo is check for an operation on two names, neither of them the root.
func checkTwo(ctx context.Context, op, from, to string) error {
	for _, name := range []string{from, to} {
		if err := check(ctx, op, name); err != nil {
			return err
		}
		if name == "." {
			return backend.LinkError(op, from, to, fs.ErrInvalid, "the root stays where it is")
		}
	}
	return nil
}
