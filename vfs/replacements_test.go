package vfs

import (
	"slices"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
)

// What is cached is dropped before who waits for an intent goes on, and nothing is
// looked for where there is only what others work on.
func TestAppliedReplacements(t *testing.T) {
	o, err := openOperations("")
	if err != nil {
		t.Fatal(err)
	}
	freed, early, timed := 0, false, 0
	changed := func(e *intent) {
		select {
		case <-e.changed:
		default:
			early = early || o.now(e.ID) == e
		}
	}
	opts := &options{engine: cluster.Lone(""), member: func() Member { return nil }}
	if err := o.join(opts, backend.Capabilities{FinishesMoves: true}, func() { freed++ }, changed); err != nil {
		t.Fatal(err)
	}
	apply := func(n note) {
		t.Helper()
		if err := (replacements{o}).Apply(n); err != nil {
			t.Error(err)
		}
		timed = len(slices.DeleteFunc(o.allNoted(anyIntent), func(e *intent) bool { return e.timer == nil }))
	}
	other := owner{"other", 1}
	entry := func(id string, k kind, of owner) note {
		return note{By: other, ID: id, Intent: &loggedIntent{record: record{ID: id, Kind: k, From: "f", Target: "t", Hidden: ".davdisk-" + id + "-t"}, Owner: of}}
	}
	apply(entry("abcdefghij", moving, other))
	if freed != 0 {
		t.Error("what another gateway works on is looked for")
	}
	early = false
	apply(note{By: other, ID: "abcdefghij"})
	if !early {
		t.Error("who waited could see what was cached before")
	}
	apply(entry("abcdefghik", moving, other))
	apply(entry("abcdefghik", moving, owner{}))
	if freed != 1 {
		t.Errorf("what is left to everybody is looked for %d times", freed)
	}
	apply(entry("abcdefghil", moving, other))
	apply(entry("abcdefghil", lingering, owner{}))
	if timed != 1 {
		t.Errorf("%d wait for late calls", timed)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	apply(entry("abcdefghim", moving, other))
	apply(entry("abcdefghim", lingering, owner{}))
	for _, e := range o.allNoted(anyIntent) {
		if e.timer != nil && e.timer.Stop() {
			t.Errorf("a timer of %s is left to run for %v", e.ID, 24*time.Hour)
		}
	}
}
