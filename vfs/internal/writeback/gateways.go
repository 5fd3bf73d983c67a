package writeback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// A File waits in the queue of one of several gateways to be stored.
type File struct {
	Name    string    `json:"name"`         // in the store
	ID      string    `json:"id,omitempty"` // of its entry: what a gateway queues later under the name has a greater one
	Size    int64     `json:"size"`         // bytes
	Version string    `json:"version"`
	SHA256  string    `json:"sha256"`
	ModTime time.Time `json:"mod_time,omitzero"`
}

// info describes the file as the store will.
func (f File) info() backend.Info {
	return backend.Info{Name: path.Base(f.Name), Size: f.Size, ModTime: f.ModTime, Version: f.Version, SHA256: f.SHA256}
}

// Gateways is what the queues of several gateways on one store know of each other.
// A file that waits at one of them is closed to changes by the others until it is
// stored. Its methods are called concurrently; those without a context must not
// block, and call nothing of a queue.
type Gateways interface {
	// Attach is called once, before all others.
	Attach(Local)
	// Announce makes a file of this queue known to the others, before its writer
	// is answered. It is ErrWaits if the name waits elsewhere, and ErrFull if too
	// many files wait. done is called when the file is queued, or when it is not
	// going to be, also after an error.
	Announce(ctx context.Context, f File) (done func(), err error)
	// Changed tells of names that have entered or left this queue otherwise.
	Changed(names ...string)
	// Renamed tells that a file is queued under another name, after a conflict. The
	// first one is free for others when they know of the second.
	Renamed(from, to string)
	// Owns reports whether the others know that a name waits here. What they do
	// not know of is neither shown nor stored.
	Owns(name string) bool
	// Current is an error while it is not known what waits elsewhere.
	Current() error
	// Elsewhere returns what waits under a name in another queue.
	Elsewhere(name string) (File, bool)
	// In returns what waits in a folder in other queues.
	In(folder string) []File
	// Settle returns when the store has what other queues hold at and below the
	// names, and what this one held there is not known here as waiting any more. It
	// asks for that and waits briefly, and is then backend.ErrUnavailable. The others
	// know it when a later entry is applied by all of them, such as the one that a
	// request ends with.
	Settle(ctx context.Context, names ...string) error
}

// ErrWaits means that a file of that name waits in another queue.
var ErrWaits error = &backend.Error{Kind: backend.ErrUnavailable, Message: "a file of that name waits at another gateway to be stored", RetryAfter: firstPause}

// ErrFull means that as many files wait as the gateways can tell each other of.
var ErrFull error = &backend.Error{Kind: backend.ErrUnavailable, Message: "too many files wait to be stored", RetryAfter: firstPause}

// Local is a queue as Gateways see it.
type Local interface {
	// ID tells the folder of the queue from others.
	ID() string
	// File returns the file that is queued under a name.
	File(name string) (File, bool)
	// Files returns all that are queued.
	Files() []File
	// Expedite stores files as soon as possible. It does not wait for that.
	Expedite(names ...string)
	// Recheck looks whether the store still has what a file is to replace, while
	// nobody can change that. If not, or if it has something that is locked, the
	// file is queued under another name. It is backend.ErrLocked if there is nothing
	// and the name is locked.
	Recheck(ctx context.Context, name string, locked bool) error
	// Removed returns files that are not going to be stored under their names, nor is
	// what was queued there before, until the others know that: they were removed, or
	// renamed, or are such whose announcement has failed. Stored reports whether the
	// store has a file.
	Removed() []File
	Stored(ctx context.Context, f File) (bool, error)
	// Began is called when the others know all that a previous run, or an earlier
	// membership, has left, with what Removed has returned before they did.
	Began(known []File)
	// Halt ends uploads under way, and the waits for those that have not begun, when
	// this gateway is no member any more, and owns nothing.
	Halt()
}

// alone is the Gateways of a queue that is the only one.
type alone struct{}

func (alone) Attach(Local)                                   {}
func (alone) Announce(context.Context, File) (func(), error) { return func() {}, nil }
func (alone) Changed(...string)                              {}
func (alone) Renamed(string, string)                         {}
func (alone) Owns(string) bool                               { return true }
func (alone) Current() error                                 { return nil }
func (alone) Elsewhere(string) (File, bool)                  { return File{}, false }
func (alone) In(string) []File                               { return nil }
func (alone) Settle(context.Context, ...string) error        { return nil }

// file describes an entry to the other queues.
func (e *entry) file() File {
	info := e.info()
	return File{Name: e.Name, ID: e.ID, Size: info.Size, Version: info.Version, SHA256: info.SHA256, ModTime: info.ModTime}
}

