// Package writeback answers a Put when its content is on a disk of this
// machine, and stores it afterwards.
//
// A [Queue] stands in front of a store and is one. What is acknowledged lies
// in a folder, the bytes in one file and an [Entry] in another, both synced,
// so that a process may be killed at any moment: the next one goes on. Until
// it is stored, the queue shows it in place of what the store has.
//
// There is at most one entry of a name; a later Put takes the place of an
// earlier one. An entry knows what it replaces. If the store has something
// else by then, neither is lost: ours is stored under a name of its own
// (conflict.go). Whatever else is to be done to a name that waits has to wait
// for it, except that a file that is deleted need not be stored first.
//
// Where things are: entry.go knows the folder, read.go shows what waits in
// front of what is stored, put.go acknowledges, changes.go makes all other
// changes, upload.go is what happens in the background.
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
	"github.com/davdisk/davdisk/vfs/internal/pathlock"
)

// Options shape a queue.
type Options struct {
	Dir      string // the folder of the queue, which is made
	MaxBytes int64  // that may wait; what is more is stored at once. 0: take nothing new, store what a former run has left
	Log      *slog.Logger
	Now      func() time.Time

	// Look describes what is seen under a name, and may know it without asking
	// the store. A Put is judged by it.
	Look func(ctx context.Context, name string) (backend.Info, error)
	// Changed is told of names that the store shows otherwise than the queue
	// did before.
	Changed func(name string)
}

// A Queue is a store that stores later. It may be used from many goroutines.
type Queue struct {
	store  backend.Backend
	opts   Options
	folder folder
	unlock func() error
	names  pathlock.Table // held by Put, each for its name

	work    context.Context // of uploads
	cancel  context.CancelFunc
	kick    chan struct{} // wakes run
	stopped chan struct{} // closed when run has ended

	mu       sync.Mutex          // guards all below
	entries  map[string]*entry   // by name
	flying   map[string]*attempt // uploads under way
	held     []string            // names of which no upload may begin
	last     uint64              // number of the last entry
	acks     uint64              // changes of what waits, but for what is stored
	bytes    int64               // of all contents
	space    backend.Space       // as the store last told it; zero: unknown
	draining bool
}

// entry is one that waits.
type entry struct {
	Entry
	begun   bool // the store may have it, or one that it has overtaken
	look    bool // so its next upload looks first
	failed  bool // has been tried in vain by this process
	refused bool // by its last upload, for a reason that will not pass by itself
	attempt *attempt
}

// Waits tells whether a former run has left something in the folder of a queue.
func Waits(dir string) (bool, error) {
	all, err := folder(dir).read()
	return len(all) > 0, err
}

// Open takes up the queue of a folder in front of a store. Nothing is stored
// before Start, which must be called unless Open fails. A store whose versions
// cannot be told ahead is refused, because what is acknowledged would have to
// change its entity tag later.
func Open(store backend.Backend, o Options) (*Queue, error) {
	if _, err := backend.VersionOf(store, ""); err != nil && o.MaxBytes > 0 {
		return nil, errors.New("write-back needs a store whose versions follow from the content, because a client is told the version at once; this one's do not")
	}
	q := &Queue{
		store: store, opts: o, folder: folder(o.Dir),
		kick: make(chan struct{}, 1), stopped: make(chan struct{}),
		entries: map[string]*entry{}, flying: map[string]*attempt{},
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the queue of uploads: %w", err)
	}
	var err error
	if q.unlock, err = lock(o.Dir); err != nil {
		return nil, err
	}
	left, err := q.folder.load()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the queue of uploads: %w", err), q.unlock())
	}
	for _, e := range left {
		// The former run may have begun to store it. Its troubles count no more.
		e.Trouble = Trouble{}
		q.entries[e.Name] = &entry{Entry: e, begun: true, attempt: newAttempt()}
		q.bytes += e.Size
		q.last, _ = strconv.ParseUint(e.ID, 16, 64)
	}
	if len(left) > 0 {
		o.Log.Info("files of a former run are still to be stored", "files", len(left), "bytes", q.bytes)
	}
	q.work, q.cancel = context.WithCancel(context.Background())
	return q, nil
}

// lock keeps a second process from the folder.
func lock(dir string) (unlock func() error, err error) {
	l := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	got, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the queue of uploads: %w", err)
	}
	if !got {
		return nil, fmt.Errorf("another davdisk is at work on the queue of uploads %s; end it first", dir)
	}
	return l.Close, nil
}

// Drop forgets an entry for good, while no process has the queue open.
func Drop(dir, id string) error {
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	f := folder(dir)
	if err = f.forget(id); err == nil {
		f.discard(id)
	}
	return errors.Join(err, unlock())
}

// Read gives the entries in the folder of a queue, the earlier first, also
// while a process works at them, and tells of each where its content is.
func Read(dir string) (entries []Entry, contents []string, err error) {
	f := folder(dir)
	entries, err = f.read()
	for _, e := range entries {
		contents = append(contents, f.content(e.ID))
	}
	return entries, contents, err
}

// Waiting tells how many files, and bytes of them, are still to be stored.
func (q *Queue) Waiting() (files int, bytes int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries), q.bytes
}

// Close stores what has not met with trouble, for as long as drainTime, and
// leaves the rest to the next run. Then it closes the store.
func (q *Queue) Close() error {
	if files, bytes := q.Waiting(); files > 0 {
		q.opts.Log.Info("storing what still waits", "files", files, "bytes", bytes)
	}
	q.drain()
	if files, bytes := q.Waiting(); files > 0 {
		q.opts.Log.Warn("files are still to be stored; the next start goes on with them", "files", files, "bytes", bytes, "folder", q.opts.Dir)
	}
	err := q.unlock()
	if closer, ok := q.store.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}
