package yandex

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// stored is what the driver has stored lately and the service has not shown
// since, by name, in a journal: a driver that is restarted must not take the
// service's word either that such a name does not exist. It is not synced. A
// crash of the process loses none of it; a loss of power may, but takes longer
// than freshTime, after which it is of no use.
type stored struct {
	log     *slog.Logger
	journal *work[storedEntry]

	mu    sync.Mutex
	order []storedName // oldest first; those that were dropped may be among them
}

// storedEntry is one entry of the journal.
type storedEntry struct {
	At      time.Time `json:"at"`
	Version string    `json:"version,omitempty"` // of a file, if it is known
	Dir     bool      `json:"dir,omitempty"`
	Stamped bool      `json:"stamped,omitempty"` // has a modification time among its properties
}

type storedName struct {
	name string
	at   time.Time
}

// openStored opens what an earlier process has stored lately. What was recorded
// with a clock that was ahead counts as stored now.
func openStored(cfg Config, root string) (*stored, error) {
	j, err := openWork(cfg, root, "stored", func(a, b storedEntry) bool { return a.At.After(b.At) })
	if err != nil {
		return nil, err
	}
	s := &stored{log: cfg.Log, journal: j}
	now := cfg.Now()
	for name, v := range j.All() {
		if v.At.After(now) {
			v.At = now
			s.logFailure(name, j.note(name, v))
		}
		s.order = append(s.order, storedName{name, v.At})
	}
	slices.SortFunc(s.order, func(a, b storedName) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.name, b.name)) })
	s.expire(now)
	return s, nil
}

// set records a name, and drops those stored too long ago.
func (s *stored) set(name string, v storedEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order = append(s.order, storedName{name, v.At})
	s.logFailure(name, s.journal.note(name, v))
	s.expire(v.At)
}

// expire drops what was stored too long before now. The caller holds s.mu, or
// is alone.
func (s *stored) expire(now time.Time) {
	for len(s.order) > 0 && now.Sub(s.order[0].at) >= freshTime {
		old := s.order[0]
		s.order = s.order[1:]
		if v, ok := s.journal.Get(old.name); ok && v.At.Equal(old.at) { // not stored once more
			s.drop(old.name)
		}
	}
}

// drop drops one name.
func (s *stored) drop(name string) { s.logFailure(name, s.journal.delete(name)) }

// dropTree drops a name and everything below it.
func (s *stored) dropTree(name string) {
	for key := range s.journal.All() {
		if backend.Within(key, name) {
			s.drop(key)
		}
	}
}

func (s *stored) logFailure(name string, err error) {
	if err != nil {
		s.log.Warn("the journal of what was stored lately cannot be written", "name", name, "error", err)
	}
}

// close closes the journal. If it cannot be written, that is no error of the backend:
// what it speaks of is stored, and the memory of it is of no use after freshTime.
func (s *stored) close() {
	if err := s.journal.Close(); err != nil {
		s.log.Warn("what was stored lately is not remembered; for some seconds another process may not find it", "error", err)
	}
}
