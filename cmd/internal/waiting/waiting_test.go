package waiting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

// A name waits at one gateway, from its announcement until that one has stored what it
// announced last, and is closed to changes by the others meanwhile.
func TestAnnounced(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "d/f", "1"); err != nil {
		t.Fatal(err)
	}
	b.holds(1, "g0:d/f=1")
	if err := b.announce(1, "d/f", "x"); !errors.Is(err, vfs.ErrWaits) {
		t.Errorf("it waits at both: %v", err)
	}
	if f, ok := b.tables[1].Elsewhere("d/f"); !ok || f.Version != "1" || len(b.tables[1].In("d")) != 1 || len(b.tables[1].In(".")) != 0 || b.tables[1].Owns("d/f") {
		t.Errorf("elsewhere it is %+v, %v", f, ok)
	}
	if _, ok := b.tables[0].Elsewhere("d/f"); ok || !b.tables[0].Owns("d/f") || len(b.tables[0].In("d")) != 0 {
		t.Error("it is not its owner's")
	}
	b.settles(0, "", "d")
	b.settles(1, "", "e", "d/g", "d/f2")
	for _, names := range [][]string{{"d/f"}, {"d"}, {"."}, {"e", "d"}} {
		b.settles(1, "waits", names...)
	}
	if got := fmt.Sprint(b.learned); got != "[[] [d/f=]]" {
		t.Errorf("caches learn %v", got)
	}
	b.pass(0)
	b.holds(1, "g0:d/f=1")

	// The upload of the first ends when the second is announced.
	done, err := b.tables[0].Announce(t.Context(), vfs.Waiting{Name: "d/f", Version: "2"})
	if err != nil {
		t.Fatal(err)
	}
	b.queues[0].set("d/f", "")
	b.tables[0].Changed("d/f")
	b.pass(0)
	b.holds(1, "g0:d/f=2")
	b.queues[0].set("d/f", "2")
	done()
	b.pass(0)
	b.holds(1, "g0:d/f=2")
	b.queues[0].set("d/f", "")
	b.tables[0].Changed("d/f")
	b.settles(0, "waits", "d") // a change of it would be shown late
	b.pass(0)
	b.holds(1, "")
	if got := fmt.Sprint(b.learned); got != "[[] [d/f= d/f= d/f=2]]" {
		t.Errorf("caches learn %v", got)
	}
	b.settles(0, "", "d")
	b.settles(1, "", "d")
}

// What was announced and is not queued after all is withdrawn, and what is queued in
// its place is told.
func TestAnnouncedInVain(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f", "g"} {
		done, err := b.tables[0].Announce(t.Context(), vfs.Waiting{Name: name, Version: "2"})
		if err != nil {
			t.Fatal(err)
		}
		done()
	}
	b.holds(1, "g0:f=2 g0:g=2")
	b.pass(0)
	b.holds(1, "g0:f=1")
	if len(b.queues[0].rechecked) > 0 {
		t.Errorf("%v is looked at though its name was closed", b.queues[0].rechecked)
	}
}

