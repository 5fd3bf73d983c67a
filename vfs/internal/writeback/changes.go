package writeback

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Mkdir implements backend.Backend. A queued file of that name is fs.ErrExist.
func (q *Queue) Mkdir(ctx context.Context, name string) error {
	if err := q.current("mkdir", name); err != nil {
		return err
	}
	if _, ok := q.waiting(name); ok {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	return q.store.Mkdir(ctx, name)
}

// Move implements backend.Backend. It stores queued files at and below both
// names first.
func (q *Queue) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := q.Flush(ctx, from, to); err != nil {
		return err
	}
	return q.store.Move(ctx, from, to, opts)
}

// Copy implements backend.Copier. It stores queued files at and below both names
// first.
func (q *Queue) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if err := q.Flush(ctx, from, to); err != nil {
		return err
	}
	return backend.Copy(ctx, q.store, from, to, opts)
}

// SetModTime implements backend.ModTimer. It stores a queued file of that name
// first.
func (q *Queue) SetModTime(ctx context.Context, name string, t time.Time) error {
	if err := q.Flush(ctx, name); err != nil {
		return err
	}
	return backend.SetModTime(ctx, q.store, name, t)
}

// SetProperties implements backend.Propertier. It stores a queued file of that
// name first.
func (q *Queue) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	if err := q.Flush(ctx, name); err != nil {
		return err
	}
	return backend.SetProperties(ctx, q.store, name, set, remove)
}

// VersionOf implements backend.Versioner.
func (q *Queue) VersionOf(sha256 string) string {
	version, _ := backend.VersionOf(q.store, sha256) // Open has checked that the store supports it
	return version
}

// Remove implements backend.Backend. A queued file is removed without being
// stored first; queued files below a folder are stored, so that a process that
// is killed meanwhile does not leave a part of the folder.
func (q *Queue) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if err := q.settle(ctx, "remove", name); err != nil {
		return err
	}
	if _, ok := q.queued(name); ok && opts.IfVersion == "" {
		if err := q.removeWaiting(ctx, name, opts); err != nil {
			return err
		}
		if err := q.settle(ctx, "remove", name); err != nil { // others must not be shown what is gone
			return err
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.exhume(name)
		return nil
	}
	if err := q.Flush(ctx, name); err != nil {
		return err
	}
	return q.store.Remove(ctx, name, opts)
}

// removeWaiting removes a queued file, and what it was to replace.
func (q *Queue) removeWaiting(ctx context.Context, name string, opts backend.RemoveOptions) error {
	release := q.blockUploads(name)
	defer release()
	e, err := q.waitInFlight(ctx, name)
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	if e != nil {
		if err := q.over(ctx, e, ""); err != nil {
			return pathError("remove", name, err)
		}
	}
	if e == nil || e.begun || !slices.Equal(e.Replaces, []string{""}) {
		err := q.store.Remove(ctx, name, opts)
		if err != nil && !(e != nil && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	if e == nil {
		return nil
	}
	if err := q.bury(e); err != nil {
		return backend.PathError("remove", name, backend.ErrUnavailable, "it would come back after a restart: "+err.Error())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dequeue(e)
	q.gateways.Changed(name)
	q.acks++
	e.attempt.end(nil)
	return nil
}

// bury removes an entry that is not going to be stored from the folder, and remembers it
// until the others know that.
func (q *Queue) bury(e *entry) error {
	if q.id == "" {
		return q.folder.removeEntry(e.ID)
	}
	if err := q.folder.bury(e.ID); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.exhume(e.Name) // an earlier one
	q.removed[e.Name] = e.Entry
	return nil
}

// exhume forgets that a file was removed, which the others know by now. The caller holds
// q.mu.
func (q *Queue) exhume(name string) {
	if e, ok := q.removed[name]; ok {
		q.folder.exhume(e.ID)
		delete(q.removed, name)
	}
}

// dequeue removes an entry from the queue. The caller holds q.mu.
func (q *Queue) dequeue(e *entry) {
	delete(q.entries, e.Name)
	q.bytes -= e.Size
	q.folder.discard(e.ID)
}

// blockUploads keeps uploads of a name from starting until it is released.
func (q *Queue) blockUploads(name string) (release func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.blocked = append(q.blocked, name)
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		i := slices.Index(q.blocked, name)
		q.blocked = slices.Delete(q.blocked, i, i+1)
		q.wake()
	}
}

// waitInFlight waits until no upload of a name is in flight, and returns the
// entry that is still queued, or nil. The caller has blocked uploads of the name.
func (q *Queue) waitInFlight(ctx context.Context, name string) (*entry, error) {
	for {
		q.mu.Lock()
		under, e := q.inFlight[name], q.entries[name]
		q.mu.Unlock()
		if err := ctx.Err(); err != nil || under == nil {
			return e, err
		}
		if err := under.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// Flush stores the queued files at and below the names now, those of other
// gateways too. It is backend.ErrUnavailable if the membership in which the request
// of ctx began has ended meanwhile: the names may be those of others since.
func (q *Queue) Flush(ctx context.Context, names ...string) error {
	for {
		name, next, err := q.expedite(names)
		if err != nil {
			return pathError("store", names[0], err)
		}
		if next == nil {
			if err := q.settle(ctx, "store", names...); err != nil {
				return err
			}
			return pathError("store", names[0], q.kept(ctx))
		}
		if err := next.wait(ctx); err != nil {
			return &fs.PathError{Op: "store", Path: name, Err: err}
		}
		var lost *conflict
		var late *lateError
		switch {
		case next.err == nil:
		case errors.As(next.err, &late): // it may be stored
			return &fs.PathError{Op: "store", Path: name, Err: late.cause}
		case errors.As(next.err, &lost):
			return backend.PathError("store", name, backend.ErrChanged, lost.Error())
		case errors.Is(next.err, errNotOurs):
			return &fs.PathError{Op: "store", Path: name, Err: errNotOurs}
		default:
			return backend.PathError("store", name, backend.ErrUnavailable, fmt.Sprintf("it is queued and cannot be stored yet: %v", next.err))
		}
	}
}

// expedite makes all entries at and below the names due now, and returns the
// name and the attempt of one of them; nil if there are none. It refuses what
// unknown does: Halt ends the attempts of whoever came before it.
func (q *Queue) expedite(names []string) (name string, next *attempt, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.unknown(names); err != nil {
		return "", nil, err
	}
	for at, e := range q.entries {
		if slices.ContainsFunc(names, func(name string) bool { return backend.Within(at, name) }) {
			e.Trouble.Next, e.urgent, name, next = time.Time{}, true, at, e.attempt
		}
	}
	if next != nil {
		q.wake()
	}
	return name, next, nil
}
