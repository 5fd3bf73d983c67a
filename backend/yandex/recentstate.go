package yandex

import (
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// recentState is what the driver has recently seen or changed at the paths of the
// disk. It is no cache of metadata: it saves a call whose result is
// certain or was known a moment ago.
type recentState struct {
	now  func() time.Time
	seen *lru.Cache[string, seen]
	puts *lru.Cache[string, struct{}] // the paths of the files stored last
}

// seen is what was at a path.
type seen struct {
	at      time.Time
	changed time.Time // when the driver last put something there, or removed it
	own     bool      // the driver put it there
	gone    bool      // nothing is there
	dir     bool
	version string // of a file
	stamped bool   // has a modification time among its properties
}

const (
	maxSeen = 50_000
	maxPuts = 1000
	// freshTime is how long an observation is relied upon.
	freshTime = 10 * time.Second
)

func newRecentState(now func() time.Time) *recentState {
	return &recentState{now, newLRU[seen](maxSeen), newLRU[struct{}](maxPuts)}
}

// observed records what the service reported at a path.
func (s *recentState) observed(path string, r *api.Resource) {
	_, stamped := modTime(r)
	old, _ := s.seen.Peek(path)
	s.seen.Add(path, seen{at: s.now(), changed: old.changed, dir: r.Type == "dir", version: versionOf(r), stamped: stamped})
}

// listed records that a whole folder was observed.
func (s *recentState) listed(dir string) {
	s.seen.Add(dir+listMark, seen{at: s.now()})
}

// listMark makes the key of a folder's listing out of its path. No path has
// it in it.
const listMark = "\x00"

// absent reports whether a folder that was listed a moment ago had nothing of
// that name.
func (s *recentState) absent(path string) bool {
	dir := path[:max(0, strings.LastIndexByte(path, '/'))]
	for _, key := range []string{dir, dir + "/"} { // the root has a slash at its end
		if v, ok := s.seen.Peek(key + listMark); ok && s.now().Sub(v.at) < freshTime {
			there, ok := s.seen.Peek(path)
			return !ok || there.gone
		}
	}
	return false
}

// created records what was put at a path. A file keeps the properties of the one
// that it replaces.
func (s *recentState) created(path, version string, dir bool) {
	old, _ := s.seen.Peek(path)
	now := s.now()
	s.seen.Add(path, seen{at: now, changed: now, own: true, dir: dir, version: version, stamped: old.stamped && !old.gone})
	if !dir {
		s.puts.Add(path, struct{}{})
	}
}

// lacks reports whether a listing lacks a file that was stored in the folder a
// moment ago.
func (s *recentState) lacks(dir string, listed []api.Resource) bool {
	var there map[string]bool
	dir = strings.TrimSuffix(dir, "/") + "/" // the root has one
	for _, put := range s.puts.Keys() {
		base, within := strings.CutPrefix(put, dir)
		if !within || strings.Contains(base, "/") || !s.ours(put) {
			continue
		}
		if there == nil {
			there = make(map[string]bool, len(listed))
			for _, r := range listed {
				there[string(r.Name)] = true
			}
		}
		if !there[base] {
			return true
		}
	}
	return false
}

// ours reports whether the driver put what is at a path there a moment ago.
func (s *recentState) ours(path string) bool {
	v, ok := s.fresh(path)
	return ok && v.own
}

// removed records that what was at a path is gone.
func (s *recentState) removed(path string) {
	now := s.now()
	s.seen.Add(path, seen{at: now, changed: now, gone: true})
}

// invalidate drops what is known of a path, after a change that failed.
func (s *recentState) invalidate(path string) {
	old, _ := s.seen.Peek(path)
	s.seen.Add(path, seen{changed: s.now(), stamped: old.stamped})
}

// copied records that what is at one path is at another now too.
func (s *recentState) copied(from, to string) {
	v, ok := s.seen.Peek(from)
	if !ok || v.at.IsZero() {
		s.invalidate(to) // it may be a file or a folder
		return
	}
	now := s.now()
	v.at, v.changed, v.own = now, now, true
	s.seen.Add(to, v)
	if !v.dir {
		s.puts.Add(to, struct{}{})
	}
}

// fresh returns what was at a path a moment ago.
func (s *recentState) fresh(path string) (seen, bool) {
	v, ok := s.seen.Peek(path)
	if !ok || v.gone || s.now().Sub(v.at) >= freshTime {
		return v, false
	}
	for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path[:i], '/') {
		if above, ok := s.seen.Peek(path[:i]); ok && !v.at.After(above.changed) {
			return v, false // the folder was replaced
		}
	}
	return v, true
}

// stamped reports whether what is or was at a path had a modification time
// among its properties.
func (s *recentState) stamped(path string) bool {
	v, _ := s.seen.Peek(path)
	return v.stamped
}

// replaced reports whether a version is no longer at a path, because the driver
// put another there, or removed the folder that it was in.
func (s *recentState) replaced(path, version string) bool {
	v, ok := s.seen.Peek(path)
	if ok && (v.gone || v.version != version) {
		return true
	}
	for i := strings.LastIndexByte(path, '/'); i > 0; i = strings.LastIndexByte(path[:i], '/') {
		if above, ok := s.seen.Peek(path[:i]); ok && above.gone && !v.at.After(above.at) {
			return true
		}
	}
	return false
}
