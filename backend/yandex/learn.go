package yandex

// Learn implements backend.Learner. What another process has stored is remembered as
// what this one has: the service's metadata may lag behind that too. What this one has
// stored there before is not missed any more. A name that nothing can have is ignored.
func (b *Backend) Learn(name, version string) {
	if _, err := b.path(name); err != nil {
		return
	}
	if name == "." {
		b.recent.forget()
		return
	}
	b.recent.learned(name, version)
	if version != "" {
		b.times.overtaken(name, version)
	}
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

// overtaken drops the time of content that another process has replaced by this
// version: written to that, it would take the place of its own.
func (t *times) overtaken(name, version string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.journal.Get(name); ok && s.Version != version {
		t.noted(name, t.journal.delete(name))
	}
}
