package yandex

import (
	"path"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// recentState is what the driver has recently seen or changed, by name. It is
// not a cache of metadata: it saves a call whose result is certain or was known
// a moment ago. What was just stored is remembered over a restart.
type recentState struct {
	now  func() time.Time
	seen *lru.Cache[string, seen]
	puts *lru.Cache[string, struct{}] // the files stored last
	kept *stored
}

// seen is what was observed under a name.
type seen struct {
	at      time.Time
	changed time.Time // when the driver last stored or removed it
	own     bool      // stored by the driver
	gone    bool      // the name does not exist
	dir     bool
	version string // of a file
	stamped bool   // has a modification time among its properties
}

const (
	maxSeen = 50_000
	maxPuts = 1000
	// freshTime is how long an observation is trusted.
	freshTime = 10 * time.Second
)

// openRecentState begins with what an earlier process has just stored.
func openRecentState(cfg Config, root string) (*recentState, error) {
	kept, err := openStored(cfg, root)
	if err != nil {
		return nil, err
	}
	s := &recentState{cfg.Now, newLRU[seen](maxSeen), newLRU[struct{}](maxPuts), kept}
	for name, v := range kept.journal.All() {
		s.seen.Add(name, seen{at: v.At, changed: v.At, own: true, dir: v.Dir, version: v.Version, stamped: v.Stamped})
		if !v.Dir {
			s.puts.Add(name, struct{}{})
		}
	}
	return s, nil
}

// own records what the driver has stored under a name.
func (s *recentState) own(name string, v seen) {
	v.own = true
	s.seen.Add(name, v)
	if !v.dir {
		s.puts.Add(name, struct{}{})
	}
	s.kept.set(name, storedEntry{At: v.at, Version: v.version, Dir: v.dir, Stamped: v.stamped})
}

// observed records what the service reported of a name.
func (s *recentState) observed(name string, r *api.Resource) {
	_, stamped := modTime(r)
	old, _ := s.seen.Peek(name)
	s.seen.Add(name, seen{at: s.now(), changed: old.changed, dir: r.Type == "dir", version: versionOf(r), stamped: stamped})
	s.kept.drop(name)
}

// listed records that a whole folder was observed.
func (s *recentState) listed(dir string) {
	s.seen.Add(dir+listMark, seen{at: s.now()})
}

// listMark makes the key of a folder's listing out of its name. No name has
// it in it.
const listMark = "\x00"

// absent reports whether a recent listing of the folder did not have the
// name.
func (s *recentState) absent(name string) bool {
	v, ok := s.seen.Peek(path.Dir(name) + listMark)
	if !ok || s.now().Sub(v.at) >= freshTime {
		return false
	}
	there, ok := s.seen.Peek(name)
	return !ok || there.gone
}

// created records what was stored under a name. A file keeps the properties of the one
// that it replaces.
func (s *recentState) created(name, version string, dir bool) {
	old, _ := s.seen.Peek(name)
	now := s.now()
	s.own(name, seen{at: now, changed: now, dir: dir, version: version, stamped: old.stamped && !old.gone})
}

// lacks reports whether a listing lacks a file that was stored in the folder a
// moment ago.
func (s *recentState) lacks(dir string, listed []api.Resource) bool {
	var there map[string]bool
	for _, put := range s.puts.Keys() {
		if path.Dir(put) != dir || !s.ours(put) {
			continue
		}
		if there == nil {
			there = make(map[string]bool, len(listed))
			for _, r := range listed {
				there[string(r.Name)] = true
			}
		}
		if !there[path.Base(put)] {
			return true
		}
	}
	return false
}

// ours reports whether the driver has recently stored the resource with a name.
func (s *recentState) ours(name string) bool {
	v, ok := s.fresh(name)
	return ok && v.own
}

// removed records that a name was removed.
func (s *recentState) removed(name string) {
	now := s.now()
	s.seen.Add(name, seen{at: now, changed: now, gone: true})
	s.kept.dropTree(name)
}

// invalidate drops what is known of a name, after a change that failed.
func (s *recentState) invalidate(name string) {
	old, _ := s.seen.Peek(name)
	s.seen.Add(name, seen{changed: s.now(), stamped: old.stamped})
	s.kept.dropTree(name)
}

// copied records a copy of one name to another.
func (s *recentState) copied(from, to string) {
	v, ok := s.seen.Peek(from)
	if !ok || v.at.IsZero() {
		s.invalidate(to) // it may be a file or a folder
		return
	}
	now := s.now()
	v.at, v.changed = now, now
	s.kept.dropTree(to)
	s.own(to, v)
}

// fresh returns a recent observation of a name.
func (s *recentState) fresh(name string) (seen, bool) {
	v, ok := s.seen.Peek(name)
	if !ok || v.gone || s.now().Sub(v.at) >= freshTime {
		return v, false
	}
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		if above, ok := s.seen.Peek(name[:i]); ok && !v.at.After(above.changed) {
			return v, false // the folder was replaced
		}
	}
	return v, true
}

// stamped reports whether the resource with a name has, or had, a modification
// time among its properties.
func (s *recentState) stamped(name string) bool {
	v, _ := s.seen.Peek(name)
	return v.stamped
}

// replaced reports whether a name no longer has a version, because the driver
// put another there, or removed the folder that it was in.
func (s *recentState) replaced(name, version string) bool {
	v, ok := s.seen.Peek(name)
	if ok && (v.gone || v.version != version) {
		return true
	}
	for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
		if above, ok := s.seen.Peek(name[:i]); ok && above.gone && !v.at.After(above.at) {
			return true
		}
	}
	return false
}
