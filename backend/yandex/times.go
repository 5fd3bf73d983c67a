package yandex

import (
	"context"
	"io/fs"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// timeProperty holds the modification time, as rclone keeps it too: RFC 3339
// with nanoseconds. The service has no call to set the time itself.
const timeProperty = "rclone_modified"

// modTime is the time that the properties hold, if they do.
func modTime(r *api.Resource) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, r.Custom[timeProperty])
	return t, err == nil && !t.IsZero()
}

// SetModTime implements backend.ModTimer. Soon after an upload the service
// loses such a change, so that it is noted, shown at once, and written in the
// background; otherwise it is written now.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	if seen, ok := b.recent.fresh(name); ok {
		b.times.later(name, seen.version, t)
		return nil
	}
	unlock, err := b.lock(ctx, name)
	if err != nil {
		return pathError("chtimes", name, err)
	}
	defer unlock()
	r, err := b.patch(ctx, name, map[string]any{timeProperty: t.UTC().Format(time.RFC3339Nano)})
	if err == nil {
		b.times.forget(name)
		b.note(name, r)
	}
	return pathError("chtimes", name, err)
}

// patch changes properties; nil deletes one. The caller has locked the name.
func (b *Backend) patch(ctx context.Context, name string, props map[string]any) (*api.Resource, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := issued(ctx)
	defer cancel()
	return b.resource(ctx, name, api.Request{
		Call: api.PatchResource, Query: url.Values{"fields": {resourceFields}}, Body: map[string]any{"custom_properties": props},
	})
}

// times are the modification times that are not yet safely with the service,
// by name. Each is written, read back after the same time, and written again
// until it holds.
type times struct {
	b       *Backend
	log     *slog.Logger
	journal *work[stamp]

	mu      sync.Mutex // guards all below
	serial  uint64
	running bool
	closed  bool
	stop    chan struct{}
	worker  sync.WaitGroup
}

// stamp is one such time.
type stamp struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version,omitempty"` // of the content it belongs to; empty for a folder
	Written bool      `json:"written,omitempty"` // and to be read back
	Due     time.Time `json:"due"`
	Tries   int       `json:"tries,omitempty"` // in a row that failed
	serial  uint64    // tells this one from a later one for the same name
}

const (
	// stampTries is how often a file that is not there is asked for: what was
	// just uploaded may take a while to show.
	stampTries = 5
	// stampPause is the longest pause between two tries.
	stampPause = 5 * time.Minute
	// stampsAtOnce is how many are written at a time.
	stampsAtOnce = 4
	// closeTime is how long Close works on what is left.
	closeTime = 15 * time.Second
)

// openTimes takes up what an earlier process left.
func openTimes(b *Backend) (*times, error) {
	j, err := openWork[stamp](b.cfg, b.root, "times")
	if err != nil {
		return nil, err
	}
	t := &times{b: b, log: b.log, journal: j, stop: make(chan struct{})}
	last := b.cfg.Now().Add(stampPause)
	for name, s := range j.All() {
		if s.Due.After(last) { // by a clock that was wrong
			s.Due = last
			t.noted(name, j.note(name, s))
		}
	}
	if len(j.All()) > 0 {
		t.start()
	}
	return t, nil
}

// show puts a time that is not yet with the service into what the service
// tells. before are the times of the moment at which it was asked: one that was
// written and confirmed since may be younger than the answer.
func (t *times) show(name string, info *backend.Info, before map[string]stamp) {
	s, ok := t.journal.Get(name)
	if !ok {
		s, ok = before[name]
	}
	if ok && s.Version == info.Version {
		info.ModTime = s.Time
	}
}

// later notes a time for the content that a name has.
func (t *times) later(name, version string, when time.Time) {
	t.put(name, stamp{Time: when, Version: version, Due: t.b.cfg.Now().Add(t.b.cfg.ModTimeWait)})
	t.start()
}

// put stores a stamp under a serial number of its own.
func (t *times) put(name string, s stamp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serial++
	s.serial = t.serial
	t.noted(name, t.journal.set(name, s))
}

// replace puts a stamp into a new state, or drops it if that has no Due. One
// that was overtaken by another for the same name is left alone.
func (t *times) replace(name string, s stamp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.current(name, s) {
		return
	}
	if s.Due.IsZero() {
		t.noted(name, t.journal.delete(name))
	} else {
		t.noted(name, t.journal.note(name, s))
	}
}

func (t *times) current(name string, s stamp) bool {
	now, ok := t.journal.Get(name)
	return ok && now.serial == s.serial
}

func (t *times) noted(name string, err error) {
	if err != nil {
		t.log.Warn("the journal of modification times cannot be written", "name", name, "error", err)
	}
}

// drop forgets the time of one name.
func (t *times) drop(name string) {
	t.noted(name, t.journal.delete(name))
}

