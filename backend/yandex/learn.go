package yandex

import "github.com/davdisk/davdisk/backend"

// Learn implements backend.Learner. What another process has stored is remembered as
// what this one has: the service's metadata may lag behind that too. What this one has
// stored there before is not missed any more. A name that nothing can have is ignored.
// It writes nothing to disk that is synced.
func (b *Backend) Learn(name, version string) {
	if _, err := b.path(name); err != nil {
		return
	}
	b.times.doubt(name, version)
	if name == "." {
		b.recent.forget()
		return
	}
	b.recent.learned(name, version)
}

// learned records what another process has changed.
func (s *recentState) learned(name, version string) {
	s.invalidate(name)
	if version == "" {
		return
	}
	old, _ := s.seen.Peek(name)
	now := s.now()
	s.seen.Add(name, seen{at: now, changed: now, own: true, version: version, stamped: old.stamped})
	s.puts.Add(name, struct{}{})
}

// forget drops everything.
func (s *recentState) forget() {
	s.seen.Purge()
	s.puts.Purge()
	s.kept.dropTree(".")
}

// doubt notes that the times at and below a name may be of content that another process
// has replaced, by this version if that is known: they are written once that was looked
// at. Which of the two was stored last is not known before.
func (t *times) doubt(name, version string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if version != "" { // a file
		if s, ok := t.journal.Get(name); ok && s.Version != version {
			t.doubtful[name] = true
		}
		return
	}
	for key := range t.journal.All() {
		if backend.Within(key, name) {
			t.doubtful[key] = true
		}
	}
}

// takeDoubt reports whether there is doubt of a name, and ends it.
func (t *times) takeDoubt(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	doubtful := t.doubtful[name]
	delete(t.doubtful, name)
	return doubtful
}

// doubtAgain is for what could not be looked at.
func (t *times) doubtAgain(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubtful[name] = true
}