// An old "stored" does not withdraw what was announced since.
func TestStoredIsOfOneAnnouncement(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	old := change{Op: opTell, Owner: b.tables[0].self, Epoch: b.at[0].Epoch(), Stored: []numbered{{"f", b.tables[0].Files()[0].Number}}}
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	of := func(c change, want error) {
		t.Helper()
		if _, err := b.tables[0].log.Propose(t.Context(), c, journal.Options{}); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	of(old, nil)
	b.holds(1, "g0:f=1")
	old.Stored[0].Number, old.Owner.Queue = b.tables[0].Files()[0].Number, "another folder"
	of(old, cluster.ErrExpelled)
	b.holds(1, "g0:f=1")
	old.Owner = b.tables[0].self
	of(old, nil)
	b.holds(1, "")
}

// Another gateway is asked once by all, and stores at once.
func TestAsked(t *testing.T) {
	b := newBench(t, 3)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	entries := len(b.log.entries)
	b.settles(2, "", "other")
	answers := make(chan error, 2)
	for _, i := range []int{1, 2} {
		go func() { answers <- b.tables[i].Settle(t.Context(), "f") }()
		b.after <- b.now // the time of the first is over
		err := <-answers
		var told *backend.Error
		if !errors.As(err, &told) || !errors.Is(err, backend.ErrUnavailable) || told.RetryAfter == 0 || !strings.Contains(err.Error(), `"f" waits at the gateway g0, which takes longer`) {
			t.Errorf("it is refused with %v", err)
		}
	}
	if got := len(b.log.entries) - entries; got != 1 {
		t.Errorf("%d entries ask", got)
	}
	b.now = b.now.Add(askAgain)
	go func() { answers <- b.tables[1].Settle(t.Context(), "f") }()
	b.after <- b.now
	<-answers
	if got := len(b.log.entries) - entries; got != 2 {
		t.Errorf("%d entries ask later", got)
	}
	b.pass(0)
	if got := fmt.Sprint(b.queues[0].expedited); got != "[f]" {
		t.Errorf("what is stored at once is %v", got)
	}
	go func() { answers <- b.tables[1].Settle(t.Context(), "f") }()
	b.queues[0].set("f", "")
	b.tables[0].Changed("f")
	b.pass(0)
	if err := <-answers; err != nil {
		t.Error(err)
	}
}

// What waits at a gateway that has ended stays, until it runs again or somebody gives
// it up, and then closed to changes as long as it may still be stored.
func TestGivenUp(t *testing.T) {
	b := newBench(t, 2)
	for _, name := range []string{"h", "f", "g"} {
		if err := b.announce(0, name, "1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.tables[1].Forget(t.Context(), "g0"); !errors.Is(err, ErrRuns) {
		t.Errorf("it is given up while it runs: %v", err)
	}
	b.log.expel(b.at[0])
	if b.tables[0].Owns("f") || b.tables[0].Current() == nil {
		t.Error("a gateway that is no member knows what waits")
	}
	if err := b.announce(0, "f", "2"); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("a gateway that is no member announces: %v", err)
	}
	b.settles(1, "davdisk cluster forget", "f")
	if err := b.tables[1].Forget(t.Context(), "other"); !errors.Is(err, ErrNothing) {
		t.Errorf("nothing is given up: %v", err)
	}
	b.now = b.now.Add(lingers / 2)
	if err := b.tables[1].Forget(t.Context(), "g0"); err != nil {
		t.Error(err)
	}
	b.holds(1, "g0:f=1? g0:g=1? g0:h=1?")
	if _, ok := b.tables[1].Elsewhere("f"); ok || len(b.tables[1].In(".")) > 0 {
		t.Error("it is shown")
	}
	b.settles(1, "was given up", "f")
	if err := b.tables[1].Forget(t.Context(), "g0"); err != nil {
		t.Errorf("it is given up again: %v", err)
	}
	third := b.add("g2", "folder2")
	for _, i := range []int{1, third} {
		if next := b.tables[i].nextOver(); next != lingers {
			t.Errorf("at %d it is over in %v", i, next)
		}
	}
	b.now = b.now.Add(lingers - 1) // longer after the end of its membership
	b.settles(1, "was given up", "f")
	b.pass(1)
	b.holds(1, "g0:f=1? g0:g=1? g0:h=1?")
	b.now = b.now.Add(1)
	fourth := b.add("g3", "folder3")
	b.pass(fourth) // it does not know since when
	b.holds(1, "g0:f=1? g0:g=1? g0:h=1?")
	b.pass(1)
	b.holds(third, "")
	b.settles(third, "", "f")
	if err := b.announce(1, "g", "other"); err != nil {
		t.Error(err)
	}
	b.holds(1, "g1:g=other")

	// It comes back: what it was to replace is looked at, in each case.
	b.queues[0].set("h", "")
	again := b.add2("g0", b.queues[0])
	b.holds(1, "g0:f=1 g1:g=other")
	if got := slices.Sorted(slices.Values(b.queues[0].rechecked)); fmt.Sprint(got) != "[f]" {
		t.Errorf("looked at are %v", got)
	}
	if !b.tables[again].Owns("f") || b.tables[again].Owns("g") {
		t.Error("it owns what waits elsewhere")
	}
	b.queues[0].recheck = func(_ context.Context, name string) error {
		b.queues[0].set(name, "")
		b.queues[0].set(name+" beside", "1")
		b.tables[again].Renamed(name, name+" beside")
		b.queues[0].recheck = nil
		return nil
	}
	b.queues[1].set("g", "")
	b.tables[1].Changed("g")
	b.pass(1)
	for range 3 {
		_ = b.tables[again].Pass(t.Context())
	}
	b.holds(1, "g0:f=1 g0:g beside=1")
}

// add2 starts a gateway again, with its queue.
func (b *bench) add2(name string, q *queue) int {
	g := &testGateway{log: b.log, name: name}
	table, err := Open(Options{Engine: g, Member: g.member, Now: func() time.Time { return b.now }, After: time.After})
	if err != nil {
		b.Fatal(err)
	}
	table.ReserveBy(func(context.Context, string) (func(), bool, error) { return func() {}, false, nil })
	table.Attach(q)
	if q.renamed != "" {
		table.Renamed("f", q.renamed)
	}
	b.log.join(g)
	if err := table.Pass(b.Context()); err != nil && !errors.Is(err, backend.ErrUnavailable) { // a name waits elsewhere
		b.Error(err)
	}
	b.tables, b.queues, b.at = append(b.tables, table), append(b.queues, q), append(b.at, g)
	return len(b.tables) - 1
}

// After a conflict a file is queued under another name. The first stays closed until
// the others know of the second, which nobody but its owner may be changing.
func TestRenamed(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "d/f", "1"); err != nil {
		t.Fatal(err)
	}
	busy := errors.New("in use")
	b.tables[0].ReserveBy(func(context.Context, string) (func(), bool, error) { return nil, false, busy })
	b.queues[0].set("d/f", "")
	b.queues[0].set("d/f beside", "1")
	b.tables[0].Renamed("d/f", "d/f beside")
	for range 2 {
		if err := b.tables[0].Pass(t.Context()); !errors.Is(err, busy) {
			t.Errorf("it is announced with %v", err)
		}
		b.holds(1, "g0:d/f=1")
	}
	if b.tables[0].Owns("d/f beside") {
		t.Error("it owns what nobody knows of")
	}
	var reserved, released []string
	b.tables[0].ReserveBy(func(_ context.Context, path string) (func(), bool, error) {
		reserved = append(reserved, path)
		return func() { released = append(released, path) }, true, nil
	})
	b.pass(0)
	b.holds(1, "g0:d/f=1 g0:d/f beside=1")
	b.pass(0)
	b.holds(1, "g0:d/f beside=1")
	if got := fmt.Sprint(reserved, released, b.queues[0].rechecked); got != "[/d/f beside] [/d/f beside] [d/f beside locked]" {
		t.Errorf("reserved, released and looked at are %s", got)
	}
}

