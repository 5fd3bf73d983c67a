package waiting

import (
	"context"
	"testing"

	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

// A folder that was restored in place has an older file of the name, or none, or knows
// what became of the one that was announced. Only then that is told.
func TestRestoredInPlace(t *testing.T) {
	announced := vfs.Waiting{Name: "f", ID: "5", Version: "2"}
	for name, c := range map[string]struct {
		folder  string
		queued  vfs.Waiting
		buried  []vfs.Waiting
		stored  string
		renamed string
		want    string
	}{
		"older":                     {queued: vfs.Waiting{ID: "4", Version: "1"}, want: "g0:f=2"},
		"older, the later stored":   {queued: vfs.Waiting{ID: "4", Version: "1"}, stored: "2", want: "g0:f=1"},
		"older, the later in vain":  {queued: vfs.Waiting{ID: "4", Version: "1"}, buried: []vfs.Waiting{{Name: "f", ID: "5"}}, want: "g0:f=1"},
		"the same":                  {queued: announced, want: "g0:f=2"},
		"the same content, earlier": {queued: vfs.Waiting{ID: "4", Version: "2"}, want: "g0:f=2"},
		"later, not announced":      {queued: vfs.Waiting{ID: "6", Version: "3"}, want: "g0:f=3"},
		"removed":                   {buried: []vfs.Waiting{{Name: "f", ID: "5"}}, want: ""},
		"removed, with a later one": {buried: []vfs.Waiting{{Name: "f", ID: "6"}}, want: ""},
		"an earlier one removed":    {buried: []vfs.Waiting{{Name: "f", ID: "4"}}, want: "g0:f=2"},
		"an earlier one renamed":    {buried: []vfs.Waiting{{Name: "f", ID: "4"}}, renamed: "f beside", want: "g0:f=2"},
		"removed, in a moved one":   {folder: "moved", buried: []vfs.Waiting{{Name: "f", ID: "5"}}, want: ""},
		"moved, the later in vain":  {folder: "moved", queued: vfs.Waiting{ID: "6", Version: "3"}, buried: []vfs.Waiting{{Name: "f", ID: "5"}}, want: "g0:f=3"},
		"earlier, in a moved one":   {folder: "moved", buried: []vfs.Waiting{{Name: "f", ID: "4"}}, want: "g0:f=2"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2)
			done, err := b.tables[0].Announce(t.Context(), announced)
			if done(); err != nil {
				t.Fatal(err)
			}
			b.log.expel(b.at[0])
			q := &queue{id: "folder0", files: map[string]vfs.Waiting{}, buried: c.buried, stored: map[string]string{"f": c.stored}}
			if c.folder != "" {
				q.id = c.folder
			}
			if c.queued.Version != "" {
				c.queued.Name = "f"
				q.files["f"] = c.queued
			}
			q.renamed = c.renamed
			again := b.add2("g0", q)
			_ = b.tables[again].Pass(t.Context()) // what is in the way of it waits
			b.holds(1, c.want)
			own := c.queued.Version != "" && c.want == "g0:f="+c.queued.Version
			if b.tables[again].Owns("f") != own {
				t.Errorf("it owns it: %v", !own)
			}
		})
	}
}

// After a conflict before a restart the first name is told until the others know of the
// second.
func TestRenamedBeforeARestart(t *testing.T) {
	b := newBench(t, 2)
	done, err := b.tables[0].Announce(t.Context(), vfs.Waiting{Name: "f", ID: "5", Version: "1"})
	if done(); err != nil {
		t.Fatal(err)
	}
	b.log.expel(b.at[0])
	q := &queue{
		id: "folder0", files: map[string]vfs.Waiting{"f beside": {Name: "f beside", ID: "5", Version: "1"}},
		buried: []vfs.Waiting{{Name: "f", ID: "6"}}, stored: map[string]string{"f": "9"},
	}
	g := &testGateway{log: b.log, name: "g0"}
	table, err := Open(Options{Engine: g, Member: g.member})
	if err != nil {
		t.Fatal(err)
	}
	table.Attach(q)
	table.Renamed("f", "f beside")
	b.log.join(g)
	for range 2 {
		if err := table.Pass(t.Context()); err != nil {
			t.Error(err)
		}
		b.holds(1, "g0:f=1")
	}
	table.ReserveBy(func(context.Context, string) (func(), bool, error) { return func() {}, false, nil })
	for range 2 {
		if err := table.Pass(t.Context()); err != nil {
			t.Error(err)
		}
	}
	b.holds(1, "g0:f beside=1")
}

