package waiting

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

// A gateway withdraws what is not in its folder only if it is stored or was removed: in
// a folder that was restored it is missing, and is told until somebody gives it up.
func TestNotQueued(t *testing.T) {
	for name, c := range map[string]struct {
		removed []string
		stored  string
		away    error
		want    string
	}{
		"stored":                 {stored: "1", want: ""},
		"removed":                {removed: []string{"e", "f"}, want: ""},
		"lost":                   {stored: "0", want: "g0:f=1"},
		"lost, of a new one":     {want: "g0:f=1"},
		"the store cannot tell":  {stored: "1", away: backend.ErrUnavailable, want: "g0:f=1"},
		"removed, it cannot too": {removed: []string{"f"}, away: backend.ErrUnavailable, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2)
			if err := b.announce(0, "f", "1"); err != nil {
				t.Fatal(err)
			}
			b.log.expel(b.at[0])
			restored := &queue{id: "folder0", files: map[string]vfs.Waiting{}, removed: c.removed, stored: map[string]string{"f": c.stored}, away: c.away}
			again := b.add2("g0", restored)
			b.holds(1, c.want)
			if c.want == "" {
				b.settles(1, "", "f")
				return
			}
			for _, i := range []int{1, again} {
				b.settles(i, "waits", "f")
				if f, ok := b.tables[i].Elsewhere("f"); !ok || f.Version != "1" || b.tables[i].Owns("f") {
					t.Errorf("at %d it is %+v, %v", i, f, ok)
				}
			}
			if c.away != nil {
				if err := b.tables[1].Forget(t.Context(), "g0"); err != nil {
					t.Errorf("what nobody can find out about is not given up: %v", err)
				}
				b.holds(1, "g0:f=1?")
				b.settles(1, "was given up", "f")
				_ = b.tables[again].Pass(t.Context())
				b.holds(1, "g0:f=1?")
				restored.away = nil
				b.pass(again)
				b.holds(1, "") // it is stored
				return
			}
			b.settles(1, "runs without it", "f")
			if err := b.tables[1].Forget(t.Context(), "g0"); err != nil {
				t.Error(err)
			}
			b.holds(1, "g0:f=1?")
		})
	}
}

// The folder of a gateway was copied: it has what the first had by then, and says nothing
// of what came later.
func TestCopiedFolder(t *testing.T) {
	b := newBench(t, 2)
	for _, name := range []string{"both", "changed", "later", "stored"} {
		if err := b.announce(0, name, "2"); err != nil {
			t.Fatal(err)
		}
	}
	b.log.expel(b.at[0])
	q := &queue{id: "copy", stored: map[string]string{"stored": "2", "later": "1"}, files: map[string]vfs.Waiting{}}
	q.set("both", "2")
	q.set("changed", "1")
	copied := b.add2("g0", q)
	b.holds(1, "g0:both=2 g0:changed=2 g0:later=2")
	if !b.tables[copied].Owns("both") || b.tables[copied].Owns("changed") || b.tables[copied].Owns("later") {
		t.Error("the copy owns what it does not have")
	}
	for _, name := range []string{"changed", "later"} {
		b.settles(1, "runs without it", name)
	}
	b.settles(1, "waits", "both")
	if err := b.tables[1].Forget(t.Context(), "g0"); err != nil {
		t.Error(err)
	}
	b.holds(1, "g0:both=2 g0:changed=2? g0:later=2?")
	b.now = b.now.Add(lingers)
	b.pass(1)
	b.holds(1, "g0:both=2")
	b.pass(copied)
	b.holds(1, "g0:both=2 g0:changed=1")
	if err := b.tables[1].Forget(t.Context(), "g0"); !errors.Is(err, ErrRuns) {
		t.Errorf("what runs is given up: %v", err)
	}
}

