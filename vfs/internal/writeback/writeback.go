// Package writeback acknowledges a Put when its content is on the local disk,
// and stores it afterwards.
//
// A [Queue] is a backend in front of another, the store. An acknowledged file is
// kept in a folder, the bytes in one file and an [Entry] in another, both
// synced, so that the process may be killed at any moment: the next one
// continues. Until it is stored, the queue shows it in place of what the store
// has.
//
// There is at most one entry per name; a later Put replaces an earlier one. An
// entry records the version that it replaces. If the store has another one by
// then, neither is lost: ours is stored beside it (conflict.go). Any other
// operation on the name of an entry waits until it is stored, except that a
// removed file need not be stored first.
//
// In entry.go is the folder; read.go merges entries with what is stored; put.go
// acknowledges; changes.go makes all other changes; upload.go stores in the
// background; gateways.go is what queues of several gateways agree about.
package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// Options configures a Queue.
type Options struct {
	Dir      string // the folder of the queue, created if it does not exist
	MaxBytes int64  // limit of the queue; files beyond it are stored at once. 0: accept none, but store what a previous run has left
	Log      *slog.Logger
	Now      func() time.Time

	// Look describes what is visible under a name, possibly from a cache. The
	// conditions of a Put are checked against it.
	Look func(ctx context.Context, name string) (backend.Info, error)
	// Changed is called with names of which the store now has something else
	// than the queue has shown.
	Changed func(name string)
	// Gateways knows the queues of the other gateways; nil: there are none.
	Gateways Gateways
	// Held reports whether what the caller of ctx was granted is still kept from the
	// others; nil: it is. It is called concurrently, and must not block.
	Held func(ctx context.Context) bool
}

// A Queue is a backend.Backend that stores files later. It is safe for
// concurrent use.
type Queue struct {
	store    backend.Backend
	opts     Options
	gateways Gateways
	id       string // of the folder; empty for a queue that is the only one
	folder   folder
	unlock   func() error
	names    pathlock.Table // locked by Put

	work    context.Context // of all that is done in the background
	cancel  context.CancelFunc
	kick    chan struct{} // wakes run
	stopped chan struct{} // closed when run has ended

	mu       sync.Mutex          // guards the fields below
	entries  map[string]*entry   // by name
	inFlight map[string]*attempt // uploads in progress
	uploads  context.Context     // of those that start
	halt     context.CancelFunc
	removed  map[string]Entry // that are not going to be stored, of which the others may not know yet; the last one by name
	blocked  []string         // names whose uploads may not start
	last     uint64           // number of the last entry
	acks     uint64           // number of changes of the queue, other than by storing
	bytes    int64            // of all contents
	space    backend.Space    // as last reported by the store; zero: unknown
	draining bool
}

// entry is a queued entry and its state.
type entry struct {
	Entry
	begun   bool  // the store may have it, or one that it has replaced
	look    bool  // its next upload must look first
	failed  bool  // an attempt of this process has failed
	full    bool  // the store had no room for it
	refused bool  // its last attempt failed with a permanent error
	urgent  bool  // somebody waits for it
	late    *late // nil: nothing may come late
	attempt *attempt
}

// Waits reports whether a previous run has left entries in the folder of a
// queue.
func Waits(dir string) (bool, error) {
	all, err := folder(dir).read()
	return len(all) > 0, err
}