// ID implements Local.
func (q *Queue) ID() string { return q.id }

// File implements Local.
func (q *Queue) File(name string) (File, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.entries[name]; e != nil {
		return e.file(), true
	}
	return File{}, false
}

// Files implements Local.
func (q *Queue) Files() (all []File) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.entries {
		all = append(all, e.file())
	}
	return all
}

// Expedite implements Local. It also makes the queue look again at what it owns.
func (q *Queue) Expedite(names ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range names {
		if e := q.entries[name]; e != nil {
			e.Trouble.Next, e.urgent = time.Time{}, true
		}
	}
	q.wake()
}

// Recheck implements Local.
func (q *Queue) Recheck(ctx context.Context, name string, locked bool) error {
	q.mu.Lock()
	e := q.entries[name]
	if e == nil {
		q.mu.Unlock()
		return nil
	}
	if q.inFlight[name] != nil { // whatever the store has, it may have something else soon
		q.mu.Unlock()
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "it is being stored", RetryAfter: firstPause}
	}
	version, replaces := e.Version, e.Replaces
	q.mu.Unlock()
	info, err := q.store.Stat(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && locked:
		return &backend.Error{Kind: backend.ErrLocked, Message: "somebody has locked the name, to store there"}
	case errors.Is(err, fs.ErrNotExist):
		return nil // removed elsewhere: there is no conflict
	case err != nil:
		return err
	case !info.Dir && (info.Version == version || !locked && slices.Contains(replaces, info.Version)):
		return nil
	}
	if err := q.over(ctx, e, ""); err != nil {
		return err
	}
	err = q.storeBeside(e)
	var beside *conflict
	if errors.As(err, &beside) {
		return nil
	}
	return err
}

// Removed implements Local.
func (q *Queue) Removed() (all []File) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.removed {
		all = append(all, e.gone())
	}
	return all
}

// gone describes a file that is not going to be stored under its name. Its ID is that
// under which the others know it: what has a greater one was queued later, perhaps
// before the conflict was found.
func (e Entry) gone() File {
	f := (&entry{Entry: e}).file()
	f.ID = cmp.Or(e.Renamed, e.ID)
	return f
}

// Stored implements Local.
func (q *Queue) Stored(ctx context.Context, f File) (bool, error) {
	backend.Learn(q.store, f.Name, f.Version) // what was stored last may not be shown yet
	info, err := q.store.Stat(ctx, f.Name)
	switch {
	case err == nil && !info.Dir && info.Version == f.Version:
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, backend.ErrNotDir):
		err = nil
	}
	backend.Learn(q.store, f.Name, "")
	return false, err
}

// Began implements Local.
func (q *Queue) Began(known []File) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range known {
		e := q.removed[f.Name]
		beside := q.entries[e.Beside] != nil && !q.gateways.Owns(e.Beside) // until that is known, the first name is told
		if e.gone().ID == f.ID && !beside {
			q.exhume(f.Name)
		}
	}
	q.wake()
}

// Halt implements Local.
func (q *Queue) Halt() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.halt()
	q.uploads, q.halt = context.WithCancel(q.work)
	for name, e := range q.entries {
		if waited := e.attempt; waited != q.inFlight[name] { // that one ends with its upload
			e.attempt = newAttempt()
			waited.end(errNotOurs)
		}
	}
}

// settle is called before anything is changed at or below the names.
func (q *Queue) settle(ctx context.Context, op string, names ...string) error {
	err := q.gateways.Settle(ctx, names...)
	if err == nil {
		q.mu.Lock()
		err = q.unknown(names)
		q.mu.Unlock()
	}
	return pathError(op, names[0], err)
}

// kept is an error if others may have the names of a request by now.
func (q *Queue) kept(ctx context.Context) error {
	if q.opts.Held == nil || q.opts.Held(ctx) {
		return nil
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: "others may be changing it meanwhile", RetryAfter: firstPause}
}

// current is called before anything is read.
func (q *Queue) current(op, name string) error { return pathError(op, name, q.gateways.Current()) }

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// unknown refuses a change of what waits here without the knowledge of the others:
// their clients see something else under the name. The caller holds q.mu.
func (q *Queue) unknown(names []string) error {
	if q.id == "" {
		return nil
	}
	for at := range q.entries {
		if slices.ContainsFunc(names, func(name string) bool { return backend.Within(at, name) }) && !q.gateways.Owns(at) {
			return &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("%q waits here, and the other gateways have not been told that yet", path.Base(at)), RetryAfter: firstPause}
		}
	}
	return nil
}