// An announcement that the log has late, after its writer was told that it failed, is
// withdrawn.
func TestAnnouncedLate(t *testing.T) {
	b := newBench(t, 2)
	c := change{Op: opWait, Owner: b.tables[0].self, Epoch: b.at[0].Epoch(), Files: []announced{{Waiting: vfs.Waiting{Name: "f", Version: "1"}}}}
	if _, err := b.tables[1].log.Propose(t.Context(), c, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	b.holds(1, "g0:f=1")
	b.pass(0)
	b.holds(1, "")

	// It may also be over what is queued.
	if err := b.announce(0, "f", "2"); err != nil {
		t.Fatal(err)
	}
	b.pass(0)
	if _, err := b.tables[1].log.Propose(t.Context(), c, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	b.holds(1, "g0:f=1")
	b.pass(0)
	b.holds(1, "g0:f=2")
}

// A file is announced anew while a pass looks at the queue: what the pass says is void.
func TestAnnouncedDuringAPass(t *testing.T) {
	for _, queued := range []string{"", "1"} {
		b := newBench(t, 2)
		if err := b.announce(0, "f", "0"); err != nil {
			t.Fatal(err)
		}
		b.pass(0)
		b.queues[0].set("f", queued)
		b.tables[0].Changed("f")
		once := false
		b.queues[0].read = func(string) {
			if !once {
				once = true
				if err := b.announce(0, "f", "2"); err != nil {
					t.Error(err)
				}
			}
		}
		b.pass(0)
		b.holds(1, "g0:f=2")
		b.pass(0)
		b.holds(1, "g0:f=2")
	}
}

// What is stored is told, and what others ask for is stored, before files are looked at
// that the others do not know of, and the gateway answers before.
func TestStrangersComeLast(t *testing.T) {
	b := newBench(t, 2)
	if err := errors.Join(b.announce(0, "stored", "1"), b.announce(0, "asked", "1")); err != nil {
		t.Fatal(err)
	}
	b.log.expel(b.at[0])
	q := b.queues[0]
	q.set("stored", "")
	q.stored = map[string]string{"stored": "1"}
	for i := range 3 * atOnce {
		q.set(fmt.Sprint(i), "1")
	}
	g := &testGateway{log: b.log, name: "g0"}
	table, err := Open(Options{Engine: g, Member: g.member})
	if err != nil {
		t.Fatal(err)
	}
	table.Attach(q)
	reserved := 0
	table.ReserveBy(func(context.Context, string) (func(), bool, error) {
		if reserved++; table.Current() != nil || !table.Compared() {
			t.Error("it does not answer yet")
		}
		return func() {}, false, nil
	})
	b.log.join(g)
	for i := range 3 {
		q.expedited = nil
		if i > 0 {
			if _, err := b.tables[1].log.Propose(t.Context(), change{Op: opAsk, Names: []string{"asked"}}, journal.Options{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := table.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if reserved != (i+1)*atOnce || i > 0 && !slices.Contains(q.expedited, "asked") {
			t.Errorf("the pass reserves %d, and hastens %v", reserved, q.expedited)
		}
		b.settles(1, "", "stored")
	}
	if got := len(b.tables[1].Files()); got != 3*atOnce+1 {
		t.Errorf("%d wait", got)
	}
}

// Files that the others do not know of count like others.
func TestFullForStrangers(t *testing.T) {
	b := newBench(t, 2)
	for i := range maxFiles {
		if err := b.announce(0, fmt.Sprint(i), "1"); err != nil {
			t.Fatal(err)
		}
	}
	b.queues[1].set("f", "1")
	b.tables[1].Changed("f")
	if err := b.tables[1].Pass(t.Context()); !errors.Is(err, vfs.ErrFull) || b.tables[1].Owns("f") {
		t.Errorf("one more is %v", err)
	}
	b.queues[0].set("7", "")
	b.tables[0].Changed("7")
	b.pass(0)
	b.pass(1)
	if !b.tables[1].Owns("f") {
		t.Error("it is not told when there is room")
	}
}

// Before the handler is closed, names that a pass has are given back, and it takes no
// more.
func TestReservedNamesAreGivenBack(t *testing.T) {
	b := newBench(t, 1)
	entered := make(chan bool)
	var released atomic.Bool
	b.tables[0].ReserveBy(func(context.Context, string) (func(), bool, error) {
		return func() { released.Store(true) }, false, nil
	})
	b.queues[0].set("f", "1")
	b.tables[0].Changed("f")
	b.queues[0].recheck = func(ctx context.Context, _ string) error {
		entered <- true
		<-ctx.Done()
		return ctx.Err()
	}
	passed := make(chan error)
	go func() { passed <- b.tables[0].Pass(t.Context()) }()
	<-entered
	b.tables[0].ReserveBy(nil)
	if !released.Load() {
		t.Error("the name is not given back")
	}
	if err := <-passed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	b.pass(0) // reserves nothing
	b.holds(0, "")
}

// A state that is begun anew is compared before anything is answered.
func TestResetIsComparedAgain(t *testing.T) {
	b := newBench(t, 1)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	machine{b.tables[0]}.Reset()
	if b.tables[0].Current() == nil || b.tables[0].Owns("f") {
		t.Error("it answers from nothing")
	}
	select {
	case <-b.tables[0].kick:
	default:
		t.Error("nobody compares it")
	}
	b.pass(0)
	if err := b.tables[0].Current(); err != nil || !b.tables[0].Owns("f") {
		t.Errorf("then it answers %v", err)
	}
}

// What was given up leaves the log by itself.
func TestOverByItself(t *testing.T) {
	b := newBench(t, 2)
	if err := b.announce(0, "f", "1"); err != nil {
		t.Fatal(err)
	}
	b.log.expel(b.at[0])
	if err := b.tables[1].Forget(t.Context(), "g0"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	asked, ended := make(chan time.Duration, 10), make(chan bool)
	b.tables[1].o.After = func(d time.Duration) <-chan time.Time { asked <- d; return b.after }
	go func() { defer close(ended); b.tables[1].Run(ctx) }()
	if d := <-asked; d != lingers {
		t.Errorf("it waits %v", d)
	}
	b.tables[1].mu.Lock()
	b.now = b.now.Add(lingers)
	changed := b.tables[1].changed
	b.tables[1].mu.Unlock()
	close(b.after)
	<-changed
	stop()
	<-ended
	b.holds(1, "")
}