// Open opens the queue of a folder in front of a store. Nothing is stored before
// Start, which the caller must call, and later Close, unless Open fails. A store
// that is not a backend.Versioner is refused, because the entity tag of an
// acknowledged file would change when it is stored.
func Open(store backend.Backend, o Options) (*Queue, error) {
	if _, err := backend.VersionOf(store, ""); err != nil && o.MaxBytes > 0 {
		return nil, errors.New("write-back needs a store whose versions derive from the content, because the client gets the version before the file is stored; those of this store do not")
	}
	q := &Queue{
		store: store, opts: o, gateways: o.Gateways, folder: folder(o.Dir),
		kick: make(chan struct{}, 1), stopped: make(chan struct{}),
		entries: map[string]*entry{}, inFlight: map[string]*attempt{}, removed: map[string]Entry{},
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the queue of uploads: %w", err)
	}
	var err error
	if q.unlock, err = lock(o.Dir); err != nil {
		return nil, err
	}
	left, err := q.folder.load()
	if q.gateways == nil {
		q.gateways = alone{}
	} else if err == nil {
		if q.removed, err = q.folder.buried(); err == nil {
			q.id, err = q.folder.identify()
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the queue of uploads: %w", err), q.unlock())
	}
	for _, e := range left {
		// The previous run may have begun to store it. Its failures do not count.
		e.Trouble = Trouble{}
		q.entries[e.Name] = &entry{Entry: e, begun: true, late: q.lateOf(e.ID), attempt: newAttempt()}
		q.bytes += e.Size
		q.count(e)
	}
	for _, e := range q.removed {
		q.count(e)
	}
	if len(left) > 0 {
		o.Log.Info("files of a previous run are still to be stored", "files", len(left), "bytes", q.bytes)
	}
	q.work, q.cancel = context.WithCancel(context.Background())
	q.uploads, q.halt = context.WithCancel(q.work)
	q.gateways.Attach(q)
	for name, e := range q.removed {
		if e.Beside != "" {
			q.gateways.Renamed(name, e.Beside)
		}
	}
	return q, nil
}

// count has later entries get later IDs than one.
func (q *Queue) count(e Entry) {
	number, _ := strconv.ParseUint(e.ID, 16, 64)
	q.last = max(q.last, number)
}

// newID returns the ID of the next entry. It comes after all others, also after those of
// an earlier run that has left none: the other gateways may have been told of them. The
// caller holds q.mu.
func (q *Queue) newID() string {
	q.last = max(q.last+1, uint64(max(q.opts.Now().UnixNano(), 0)))
	return fmt.Sprintf("%016x", q.last)
}

// lock locks the folder against other processes.
func lock(dir string) (unlock func() error, err error) {
	l := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	got, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the queue of uploads: %w", err)
	}
	if !got {
		return nil, fmt.Errorf("another davdisk uses the queue of uploads %s; stop it first", dir)
	}
	return l.Close, nil
}

// errSent refuses to drop a file whose name must not be free yet.
var errSent error = &backend.Error{Kind: backend.ErrUnavailable, Message: "an upload of it was cut off and may still take effect, over what another gateway stores under its name; start this gateway, and if it still waits after an hour, stop the gateway and drop it"}

// Drop removes an entry and its content. It fails while a process has the queue
// open, and, where there are other gateways, after a process was killed while it
// stored the entry: the next one knows when that upload is over.
func Drop(dir, id string) error {
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	f := folder(dir)
	if f.isShared() && f.isSent(id) {
		err = errSent
	} else if err = f.bury(id); err == nil {
		f.discard(id)
	}
	return errors.Join(err, unlock())
}

// Read returns the entries in the folder of a queue, oldest first, and the path
// of the content of each. It may be used while a process has the queue open.
func Read(dir string) (entries []Entry, contents []string, err error) {
	f := folder(dir)
	entries, err = f.read()
	for _, e := range entries {
		contents = append(contents, f.content(e.ID))
	}
	return entries, contents, err
}

// Waiting returns the number of queued files and their total size in bytes.
func (q *Queue) Waiting() (files int, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries), q.bytes
}

// Close stores queued files that have not failed before, for at most 20 seconds,
// and leaves the rest to the next run. Then it closes the store if it is an
// io.Closer.
func (q *Queue) Close() error {
	if files, bytes := q.Waiting(); files > 0 {
		q.opts.Log.Info("storing queued files", "files", files, "bytes", bytes)
	}
	q.drain()
	if files, bytes := q.Waiting(); files > 0 {
		q.opts.Log.Warn("files are still to be stored; the next start continues with them", "files", files, "bytes", bytes, "folder", q.opts.Dir)
	}
	err := q.unlock()
	if closer, ok := q.store.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}
