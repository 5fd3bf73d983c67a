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
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/pathlock"
)

// timeProperty holds the modification time in the format of rclone: RFC 3339
// with nanoseconds. The service has no call to set the time itself.
const timeProperty = "rclone_modified"

// modTime returns the modification time in the properties, if there is one.
func modTime(r *api.Resource) (time.Time, bool) {
	text, ok := r.Custom[timeProperty]
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil && !t.IsZero()
}

// SetModTime implements backend.ModTimer. Soon after an upload the service
// loses such a change, so it is recorded, visible at once, and written in the
// background; otherwise it is written now.
func (b *Backend) SetModTime(ctx context.Context, name string, t time.Time) error {
	if seen, ok := b.recent.fresh(name); ok {
		b.times.enqueue(name, seen.version, t)
		return nil
	}
	unlock, err := b.lock(ctx, name)
	if err != nil {
		return pathError("chtimes", name, err)
	}
	defer unlock()
	r, err := b.patch(ctx, name, map[string]any{timeProperty: t.UTC().Format(time.RFC3339Nano)})
	if err == nil {
		b.times.dropTree(name)
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

// times are the modification times still to be written to the service, by name.
// Each is written, read back after the same delay, and written again if it was
// lost.
type times struct {
	b       *Backend
	log     *slog.Logger
	journal *work[stamp]

	mu       sync.Mutex // guards all below
	serial   uint64
	doubtful map[string]bool // names whose content another process may have replaced
	running  bool
	closed   bool
	stop     chan struct{}
	worker   sync.WaitGroup
}

// stamp is one modification time still to be written.
type stamp struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version,omitempty"` // of the content it belongs to; empty for a folder
	Written bool      `json:"written,omitempty"` // and to be read back
	Due     time.Time `json:"due"`
	Tries   int       `json:"tries,omitempty"` // in a row that failed
	serial  uint64    // distinguishes it from a later one for the same name
}

const (
	// stampTries is how often a missing file is retried: a new upload may take
	// a while to become visible.
	stampTries = 5
	// stampPause is the longest pause between two tries.
	stampPause = 5 * time.Minute
	// stampsAtOnce is how many are written at a time.
	stampsAtOnce = 4
	// closeTime is how long Close tries to write what is left.
	closeTime = 15 * time.Second
)

// openTimes opens the times left by an earlier process.
func openTimes(b *Backend) (*times, error) {
	j, err := openWork(b.cfg, b.root, "times", func(a, b stamp) bool { return a.Due.After(b.Due) })
	if err != nil {
		return nil, err
	}
	t := &times{b: b, log: b.log, journal: j, doubtful: map[string]bool{}, stop: make(chan struct{})}
	last := b.cfg.Now().Add(stampPause)
	for name, s := range j.All() {
		if s.Due.After(last) { // recorded with a wrong clock
			s.Due = last
			t.noted(name, j.note(name, s))
		}
	}
	if len(j.All()) > 0 {
		t.start()
	}
	return t, nil
}

// show replaces the time in a response of the service by one still to be
// written. before are the times when the request was made: one that was written
// and confirmed since may be newer than the response.
func (t *times) show(name string, info *backend.Info, before map[string]stamp) {
	s, ok := t.journal.Get(name)
	if !ok {
		s, ok = before[name]
	}
	if ok && s.Version == info.Version {
		info.ModTime = s.Time
	}
}

// enqueue records a time for the content of a name.
func (t *times) enqueue(name, version string, when time.Time) {
	t.put(name, stamp{Time: when, Version: version, Due: t.b.cfg.Now().Add(t.b.cfg.ModTimeWait)})
	t.start()
}

// put stores a stamp with a new serial number.
func (t *times) put(name string, s stamp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.serial++
	s.serial = t.serial
	delete(t.doubtful, name)
	t.noted(name, t.journal.set(name, s))
}

// replace updates a stamp, or drops it if it has no Due. One replaced by a
// later one for the same name is left alone.
func (t *times) replace(name string, s stamp) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.current(name, s) {
		return
	}
	if s.Due.IsZero() {
		delete(t.doubtful, name)
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

// drop removes the time of one name.
func (t *times) drop(name string) {
	t.takeDoubt(name)
	t.noted(name, t.journal.delete(name))
}

// dropTree removes the times of a name and of everything below it.
func (t *times) dropTree(name string) {
	for key := range t.journal.All() {
		if backend.Within(key, name) {
			t.drop(key)
		}
	}
}

// moved moves the times of a name and of everything below it.
func (t *times) moved(from, to string) {
	t.copied(from, to)
	t.dropTree(from)
}

// copied copies the times of a name and of everything below it. Times already
// written are copied by the service.
func (t *times) copied(from, to string) {
	t.dropTree(to)
	for key, s := range t.journal.All() {
		if backend.Within(key, from) {
			s.Written, s.Tries = false, 0
			t.put(to+key[len(from):], s)
			t.mu.Lock()
			if t.doubtful[key] {
				t.doubtful[to+key[len(from):]] = true
			}
			t.mu.Unlock()
		}
	}
}

// start starts the worker unless it runs.
func (t *times) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.running {
		return
	}
	t.running = true
	t.worker.Go(t.run)
}

// run is the worker: it writes what is due until nothing is left.
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

// next returns how long the worker may sleep, and whether anything is
// left.
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

// write processes what is due, or everything not written yet.
func (t *times) write(ctx context.Context, all bool) {
	due := map[string]stamp{}
	for name, s := range t.journal.All() {
		if all && !s.Written || !all && !s.Due.After(t.b.cfg.Now()) {
			due[name] = s
		}
	}
	kept := t.readBack(ctx, due)
	var g errgroup.Group
	g.SetLimit(stampsAtOnce)
	for name, s := range due {
		g.Go(func() error {
			t.process(ctx, name, s, kept[name])
			return nil
		})
	}
	g.Wait() // the error is always nil
}

// process writes a stamp or reads it back. kept: the service was seen to hold its time.
func (t *times) process(ctx context.Context, name string, s stamp, kept bool) {
	if kept {
		s.Due = time.Time{}
		t.replace(name, s)
		return
	}
	// The folder is not locked: a property of a file is no entry of the folder, and
	// others write several at a time, too. One that is refused is written again.
	unlock, err := t.b.files.Lock(ctx, pathlock.One(name))
	if err == nil {
		defer unlock()
		err = t.b.recoverPending(ctx, name)
	}
	if err == nil {
		if now, _ := t.journal.Get(name); now.serial != s.serial || now.Written != s.Written {
			return // the file was changed meanwhile, or another call of write was quicker
		}
		err = t.step(ctx, name, &s)
	}
	if err != nil {
		t.reschedule(name, &s, err)
	}
	t.replace(name, s)
}

// step writes a stamp, or reads it back. It clears Due if the stamp is done.
func (t *times) step(ctx context.Context, name string, s *stamp) error {
	now := t.b.cfg.Now()
	doubtful := t.takeDoubt(name)
	if s.Written || doubtful || s.serial == 0 { // another process may have changed the file since the last start
		r, err := t.b.look(ctx, name)
		if err != nil {
			if doubtful {
				t.doubtAgain(name)
			}
			return err
		}
		if got, ok := modTime(r); ok && got.Equal(s.Time) || versionOf(r) != s.Version {
			s.Due = time.Time{}
			return nil
		}
		if s.Written {
			t.log.Debug("the service lost a modification time; it is written again", "name", name)
		}
	}
	value := s.Time.UTC().Format(time.RFC3339Nano)
	r, err := t.b.patch(ctx, name, map[string]any{timeProperty: value})
	if err != nil {
		return err
	}
	if versionOf(r) != s.Version { // other content, which the time does not belong to
		s.Due = time.Time{}
		_, err = t.b.patch(ctx, name, map[string]any{timeProperty: nil})
		return err
	}
	s.Written, s.Tries, s.Due = true, 0, t.readBackAt(now)
	return nil
}

// reschedule reschedules a stamp that could not be written, or gives up one
// that never can be.
func (t *times) reschedule(name string, s *stamp, err error) {
	s.Tries++
	s.Written = false
	s.Due = t.b.cfg.Now().Add(min(t.b.cfg.ModTimeWait<<min(s.Tries, 10), stampPause))
	never := is(err, fs.ErrInvalid) || is(err, fs.ErrPermission) || is(err, backend.ErrTooLarge)
	if never || is(err, fs.ErrNotExist) && s.Tries >= stampTries {
		t.log.Warn("a modification time cannot be written", "name", name, "error", httpclient.Message(err))
		s.Due = time.Time{}
	}
}

// Close writes what is not written yet, and closes the journal. If the journal
// does not survive the process, Close waits until everything is due.
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
