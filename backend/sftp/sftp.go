package sftp

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Backend is a folder of an SFTP server.
type Backend struct {
	opts Options
	root string // absolute, on the server

	dialing chan struct{} // holds a token while nobody connects
	mu      sync.Mutex    // guards conn and closed
	conn    *conn
	closed  bool
	calls   sync.WaitGroup // goroutines of calls and connections

	extensions extensions
	names      pathlock.Table // held while a condition is checked and the change made
	owned      sync.Map       // hidden names of work that is under way here
	versions   *versions
	folders    *lru.Cache[string, time.Time] // known to be folders, and since when
}

var _ interface {
	backend.Backend
	backend.Declarer
	backend.ModTimer
	backend.RemoveChecker
	backend.Usager
	io.Closer
} = (*Backend)(nil)

// New connects to the server. The root must be a folder.
func New(ctx context.Context, opts Options) (*Backend, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	folders, err := lru.New[string, time.Time](folderCount)
	if err != nil {
		return nil, err
	}
	remembered, err := newVersions()
	if err != nil {
		return nil, err
	}
	b := &Backend{opts: opts, dialing: make(chan struct{}, 1), folders: folders, versions: remembered}
	b.dialing <- struct{}{}
	if err := b.open(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// open finds the root and what the server can do.
func (b *Backend) open(ctx context.Context) error {
	folder := cmp.Or(b.opts.Folder, ".")
	root := path.Join(folder, path.Join("/", b.opts.Root)) // never above the folder
	c, err := b.connected(ctx)
	if err != nil {
		return pathError("open", root, err)
	}
	b.extensions = c.extensions(b.opts.without)
	base, err := do(ctx, b, func(c *conn) (string, error) { return c.RealPath(folder) })
	if err != nil {
		return pathError("open", root, err)
	}
	if !path.IsAbs(base) {
		return backend.PathError("open", root, backend.ErrUnavailable, "the server does not say where that is")
	}
	b.root = path.Join(base, path.Join("/", b.opts.Root))
	fi, err := do(ctx, b, func(c *conn) (fs.FileInfo, error) { return c.Stat(b.root) })
	if err != nil {
		return pathError("open", root, err)
	}
	if !fi.IsDir() {
		return backend.PathError("open", root, backend.ErrNotDir, "")
	}
	return nil
}

// Close closes the connection and waits for the calls that are under way.
func (b *Backend) Close() error {
	b.mu.Lock()
	c := b.conn
	b.conn, b.closed = nil, true
	b.mu.Unlock()
	if c != nil {
		c.close()
	}
	b.calls.Wait()
	return nil
}

// Capabilities implements backend.Declarer.
func (b *Backend) Capabilities() backend.Capabilities {
	caps := backend.Capabilities{
		NoConditionalPut: "SFTP has no conditions, so they are checked just before the file is renamed to its name",
		Names: backend.Names{
			Refused: []string{ownname.UnfinishedPrefix + "*"},
			Why:     "such names are used by davdisk itself",
		},
	}
	if !b.extensions.posixRename {
		caps.NoAtomicOverwrite = "the server cannot rename over a file: it lacks posix-rename@openssh.com"
	}
	return caps
}

// at returns the path of a name on the server.
func (b *Backend) at(name string) string { return path.Join(b.root, name) }
