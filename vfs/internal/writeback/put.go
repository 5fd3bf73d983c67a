package writeback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/pathlock"
	"github.com/davdisk/davdisk/internal/reading"
)

// Put implements backend.Backend. When it returns nil, the content is on the
// local disk and will be stored later. Conditions, the parent, and the quota of
// the store as far as it is known, are checked now. Content that cannot be
// queued is stored at once.
func (q *Queue) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	info, err := q.put(ctx, name, body, opts)
	var path *fs.PathError
	if err != nil && !errors.As(err, &path) {
		err = &fs.PathError{Op: "put", Path: name, Err: err}
	}
	return info, err
}

func (q *Queue) put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	unlock, err := q.names.Lock(ctx, pathlock.One(name))
	if err != nil {
		return backend.Info{}, err
	}
	defer unlock()
	if err := q.settle(ctx, "put", name); err != nil {
		return backend.Info{}, err
	}
	if err := q.Capabilities().Names.Check("put", name); err != nil {
		return backend.Info{}, err // the store would refuse it when the client has been told that all is well
	}
	rewind := rewinder(body)
	if !q.accepts(opts.Size) {
		return q.putThrough(ctx, name, body, opts)
	}
	there, err := q.checkConditions(ctx, name, opts)
	if err != nil {
		return backend.Info{}, err
	}
	e, err := q.receive(ctx, body, opts.Size)
	if err == nil {
		e.Name, e.ModTime, e.Growth = name, opts.ModTime, e.Size-there.Size
		err = q.checkQuota(ctx, e)
	}
	if err == nil {
		var info backend.Info
		info, err = q.acknowledge(ctx, e, there.Version, opts)
		if errors.Is(err, ErrWaits) { // an upload to the same name, at the same time, was first
			info, err = q.acknowledgeLater(ctx, e, opts)
		}
		if err == nil {
			return info, nil
		}
	}
	q.folder.discard(e.ID)
	var local *localError
	if errors.As(err, &local) {
		q.opts.Log.Warn("a file is stored at once, because it cannot be queued", "error", local)
		if err := rewind(); err != nil {
			return backend.Info{}, err
		}
		return q.putThrough(ctx, name, body, opts)
	}
	return backend.Info{}, err
}

// localError is an error of the local folder, not of the store. It has no Unwrap,
// so that its cause is not mistaken for an error of the store.
type localError struct{ cause error }

func (e *localError) Error() string { return e.cause.Error() }

// rewinder returns a func that seeks body back to its current offset.
func rewinder(body io.Reader) func() error {
	seeker, ok := body.(io.Seeker)
	if ok {
		if at, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			return func() error { _, err := seeker.Seek(at, io.SeekStart); return err }
		}
	}
	return func() error {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "the local disk has no room, and the content cannot be read again"}
	}
}

// putThrough stores at once, after a queued file of that name.
func (q *Queue) putThrough(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := q.Flush(ctx, name); err != nil {
		return backend.Info{}, err
	}
	return q.store.Put(ctx, name, body, opts)
}

// accepts reports whether the queue has room for content of that size.
func (q *Queue) accepts(size int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes+max(size, 0) < q.opts.MaxBytes
}

// checkConditions returns what a Put would replace, and the error that the store
// would return.
func (q *Queue) checkConditions(ctx context.Context, name string, opts backend.PutOptions) (there backend.Info, err error) {
	if name == "." {
		return there, &backend.Error{Kind: backend.ErrIsDir}
	}
	there, err = q.opts.Look(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && opts.IfVersion != "":
		return there, &backend.Error{Kind: backend.ErrChanged}
	case errors.Is(err, fs.ErrNotExist):
		parent, err := q.opts.Look(ctx, path.Dir(name))
		if err == nil && !parent.Dir {
			err = &backend.Error{Kind: backend.ErrNotDir}
		}
		return backend.Info{}, err
	case err != nil:
		return there, err
	case there.Dir:
		return there, &backend.Error{Kind: backend.ErrIsDir}
	case opts.IfAbsent:
		return there, &backend.Error{Kind: fs.ErrExist}
	case opts.IfVersion != "" && opts.IfVersion != there.Version:
		return there, &backend.Error{Kind: backend.ErrChanged}
	}
	return there, nil
}

// receive writes content to the local disk.
func (q *Queue) receive(ctx context.Context, body io.Reader, size int64) (*entry, error) {
	q.mu.Lock()
	e := &entry{Entry: Entry{ID: q.newID()}, attempt: newAttempt()}
	q.mu.Unlock()
	file, err := os.OpenFile(q.folder.content(e.ID), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return e, &localError{err}
	}
	kept, sum := &sink{file: file}, sha256.New()
	e.Size, err = io.Copy(io.MultiWriter(kept, sum), reading.Exactly(reading.Until(ctx, body), size))
	if err == nil {
		kept.err = file.Sync()
	}
	if closed := file.Close(); kept.err == nil {
		kept.err = closed
	}
	if kept.err != nil {
		err = &localError{kept.err}
	}
	if err != nil {
		return e, err
	}
	e.SHA256 = hex.EncodeToString(sum.Sum(nil))
	e.Version, err = backend.VersionOf(q.store, e.SHA256)
	return e, err
}