// No more than so many files wait. Those beyond are stored at once.
func TestFull(t *testing.T) {
	b := newBench(t, 1)
	for i := range maxFiles {
		if err := b.announce(0, fmt.Sprint(i), "1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.announce(0, "f", "1"); !errors.Is(err, vfs.ErrFull) {
		t.Errorf("one more is %v", err)
	}
}

// A gateway that has got another folder does not have what waits in the first, and
// says nothing of it.
func TestAnotherFolder(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	b.log.expel(b.at[0])
	b.add("g0", "empty")
	b.holds(1, "g0:f=1")
	b.settles(1, "waits", "f")
	if b.tables[2].Owns("f") {
		t.Error("it owns what it does not have")
	}
	b.settles(2, "waits", "f")
}

// An announcement in a membership that has ended is refused, also if there is another.
func TestAnnouncedByAnEndedMembership(t *testing.T) {
	b := newBench(t, 2)
	late := change{Op: opWait, Owner: b.tables[0].self, Epoch: b.at[0].Epoch(), Files: []announced{{Waiting: vfs.Waiting{Name: "f"}}}}
	b.log.expel(b.at[0])
	again := b.add("g0", "folder0")
	for _, op := range []string{opWait, opTell} {
		late.Op = op
		if _, err := b.tables[again].log.Propose(t.Context(), late, journal.Options{}); !errors.Is(err, cluster.ErrExpelled) {
			t.Errorf("%s: it is announced: %v", op, err)
		}
	}
	b.holds(1, "")
}

// All gateways keep uploads back, or none.
func TestMode(t *testing.T) {
	b := newBench(t, 2)
	for _, step := range []struct {
		at   int
		on   bool
		want error
	}{{0, true, nil}, {0, true, nil}, {1, true, nil}, {1, false, ErrOtherMode}} {
		if err := b.tables[step.at].Check(t.Context(), step.on); !errors.Is(err, step.want) {
			t.Errorf("%+v: %v", step, err)
		}
	}
	if _, err := b.tables[1].log.Propose(t.Context(), change{Op: opMode}, journal.Options{}); !errors.Is(err, ErrOtherMode) {
		t.Errorf("it is changed: %v", err)
	}
}

// A snapshot is the state, and a state is empty after Reset.
func TestSnapshot(t *testing.T) {
	b := newBench(t, 2)
	for _, name := range []string{"f", "g"} {
		if err := errors.Join(b.announce(0, name, "1"), b.announce(1, name+name, "1"), b.tables[0].Check(t.Context(), true)); err != nil {
			t.Fatal(err)
		}
	}
	b.log.expel(b.at[1])
	if err := b.tables[0].Forget(t.Context(), "g1"); err != nil {
		t.Fatal(err)
	}
	text := func(m machine) (all string) {
		for c := range m.Snapshot() {
			data, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			all += string(data) + "\n"
		}
		return all
	}
	g := &testGateway{log: b.log, name: "new"}
	other, err := Open(Options{Engine: g})
	if err != nil {
		t.Fatal(err)
	}
	for data, err := range b.at[0].state.Snapshot() {
		if err == nil {
			err = g.state.Apply(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := text(machine{b.tables[0]})
	if got := text(machine{other}); got != want || strings.Count(got, "\n") != 7 {
		t.Errorf("it is\n%s\nnot\n%s", got, want)
	}
	if other.state.count != 4 {
		t.Errorf("%d announcements are counted", other.state.count)
	}
	machine{other}.Reset()
	if got := text(machine{other}); got != "" {
		t.Errorf("it has %s", got)
	}
	for _, bad := range []string{`{"op":"x"}`, `{"op":"wait"}`, `{"op":"held"}`, `[]`} {
		if err := g.state.Apply([]byte(bad)); !errors.Is(err, journal.ErrEntry) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
