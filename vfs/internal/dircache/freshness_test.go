package dircache

import (
	"errors"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/testclock"
)

// TestFreshness begins with a listing that is a moment old, of a store whose
// revision has stood still for a while.
func TestFreshness(t *testing.T) {
	const poll, ttl = 5 * time.Second, time.Minute
	failed := backend.PathError("revision", ".", backend.ErrUnavailable, "")
	none := backend.PathError("revision", ".", errors.ErrUnsupported, "")
	type stage struct {
		do    func(*store, *Cache) // before time passes; may be nil
		pass  time.Duration
		calls string // when it is listed afterwards
	}
	revise := func(token string, err error) func(*store, *Cache) {
		return func(s *store, _ *Cache) { s.revise(token, err) }
	}
	for name, stages := range map[string][]stage{
		"within an interval":       {{nil, poll - 1, ""}},
		"it stands still":          {{nil, poll, "1 revision"}, {nil, poll - 1, ""}, {nil, 1, "1 revision"}, {nil, poll, "1 revision"}},
		"it has moved":             {{revise("2", nil), poll - 1, ""}, {nil, 1, "1 list, 1 revision"}},
		"it moved a moment ago":    {{revise("2", nil), poll, "1 list, 1 revision"}, {nil, poll, "1 list, 1 revision"}, {nil, poll, "1 revision"}},
		"it is not told":           {{revise("", failed), poll, "1 list, 1 revision"}, {revise("1", nil), poll, "1 revision"}},
		"the store has none":       {{revise("", none), poll, "1 revision"}, {nil, ttl - poll - 1, ""}, {nil, 1, "1 list"}, {nil, ttl - 1, ""}},
		"a write of ours moves it": {{func(s *store, c *Cache) { c.Stored("a", backend.Info{}); s.revise("2", nil) }, poll, "1 list, 1 revision"}},
		"a write of ours may not have moved it yet": {
			{nil, poll - step/2, ""},
			{func(_ *store, c *Cache) { c.Stored("a", backend.Info{}) }, step / 2, "1 revision"},
			{revise("2", nil), poll, "1 list, 1 revision"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore("f")
			c, clock := start(t, s, Options{Poll: poll, TTL: ttl})
			settled(t, s, c, clock, poll)
			for i, stage := range stages {
				if stage.do != nil {
					stage.do(s, c)
				}
				clock.Advance(stage.pass)
				names(t, c, ".")
				if got := s.calls(); got != stage.calls {
					t.Errorf("stage %d: the store was asked for %q, want %q", i+1, got, stage.calls)
				}
			}
		})
	}
}

// settled brings a cache to a fresh listing and a revision old enough to
// confirm it.
func settled(t *testing.T, s *store, c *Cache, clock *testclock.Clock, poll time.Duration) {
	t.Helper()
	for _, want := range []string{"1 list", "1 list, 1 revision", "1 list, 1 revision"} {
		names(t, c, ".")
		s.wants(t, "getting to know the revision", want)
		clock.Advance(poll)
	}
	clock.Advance(-poll)
}

// TestARevisionThatDoesNotMove when something of ours is written tells nothing:
// from then on only time does.
func TestARevisionThatDoesNotMove(t *testing.T) {
	const poll, ttl = 5 * time.Second, time.Minute
	for name, write := range map[string]func(*Cache){
		"stored":     func(c *Cache) { c.Stored("a", backend.Info{}) },
		"removed":    func(c *Cache) { c.Removed("f") },
		"moved":      func(c *Cache) { c.Moved("f", "g", c.Kept()) },
		"copied":     func(c *Cache) { c.Copied("f", "g") },
		"propertied": func(c *Cache) { c.Propertied("f", map[string]string{"x": "y"}, nil) },
	} {
		s := newStore("f")
		c, clock := start(t, s, Options{Poll: poll, TTL: ttl})
		settled(t, s, c, clock, poll)
		write(c)
		clock.Advance(poll)
		names(t, c, ".")
		s.wants(t, name+", asking once more", "1 revision")
		clock.Advance(ttl - poll - 1)
		names(t, c, ".")
		s.wants(t, name+", within its time", "")
		clock.Advance(1)
		names(t, c, ".")
		s.wants(t, name+", when that is over", "1 list")
	}
}

// TestTheRevisionIsAskedForOnceAnInterval, however many listings are stale.
func TestTheRevisionIsAskedForOnceAnInterval(t *testing.T) {
	const poll = 5 * time.Second
	s := newStore("a/x", "b/x", "f")
	c, clock := start(t, s, Options{Poll: poll, TTL: time.Minute})
	settled(t, s, c, clock, poll)
	names(t, c, "a")
	names(t, c, "b")
	s.calls()
	s.revise("2", nil)
	clock.Advance(poll)
	for _, dir := range []string{".", "a", "b"} {
		names(t, c, dir)
	}
	s.wants(t, "three stale listings", "3 list, 1 revision")
}

// TestAMoveMakesAllListingsStale that were made before it was seen, also those
// of a moment ago.
func TestAMoveMakesAllListingsStale(t *testing.T) {
	const poll = 5 * time.Second
	s := newStore("young/x", "f")
	c, clock := start(t, s, Options{Poll: poll, TTL: time.Minute})
	settled(t, s, c, clock, poll)
	clock.Advance(poll - 1)
	names(t, c, "young")
	s.revise("2", nil)
	clock.Advance(1)
	s.calls()
	names(t, c, ".")
	s.wants(t, "the one that is asked for", "1 list, 1 revision")
	names(t, c, "young")
	s.wants(t, "the young one", "1 list")
}