// forget drops the time of a name and of all below it.
func (t *times) forget(name string) {
	for key := range t.journal.All() {
		if backend.Within(key, name) {
			t.drop(key)
		}
	}
}

// moved lets the times of a name and of all below it follow a move.
func (t *times) moved(from, to string) {
	t.copied(from, to)
	t.forget(from)
}

// copied gives the times of a name and of all below it to their copies. Times
// that are with the service are copied there.
func (t *times) copied(from, to string) {
	t.forget(to)
	for key, s := range t.journal.All() {
		if backend.Within(key, from) {
			s.Written, s.Tries = false, 0
			t.put(to+key[len(from):], s)
		}
	}
}

// start makes sure that somebody looks after what is due.
func (t *times) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.running {
		return
	}
	t.running = true
	t.worker.Go(t.run)
}

// run writes what is due until nothing is left.
func (t *times) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		t.write(ctx, false)
		pause, more := t.next()
		if !more {
			return
		}
		select {
		case <-t.stop:
			return
		case <-t.b.cfg.After(pause):
		}
	}
}

// next tells how long nothing is due, what may yet be noted included. It ends
// the worker if nothing is left.
func (t *times) next() (pause time.Duration, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pause = t.b.cfg.ModTimeWait
	for _, s := range t.journal.All() {
		more = true
		pause = min(pause, s.Due.Sub(t.b.cfg.Now()))
	}
	t.running = more
	return max(0, pause), more
}

// write does what is due, or all that is not written yet.
func (t *times) write(ctx context.Context, all bool) {
	var g errgroup.Group
	g.SetLimit(stampsAtOnce)
	for name, s := range t.journal.All() {
		if all && !s.Written || !all && !s.Due.After(t.b.cfg.Now()) {
			g.Go(func() error {
				t.one(ctx, name, s)
				return nil
			})
		}
	}
	g.Wait() // never an error
}

// one takes a stamp a step further.
func (t *times) one(ctx context.Context, name string, s stamp) {
	unlock, err := t.b.lock(ctx, name)
	if err == nil {
		defer unlock()
		if !t.current(name, s) {
			return // the file was changed meanwhile
		}
		err = t.step(ctx, name, &s)
	}
	if err != nil {
		t.putOff(name, &s, err)
	}
	t.replace(name, s)
}

// step writes a stamp, or reads it back. It leaves no Due if that was all.
func (t *times) step(ctx context.Context, name string, s *stamp) error {
	now := t.b.cfg.Now()
	if s.Written {
		r, err := t.b.look(ctx, name)
		if err != nil {
			return err
		}
		if got, ok := modTime(r); ok && got.Equal(s.Time) || versionOf(r) != s.Version {
			s.Due = time.Time{}
			return nil
		}
		t.log.Debug("the service lost a modification time; it is written again", "name", name)
	}
	value := s.Time.UTC().Format(time.RFC3339Nano)
	r, err := t.b.patch(ctx, name, map[string]any{timeProperty: value})
	if err != nil {
		return err
	}
	if versionOf(r) != s.Version { // another's content, whose time this is not
		s.Due = time.Time{}
		_, err = t.b.patch(ctx, name, map[string]any{timeProperty: nil})
		return err
	}
	s.Written, s.Tries, s.Due = true, 0, now.Add(t.b.cfg.ModTimeWait)
	return nil
}

// putOff is for a stamp that could not be written. One that never can be is
// given up.
func (t *times) putOff(name string, s *stamp, err error) {
	s.Tries++
	s.Written = false
	s.Due = t.b.cfg.Now().Add(min(t.b.cfg.ModTimeWait<<min(s.Tries, 10), stampPause))
	never := is(err, fs.ErrInvalid) || is(err, fs.ErrPermission) || is(err, backend.ErrTooLarge)
	if never || is(err, fs.ErrNotExist) && s.Tries >= stampTries {
		t.log.Warn("a modification time cannot be written", "name", name, "error", api.Message(err))
		s.Due = time.Time{}
	}
}

// Close writes what is not written yet and leaves the journal to the next. What
// the journal does not keep is waited for until it is due.
func (t *times) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	close(t.stop)
	t.worker.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if !t.journal.lasting && t.unwritten() > 0 {
		select {
		case <-ctx.Done():
		case <-t.b.cfg.After(t.b.cfg.ModTimeWait):
		}
	}
	t.write(ctx, true)
	if n := t.unwritten(); n > 0 {
		t.log.Warn("modification times could not be written", "files", n, "kept for the next start", t.journal.lasting)
	}
	return t.journal.Close()
}

func (t *times) unwritten() (n int) {
	for _, s := range t.journal.All() {
		if !s.Written {
			n++
		}
	}
	return n
}