// In a new membership nothing is owned before the queue was compared, whatever the log
// has of the one before.
func TestOwnsNothingBeforeItIsCompared(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	b.log.expel(b.at[0])
	b.log.mu.Lock()
	b.log.entries = b.log.entries[len(b.log.entries)-1:] // it has applied the others
	b.log.mu.Unlock()
	b.log.join(b.at[0])
	if b.tables[0].Owns("f") {
		t.Error("it owns what may have been given up")
	}
	owns := false // as its queue is told that the others know all
	b.queues[0].begins = func() { owns = b.tables[0].Owns("f") }
	b.pass(0)
	if !owns {
		t.Error("it does not own it then")
	}
}

// A gateway that comes with another folder may still store what the first had, from then
// on as long as any.
func TestAwayWithAnotherFolder(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	b.now = b.now.Add(2 * lingers)
	if _, err := b.tables[1].log.Propose(t.Context(), change{Op: opHere, Owner: Owner{"g0", "another"}, Epoch: 100}, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	b.tables[1].mu.Lock()
	left := b.tables[1].left(b.tables[1].state.files["f"])
	b.tables[1].mu.Unlock()
	if left != lingers {
		t.Errorf("it may be stored for %v", left)
	}
}

// The queue forgets what it has removed when the others know that, not when the state
// was begun anew before they were told.
func TestResetWhileItIsTold(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	b.log.expel(b.at[0])
	q := &queue{id: "folder0", files: map[string]vfs.Waiting{}, removed: []string{"f"}}
	g := &testGateway{log: b.log, name: "g0"}
	table, err := Open(Options{Engine: g, Member: g.member})
	if err != nil {
		t.Fatal(err)
	}
	table.Attach(q)
	b.log.join(g)
	var state []change
	q.compare = func() {
		q.compare = nil
		for c := range (machine{b.tables[1]}).Snapshot() {
			state = append(state, c)
		}
		machine{table}.Reset()
	}
	if err := table.Tell(t.Context()); err != nil {
		t.Error(err)
	}
	if q.began != 0 || table.Current() == nil {
		t.Errorf("it began %d times", q.began)
	}
	for _, c := range state {
		if err := (machine{table}).Apply(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Tell(t.Context()); err != nil || q.began != 1 {
		t.Errorf("then it began %d times: %v", q.began, err)
	}
	b.holds(1, "")
}

// What others ask for is stored while the store does not answer the first question.
func TestTellsWhileTheStoreIsAsked(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "asked", "1"); err != nil {
		t.Fatal(err)
	}
	q, table := b.queues[0], b.tables[0]
	entered, told := make(chan bool, 1), make(chan bool, 1)
	signal := func(c chan bool) {
		select {
		case c <- true:
		default:
		}
	}
	q.hastened = func() { signal(told) }
	q.recheck = func(ctx context.Context, _ string) error {
		signal(entered)
		<-ctx.Done()
		return ctx.Err()
	}
	q.set("strange", "1")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { defer close(ended); table.Run(ctx) }()
	table.Changed("strange")
	<-entered
	settled := make(chan error, 1)
	go func() { settled <- b.tables[1].Settle(t.Context(), "asked") }()
	<-told
	q.set("asked", "")
	table.Changed("asked")
	if err := <-settled; err != nil {
		t.Error(err)
	}
	stop()
	<-ended
}
