package writeback

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/internal/unsettled"
)

// lingers is how long an upload that was cut off may still take effect.
const lingers = unsettled.Window

// sendingFormat is the journal format of a sending.
const sendingFormat = "davdisk write-back upload 1"

// A sending is an upload under way, as it is kept on disk where there are other gateways:
// one that a process was killed in may take effect late, over what another gateway has
// stored. An entry is known to the others until that cannot happen any more.
type sending struct {
	Version string `json:"version"` // being stored; empty: several may be
}

func (f folder) sending(id string) string { return filepath.Join(string(f), id+sendingSuffix) }

// isSent reports whether an upload of an entry may have been cut off.
func (f folder) isSent(id string) bool {
	_, err := os.Stat(f.sending(id))
	return !errors.Is(err, fs.ErrNotExist)
}

// sendAfter notes that an upload of an entry that a later one replaces may have been cut
// off.
func (f folder) sendAfter(later, id string) error {
	if !f.isSent(id) {
		return nil
	}
	return journal.WriteFile(f.sending(later), sendingFormat, sending{})
}

// isShared reports whether the folder is, or was, that of one of several gateways.
func (f folder) isShared() bool {
	_, err := os.Stat(filepath.Join(string(f), idName))
	return err == nil
}

// late is what may still take effect under the name of an entry.
type late struct {
	version string               // of the upload that an earlier run was killed in; empty: unknown
	until   time.Time            // when that one is over; zero: there is none
	resent  bool                 // the content was sent again since
	changes []*unsettled.Changes // of uploads of this run
	looks   int                  // how often it was not over
}

// lateOf returns what an earlier run may have left of an entry; nil is nothing.
func (q *Queue) lateOf(id string) *late {
	if q.id == "" { // nobody is told of it, and nothing has to wait for it
		_ = os.Remove(q.folder.sending(id))
		return nil
	}
	var s sending
	err := journal.ReadFile(q.folder.sending(id), sendingFormat, &s)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &late{version: s.Version, until: q.opts.Now().Add(lingers)} // also if it cannot be read
}

// putNoted stores the content of an entry, and notes that on disk as long as it may take
// effect.
func (q *Queue) putNoted(ctx context.Context, e *entry, file *os.File, opts backend.PutOptions) (backend.Info, error) {
	if q.id == "" {
		return q.store.Put(ctx, e.Name, file, opts)
	}
	s := sending{Version: e.Version}
	q.mu.Lock()
	if e.late != nil {
		e.late.resent, s.Version = true, ""
	}
	q.mu.Unlock()
	if err := journal.WriteFile(q.folder.sending(e.ID), sendingFormat, s); err != nil {
		return backend.Info{}, &localError{err}
	}
	ctx, changes := unsettled.With(ctx)
	info, err := q.store.Put(ctx, e.Name, file, opts)
	q.mu.Lock()
	defer q.mu.Unlock()
	if changes.Any() {
		for _, e := range []*entry{e, q.entries[e.Name]} { // it may have been replaced
			if e != nil && (e.late == nil || !slices.Contains(e.late.changes, changes)) {
				if e.late == nil {
					e.late = &late{}
				}
				e.late.changes = append(e.late.changes, changes)
			}
		}
	} else if e.late == nil {
		_ = os.Remove(q.folder.sending(e.ID)) // else it is told for longer after a restart
	}
	return info, err
}

// inherit notes on disk that an entry is going to wait for what may come late of the one
// that it replaces, which is still in the folder. The caller does not hold q.mu.
func (q *Queue) inherit(e, old *entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.id == "" || old.late == nil && q.inFlight[e.Name] == nil {
		return nil
	}
	return journal.WriteFile(q.folder.sending(e.ID), sendingFormat, sending{})
}

// unnote removes the note of an entry whose name nothing is in flight under any more, if
// nothing may come late. The caller holds q.mu.
func (q *Queue) unnote(e *entry) {
	if q.id != "" && e.late == nil && q.inFlight[e.Name] == nil {
		_ = os.Remove(q.folder.sending(e.ID))
	}
}

// over is an error while something may still take effect under the name of an entry,
// which its end must not be told before. shown is the version that the store has, if the
// content was not sent since: the upload that was cut off may have ended with it.
func (q *Queue) over(ctx context.Context, e *entry, shown string) error {
	q.mu.Lock()
	if e.late == nil {
		q.mu.Unlock()
		return nil
	}
	l := *e.late
	ended := !l.resent && shown != "" && shown == l.version && !slices.Contains(e.Replaces, shown)
	q.mu.Unlock()
	for _, c := range l.changes {
		if !c.Over(ctx) {
			return comesLate(firstPause)
		}
	}
	if left := l.until.Sub(q.opts.Now()); left > 0 && !ended {
		return comesLate(left)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	e.late = nil
	_ = os.Remove(q.folder.sending(e.ID))
	return nil
}

// A lateError says that something may still take effect under the name of an entry.
// Nothing has failed.
type lateError struct{ cause *backend.Error }

func (e *lateError) Error() string { return e.cause.Error() }
func (e *lateError) Unwrap() error { return e.cause }

func comesLate(left time.Duration) error {
	return &lateError{&backend.Error{Kind: backend.ErrUnavailable, Message: "an upload to that name was cut off and may still take effect, until when the other gateways are told that it waits here", RetryAfter: left}}
}

// lingers has the queue look again later whether the end of an entry can be told, which
// is no failed attempt. The caller holds q.mu.
func (q *Queue) lingers(e *entry, err *lateError) {
	looks := 0
	if e.late != nil { // else it is over by now
		looks = e.late.looks
		e.late.looks++
	}
	pause, _ := pauseAfter(err, looks)
	e.failed, e.refused, e.full = false, false, false
	e.Trouble = Trouble{Next: q.opts.Now().Add(pause)}
	if err := q.folder.writeTrouble(e.Entry); err != nil {
		q.opts.Log.Debug("cannot write when an upload is looked at again", "name", e.Name, "error", err)
	}
	if looks == 0 {
		q.opts.Log.Info("a file waits until an upload that was cut off is over", "name", e.Name, "in", pause)
	}
}
