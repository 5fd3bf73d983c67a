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

// Mkdir implements backend.Backend. What waits lies in folders that the store
// has, or is a file in the way.
func (q *Queue) Mkdir(ctx context.Context, name string) error {
	if _, ok := q.waiting(name); ok {
		return backend.PathError("mkdir", name, fs.ErrExist, "")
	}
	return q.store.Mkdir(ctx, name)
}

// Move implements backend.Backend, after what waits at and below both names.
func (q *Queue) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if err := q.flush(ctx, from, to); err != nil {
		return err
	}
	return q.store.Move(ctx, from, to, opts)
}

// Copy implements backend.Copier, after what waits at and below both names.
func (q *Queue) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	if err := q.flush(ctx, from, to); err != nil {
		return err
	}
	return backend.Copy(ctx, q.store, from, to, opts)
}

// SetModTime implements backend.ModTimer, after what waits under the name.
func (q *Queue) SetModTime(ctx context.Context, name string, t time.Time) error {
	if err := q.flush(ctx, name); err != nil {
		return err
	}
	return backend.SetModTime(ctx, q.store, name, t)
}

// SetProperties implements backend.Propertier, after what waits under the
// name.
func (q *Queue) SetProperties(ctx context.Context, name string, set map[string]string, remove []string) error {
	if err := q.flush(ctx, name); err != nil {
		return err
	}
	return backend.SetProperties(ctx, q.store, name, set, remove)
}

// VersionOf implements backend.Versioner.
func (q *Queue) VersionOf(sha256 string) string {
	version, _ := backend.VersionOf(q.store, sha256) // that it can is known since Open
	return version
}

// Remove implements backend.Backend. A file that waits need not be stored
// before; what waits below a folder is, so that a process that is killed
// meanwhile does not leave a part of the folder.
func (q *Queue) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if _, ok := q.waiting(name); ok && opts.IfVersion == "" {
		return q.removeWaiting(ctx, name, opts)
	}
	if err := q.flush(ctx, name); err != nil {
		return err
	}
	return q.store.Remove(ctx, name, opts)
}

// removeWaiting removes a file that waits, and what it was to replace.
func (q *Queue) removeWaiting(ctx context.Context, name string, opts backend.RemoveOptions) error {
	release := q.hold(name)
	defer release()
	e, err := q.land(ctx, name)
	if err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
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
	if err := q.folder.forget(e.ID); err != nil {
		return backend.PathError("remove", name, backend.ErrUnavailable, "it would come back after a restart: "+err.Error())
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settled(e)
	q.acks++
	e.attempt.end(nil)
	return nil
}

// settled takes an entry out of the queue. The caller holds q.mu.
func (q *Queue) settled(e *entry) {
	delete(q.entries, e.Name)
	q.bytes -= e.Size
	q.folder.discard(e.ID)
}

// hold keeps uploads of a name from beginning until it is released.
func (q *Queue) hold(name string) (release func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = append(q.held, name)
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		i := slices.Index(q.held, name)
		q.held = slices.Delete(q.held, i, i+1)
		q.wake()
	}
}

// land waits until no upload of a name, which the caller holds, is under way,
// and gives what still waits there.
func (q *Queue) land(ctx context.Context, name string) (*entry, error) {
	for {
		q.mu.Lock()
		under, e := q.flying[name], q.entries[name]
		q.mu.Unlock()
		if err := ctx.Err(); err != nil || under == nil {
			return e, err
		}
		if err := under.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// flush stores what waits at and below the names now, and fails if that fails.
func (q *Queue) flush(ctx context.Context, names ...string) error {
	for {
		name, next := q.hurry(names)
		if next == nil {
			return nil
		}
		if err := next.wait(ctx); err != nil {
			return &fs.PathError{Op: "store", Path: name, Err: err}
		}
		var lost *conflict
		switch {
		case next.err == nil:
		case errors.As(next.err, &lost):
			return backend.PathError("store", name, backend.ErrChanged, lost.Error())
		default:
			return backend.PathError("store", name, backend.ErrUnavailable, fmt.Sprintf("it waits to be stored and cannot be yet: %v", next.err))
		}
	}
}

// hurry has all that waits at and below the names tried at once, and gives one
// of it.
func (q *Queue) hurry(names []string) (name string, next *attempt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for at, e := range q.entries {
		if slices.ContainsFunc(names, func(name string) bool { return backend.Within(at, name) }) {
			e.Trouble.Next, name, next = time.Time{}, at, e.attempt
		}
	}
	if next != nil {
		q.wake()
	}
	return name, next
}
