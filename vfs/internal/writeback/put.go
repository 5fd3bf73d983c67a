package writeback

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/vfs/internal/pathlock"
)

// Put implements backend.Backend. When it returns nil the content is on the
// disk of this machine, to be stored later. Conditions, the parent, and the
// room of the store as far as it is known, are judged now. What this machine
// cannot keep is stored at once.
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
	rewind := rewinder(body)
	if !q.takes(opts.Size) {
		return q.through(ctx, name, body, opts)
	}
	there, err := q.judge(ctx, name, opts)
	if err != nil {
		return backend.Info{}, err
	}
	e, err := q.receive(ctx, body, opts.Size)
	if err == nil {
		e.Name, e.ModTime, e.Growth = name, opts.ModTime, e.Size-there.Size
		err = q.spare(ctx, e)
	}
	if err == nil {
		var info backend.Info
		if info, err = q.acknowledge(e, there.Version); err == nil {
			return info, nil
		}
	}
	q.folder.discard(e.ID)
	var ours *ourTrouble
	if errors.As(err, &ours) {
		q.opts.Log.Warn("what is written is stored at once, because it cannot be kept here until later", "error", ours)
		if err := rewind(); err != nil {
			return backend.Info{}, err
		}
		return q.through(ctx, name, body, opts)
	}
	return backend.Info{}, err
}

// ourTrouble is an error of our own folder. The store has no part in it, so
// what it wraps must not be seen through it.
type ourTrouble struct{ cause error }

func (t *ourTrouble) Error() string { return t.cause.Error() }

// rewinder returns what brings a body back to where it stands now.
func rewinder(body io.Reader) func() error {
	seeker, ok := body.(io.Seeker)
	if ok {
		if at, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			return func() error { _, err := seeker.Seek(at, io.SeekStart); return err }
		}
	}
	return func() error {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "there is no room on this machine, and the content cannot be read again"}
	}
}

// through stores at once, after what waits under the name.
func (q *Queue) through(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	if err := q.flush(ctx, name); err != nil {
		return backend.Info{}, err
	}
	return q.store.Put(ctx, name, body, opts)
}

// takes tells whether a content may wait here.
func (q *Queue) takes(size int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes+max(size, 0) < q.opts.MaxBytes
}

// judge looks at what a Put would replace, and refuses what the store would.
func (q *Queue) judge(ctx context.Context, name string, opts backend.PutOptions) (there backend.Info, err error) {
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

// receive puts a content on the disk.
func (q *Queue) receive(ctx context.Context, body io.Reader, size int64) (*entry, error) {
	q.mu.Lock()
	q.last++
	e := &entry{Entry: Entry{ID: fmt.Sprintf("%016x", q.last)}, attempt: newAttempt()}
	q.mu.Unlock()
	file, err := os.OpenFile(q.folder.content(e.ID), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return e, &ourTrouble{err}
	}
	kept, weak, strong := &sink{file: file}, md5.New(), sha256.New()
	e.Size, err = io.Copy(io.MultiWriter(kept, weak, strong), &source{ctx, body})
	switch {
	case err != nil, size < 0, e.Size == size:
	case e.Size < size:
		err = fmt.Errorf("the body ended after %d of %d bytes: %w", e.Size, size, io.ErrUnexpectedEOF)
	default:
		err = fmt.Errorf("the body is longer than %d bytes", size)
	}
	if err == nil {
		kept.err = file.Sync()
	}
	if closed := file.Close(); kept.err == nil {
		kept.err = closed
	}
	if kept.err != nil {
		err = &ourTrouble{kept.err}
	}
	if err != nil {
		return e, err
	}
	e.MD5, e.SHA256 = hex.EncodeToString(weak.Sum(nil)), hex.EncodeToString(strong.Sum(nil))
	e.Version, err = backend.VersionOf(q.store, e.SHA256)
	return e, err
}

// sink remembers that it was our disk that failed, not the source.
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

// source is a body that ends with its context.
type source struct {
	ctx  context.Context
	body io.Reader
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.body.Read(p)
	if ended := s.ctx.Err(); ended != nil {
		return 0, ended
	}
	return n, err
}

// askFrom is the size of files, in bytes, for which the store is asked for its
// room if it has never told it.
const askFrom = 8 << 20

// spare refuses what the store is known to have no room for. What was known
// is asked for again first, since it may have changed for the better.
func (q *Queue) spare(ctx context.Context, e *entry) error {
	q.mu.Lock()
	ask := q.space.Total == 0 && e.Size > askFrom
	q.mu.Unlock()
	if !ask && q.refusal(e) == nil {
		return nil
	}
	if _, err := q.Usage(ctx); err != nil {
		return ctx.Err()
	}
	return q.refusal(e)
}

func (q *Queue) refusal(e *entry) error {
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

// acknowledge writes an entry down, in the place of one that waits under its
// name. After that it will be stored.
func (q *Queue) acknowledge(e *entry, replaces string) (backend.Info, error) {
	// What is replaced must not set out for the store in between.
	release := q.hold(e.Name)
	defer release()
	q.mu.Lock()
	e.Since, e.Replaces = q.opts.Now(), []string{replaces}
	old := q.entries[e.Name]
	if old != nil {
		e.Replaces, e.begun = slices.Clone(old.Replaces), old.begun
		e.Growth += old.Growth
		if old.begun && !slices.Contains(e.Replaces, old.Version) {
			e.Replaces = append(e.Replaces, old.Version)
		}
	}
	q.mu.Unlock()
	err := q.folder.write(e.Entry)
	if err == nil && old != nil {
		err = q.folder.forget(old.ID)
	}
	if err != nil {
		return backend.Info{}, &ourTrouble{errors.Join(err, q.folder.forget(e.ID))}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if old := q.entries[e.Name]; old != nil {
		q.settled(old)
		if q.flying[e.Name] == nil {
			e.attempt = old.attempt // who waits for the old one now waits for this one
		}
	}
	q.entries[e.Name] = e
	q.bytes += e.Size
	q.acks++
	return e.info(), nil
}
