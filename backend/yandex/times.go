package yandex

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
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
			t.logFailure(name, j.note(name, s))
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
	t.logFailure(name, t.journal.set(name, s))
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
		t.logFailure(name, t.journal.delete(name))
	} else {
		t.logFailure(name, t.journal.note(name, s))
	}
}

func (t *times) current(name string, s stamp) bool {
	now, ok := t.journal.Get(name)
	return ok && now.serial == s.serial
}

func (t *times) logFailure(name string, err error) {
	if err != nil {
		t.log.Warn("the journal of modification times cannot be written", "name", name, "error", err)
	}
}

// drop removes the time of one name.
func (t *times) drop(name string) {
	t.takeDoubt(name)
	t.logFailure(name, t.journal.delete(name))
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
