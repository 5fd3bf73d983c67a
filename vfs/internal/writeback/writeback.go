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
// Where the files are: entry.go knows the folder, put.go what is
// acknowledged, changes.go all other changes, upload.go what happens in the
// background.
package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path"
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

// info describes an entry as a store would.
func (e *entry) info() backend.Info {
	info := backend.Info{
		Name: path.Base(e.Name), Size: e.Size, ModTime: e.ModTime,
		Version: e.Version, MD5: e.MD5, SHA256: e.SHA256,
	}
	if info.ModTime.IsZero() {
		info.ModTime = e.Since
	}
	return info
}

// over is info on top of what the store has under that name.
func over(below, ours backend.Info) backend.Info {
	if below.Dir {
		return ours
	}
	ours.ID, ours.Created, ours.ContentType, ours.Public = below.ID, below.Created, below.ContentType, below.Public
	ours.Properties = below.Properties
	return ours
}

// waiting gives what waits under a name.
func (q *Queue) waiting(name string) (backend.Info, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.entries[name]; e != nil {
		return e.info(), true
	}
	return backend.Info{}, false
}

// Stat implements backend.Backend.
func (q *Queue) Stat(ctx context.Context, name string) (backend.Info, error) {
	if err := ctx.Err(); err != nil {
		return backend.Info{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	if info, ok := q.waiting(name); ok {
		return info, nil
	}
	return q.store.Stat(ctx, name)
}

// List implements backend.Backend.
func (q *Queue) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	if info, ok := q.waiting(name); ok {
		return info, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	// What waits is noted before the store is asked: what is stored meanwhile
	// is then shown, whether the store has it in its answer or not.
	ours := q.children(name)
	self, children, err := q.store.List(ctx, name)
	if err != nil || len(ours) == 0 {
		return self, children, err
	}
	return self, func(yield func(backend.Info, error) bool) {
		for info, err := range children {
			if own, ok := ours[info.Name]; ok && err == nil {
				delete(ours, info.Name)
				info = over(info, own)
			}
			if !yield(info, err) || err != nil {
				return
			}
		}
		for _, own := range ours {
			own.Properties = map[string]string{} // what is new has none
			if !yield(own, nil) {
				return
			}
		}
	}, nil
}

// children gives what waits in a folder, by name.
func (q *Queue) children(name string) map[string]backend.Info {
	q.mu.Lock()
	defer q.mu.Unlock()
	found := map[string]backend.Info{}
	for at, e := range q.entries {
		if path.Dir(at) == name {
			found[path.Base(at)] = e.info()
		}
	}
	return found
}

// Open implements backend.Backend.
func (q *Queue) Open(ctx context.Context, name, version string) (backend.Content, error) {
	if err := ctx.Err(); err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	content, err := q.openWaiting(name, version)
	if content == nil && err == nil {
		return q.store.Open(ctx, name, version)
	}
	return content, err
}

// openWaiting opens what waits under a name; nil if nothing does.
func (q *Queue) openWaiting(name, version string) (backend.Content, error) {
	q.mu.Lock() // so that the file is not removed meanwhile
	defer q.mu.Unlock()
	e := q.entries[name]
	switch {
	case e == nil:
		return nil, nil
	case version != "" && version != e.Version:
		return nil, backend.PathError("open", name, backend.ErrChanged, "")
	}
	content, err := openContent(q.folder.content(e.ID), e.info())
	if err != nil {
		// That our own file is missing must not be taken for the file's being so.
		return nil, backend.PathError("open", name, backend.ErrUnavailable, "what waits to be stored cannot be read: "+err.Error())
	}
	return content, nil
}

// Revision implements backend.Revisioner: what is acknowledged moves it, and
// so does what is stored.
func (q *Queue) Revision(ctx context.Context) (string, error) {
	token, err := backend.Revision(ctx, q.store)
	if err != nil {
		return "", err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return fmt.Sprintf("%s+%d", token, q.acks), nil
}

// Usage implements backend.Usager. It is that of the store: what waits takes
// no room there yet.
func (q *Queue) Usage(ctx context.Context) (backend.Space, error) {
	space, err := backend.Usage(ctx, q.store)
	if err != nil {
		return backend.Space{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.space = space
	return space, nil
}

// Properties implements backend.Propertier. A file keeps its own when its
// content is replaced, so what is stored counts; a new file has none.
func (q *Queue) Properties(ctx context.Context, name string) (map[string]string, error) {
	props, err := backend.Properties(ctx, q.store, name)
	if _, ok := q.waiting(name); ok && errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	return props, err
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