// sink records an error of the local disk, to tell it from one of the source.
type sink struct {
	file *os.File
	err  error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	if err != nil {
		s.err = err
	}
	return n, err
}

// askFrom is the size of files, in bytes, from which on the quota of the store
// is requested if it is unknown.
const askFrom = 8 << 20

// checkQuota refuses an entry that exceeds the quota of the store as far as it
// is known. Before it refuses, it requests the quota again.
func (q *Queue) checkQuota(ctx context.Context, e *entry) error {
	q.mu.Lock()
	ask := q.space.Total == 0 && e.Size > askFrom
	q.mu.Unlock()
	if !ask && q.quotaError(e) == nil {
		return nil
	}
	if _, err := q.Usage(ctx); err != nil {
		return ctx.Err()
	}
	return q.quotaError(e)
}

func (q *Queue) quotaError(e *entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	free := q.space.Free() - e.Growth
	for _, other := range q.entries {
		free -= other.Growth
	}
	switch {
	case q.space.MaxFile > 0 && e.Size > q.space.MaxFile:
		return &backend.Error{Kind: backend.ErrTooLarge}
	case q.space.Total > 0 && e.Growth > 0 && free < 0:
		return &backend.Error{Kind: backend.ErrQuota}
	}
	return nil
}

// acknowledgeLater queues an entry after what waits elsewhere under its name.
func (q *Queue) acknowledgeLater(ctx context.Context, e *entry, opts backend.PutOptions) (backend.Info, error) {
	if err := q.settle(ctx, "put", e.Name); err != nil {
		return backend.Info{}, err
	}
	there, err := q.checkConditions(ctx, e.Name, opts)
	if err != nil {
		return backend.Info{}, err
	}
	e.Growth = e.Size - there.Size
	return q.acknowledge(ctx, e, there.Version, opts)
}

// acknowledge queues an entry, in place of a queued one of the same name.
func (q *Queue) acknowledge(ctx context.Context, e *entry, replaces string, opts backend.PutOptions) (backend.Info, error) {
	// The upload of the replaced entry must not start in between.
	release := q.blockUploads(e.Name)
	defer release()
	e.Since = q.opts.Now()
	q.mu.Lock()
	e.Replaces = []string{replaces}
	old := q.entries[e.Name]
	if old != nil {
		e.Replaces, e.begun = slices.Clone(old.Replaces), old.begun
		e.Growth += old.Growth
		if old.begun && !slices.Contains(e.Replaces, old.Version) {
			e.Replaces = append(e.Replaces, old.Version)
		}
	}
	q.mu.Unlock()
	// It is written before the others are told: after a restart, what they know of
	// and the folder does not have is no upload that was only begun.
	if err := q.folder.write(e.Entry); err != nil {
		return backend.Info{}, &localError{errors.Join(err, q.folder.removeEntry(e.ID))}
	}
	done, err := q.gateways.Announce(ctx, e.file())
	defer done()
	refused := errors.Is(err, ErrWaits) || errors.Is(err, ErrFull)
	switch {
	case errors.Is(err, ErrFull):
		err = &localError{err}
	case err == nil && old != nil && q.isQueued(old): // else it is stored, or has another name
		if err = q.inherit(e, old); err == nil {
			err = q.folder.supersede(old.ID)
		}
		if err != nil {
			err = &localError{err}
		}
	case err == nil && q.id != "":
		err = q.rebase(ctx, e, opts)
	}
	if err != nil {
		undo := q.bury // the others may know of it, now or later
		if refused {
			undo = func(e *entry) error { return q.folder.removeEntry(e.ID) }
		}
		if undone := undo(e); undone != nil {
			err = &localError{errors.Join(err, undone)}
		}
		return backend.Info{}, err
	}
	return q.enqueue(e), nil
}

// rebase has an entry that the others know of replace what is there now: one of them may
// have stored something under its name since that was looked at. Nobody else does from
// now on.
func (q *Queue) rebase(ctx context.Context, e *entry, opts backend.PutOptions) error {
	there, err := q.checkConditions(ctx, e.Name, opts)
	if err != nil || slices.Contains(e.Replaces, there.Version) {
		return err
	}
	e.Growth, e.Replaces = e.Size-there.Size, []string{there.Version}
	if err := q.folder.write(e.Entry); err != nil {
		return &localError{err}
	}
	return nil
}

// enqueue queues an entry that is in the folder.
func (q *Queue) enqueue(e *entry) backend.Info {
	q.mu.Lock()
	defer q.mu.Unlock()
	if old := q.entries[e.Name]; old != nil {
		if l := old.late; l != nil { // not before: its upload may just have ended
			e.late = &late{until: l.until, resent: true, changes: slices.Clone(l.changes)}
		}
		q.dequeue(old)
		if q.inFlight[e.Name] == nil {
			e.attempt = old.attempt // callers that wait for the old one now wait for this one
		}
	}
	q.unnote(e)
	q.entries[e.Name] = e
	q.bytes += e.Size
	q.acks++
	return e.info()
}

// isQueued reports whether an entry is still queued under its name.
func (q *Queue) isQueued(e *entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entries[e.Name] == e
}
