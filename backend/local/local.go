package local

import (
	"context"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/durable"
	"github.com/davdisk/davdisk/internal/ownname"
)

// Options configure a Backend. The zero value is ready for use.
type Options struct {
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: discard
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
			return New(filepath.FromSlash(root), Options{Now: env.Now, Log: env.Log})
		},
	}
}

// bufferSize is the size of the buffer that a file is written through.
const bufferSize = 64 << 10

// Backend is a folder of this machine.
type Backend struct {
	share   *os.Root
	beneath beneath // of share
	now     func() time.Time
	log     *slog.Logger
	aliases *lru.Cache[string, string] // version as it looks now, to what it is called

	sweeping sync.WaitGroup
	cancel   context.CancelFunc // ends sweeping

	buffers sync.Pool // of *[bufferSize]byte

	mu sync.Mutex // held while a condition is checked and the change made
}

var _ interface {
	backend.Backend
	backend.Copier
	backend.Declarer
	backend.Usager
	backend.ModTimer
	backend.Confiner
	backend.Director
	backend.RemoveChecker
} = (*Backend)(nil)

// New opens a folder, which must exist. Stale hidden names in it are removed in
// the background, until Close.
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
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	aliases, err := lru.New[string, string](aliasCount)
	if err != nil {
		root.Close()
		return nil, err
	}
	opener, err := newBeneath(root)
	if err != nil {
		root.Close()
		return nil, pathError("open", dir, err)
	}
	b := &Backend{share: root, beneath: opener, now: opts.Now, log: opts.Log, aliases: aliases}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	b.sweeping.Go(func() { (&view{b, root, false}).sweepTree(ctx, ".") })
	return b, nil
}

// Capabilities implements backend.Declarer.
func (b *Backend) Capabilities() backend.Capabilities {
	return backend.Capabilities{
		NoConditionalPut: "another program may replace a file between the comparison of its version and the renaming",
		Names:            backend.Names{Refused: []string{ownname.UnfinishedPrefix + "*"}, Why: "davdisk names unfinished work so"},
	}
}

// Close releases the folder.
func (b *Backend) Close() error {
	b.cancel()
	b.sweeping.Wait()
	b.beneath.close()
	return b.share.Close()
}

// Stat implements backend.Backend.
func (b *Backend) Stat(ctx context.Context, name string) (backend.Info, error) {
	v, at, err := b.view(ctx, "stat", name)
	if err != nil {
		return backend.Info{}, err
	}
	defer v.close()
	fi, err := v.stat("stat", at)
	if err != nil {
		return backend.Info{}, err
	}
	return b.info(path.Base(name), attributesOf(fi)), nil
}

// List implements backend.Backend.
func (b *Backend) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	v, at, err := b.view(ctx, "list", name)
	if err != nil {
		return backend.Info{}, nil, err
	}
	defer v.close()
	fi, err := v.stat("list", at)
	if err != nil {
		return backend.Info{}, nil, err
	}
	self := b.info(path.Base(name), attributesOf(fi))
	if !self.Dir {
		return self, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	entries, err := v.names(at)
	if err != nil {
		return backend.Info{}, nil, pathError("list", name, err)
	}
	return self, func(yield func(backend.Info, error) bool) {
		v, at, err := b.view(ctx, "list", name)
		if err != nil {
			yield(backend.Info{}, err)
			return
		}
		defer v.close()
		look, end, err := v.looker(at)
		if err != nil {
			yield(backend.Info{}, pathError("list", name, err))
			return
		}
		defer end()
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				yield(backend.Info{}, &fs.PathError{Op: "list", Path: name, Err: err})
				return
			}
			if ownname.IsUnfinished(entry) {
				v.sweep(path.Join(at, entry))
				continue
			}
			found, ok := attributes{}, false
			if utf8.ValidString(entry) && !ownname.IsUnfinishedReserved(entry) && !strings.Contains(entry, "/") { // a name that a broken file system may tell
				found, ok = look(entry)
			}
			if !ok {
				fi, omitted, err := v.entry(at, entry)
				switch {
				case err != nil:
					yield(backend.Info{}, err)
					return
				case fi == nil || omitted != "":
					continue
				}
				found = attributesOf(fi)
			}
			if !yield(b.info(entry, found), nil) {
				return
			}
		}
	}, nil
}

// stat describes the file or folder with a name, following links.
func (v *view) stat(op, name string) (fs.FileInfo, error) {
	fi, err := v.root.Stat(name)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	if !isPlain(fi) {
		return nil, backend.PathError(op, name, fs.ErrPermission, "neither a file nor a folder")
	}
	return fi, nil
}

// isPlain reports whether something is a file or a folder, and no link.
func isPlain(fi fs.FileInfo) bool { return fi.IsDir() || fi.Mode().IsRegular() }

// goesRound reports whether an entry is a link to a folder that contains it:
// following it would never end.
func (v *view) goesRound(dir, entry string, fi fs.FileInfo) bool {
	if !fi.IsDir() {
		return false
	}
	link, err := v.root.Lstat(path.Join(dir, entry))
	if err != nil || link.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	for ; ; dir = path.Dir(dir) {
		if above, err := v.root.Stat(dir); err == nil && os.SameFile(above, fi) {
			return true
		}
		if dir == "." {
			return false
		}
	}
}

// Mkdir implements backend.Backend.
func (b *Backend) Mkdir(ctx context.Context, name string) error {
	v, at, err := b.view(ctx, "mkdir", name)
	if err != nil {
		return err
	}
	defer v.close()
	if at == "." {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	if err := v.root.Mkdir(at, 0o777); err != nil {
		return pathError("mkdir", name, err)
	}
	return v.sync("mkdir", path.Dir(at))
}

// sync syncs the entries of a folder.
func (v *view) sync(op, dir string) error {
	f, err := v.root.Open(dir)
	if err != nil {
		return pathError(op, dir, err)
	}
	defer f.Close()
	return pathError(op, dir, durable.Sync(f))
}
