package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// recorder is a log that keeps the entries as another machine would read them.
type recorder struct {
	cluster.Log[change]
	entries [][]byte
}

func (r *recorder) Propose(ctx context.Context, c change, opts journal.Options) (uint64, error) {
	return cluster.ProposeAll(ctx, r.Part(c, opts))
}

func (r *recorder) Part(c change, opts journal.Options) cluster.Part {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	r.entries = append(r.entries, data)
	return r.Log.Part(c, opts)
}

// TestApplyIsDeterministic makes random changes, and then the same entries on a
// machine with another clock, other limits and no memory of what was judged.
func TestApplyIsDeterministic(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	clock := newClock()
	one := table(t, Options{Now: clock.time})
	log := &recorder{Log: one.log}
	one.log = log
	name := func() string {
		return [...]string{"/a", "/a/b", "/a/b/c", "/a/d", "/e", "/e/f", "/"}[random.IntN(7)]
	}
	var tokens []Lock
	for range 2000 {
		clock.advance(time.Duration(random.IntN(20)) * time.Second)
		var err error
		switch random.IntN(9) {
		case 0, 1, 2, 3:
			var l Lock
			if l, err = one.Create(Request{Root: name(), Infinite: random.IntN(4) == 0, Shared: random.IntN(3) > 0, Missing: random.IntN(2) == 0,
				Timeout: time.Duration(1+random.IntN(100)) * time.Second}); err == nil {
				tokens = append(tokens, l)
			}
		case 4, 5:
			if len(tokens) > 0 {
				l := tokens[random.IntN(len(tokens))]
				if random.IntN(2) == 0 {
					_, err = one.Refresh(l.Root, "", l.Token, time.Minute)
				} else {
					err = one.Unlock(l.Root, "", l.Token)
				}
			}
		case 6:
			err = errors.Join(one.Realize(name()), one.RemoveTree([]string{"/a/b", "/e"}[random.IntN(2)]))
		case 7:
			err = one.Move("", "/a/b", "/e")
		case 8:
			err = one.Copy("", "/a", "/g", random.IntN(2) == 0)
		}
		var conflict *ConflictError
		if err != nil && !errors.As(err, &conflict) && !errors.Is(err, ErrNoLock) {
			t.Fatal(err)
		}
	}
	later := newClock()
	later.advance(100 * 24 * time.Hour)
	two := table(t, Options{Now: later.time, MaxLocks: 1, MaxTimeout: time.Second})
	for _, data := range log.entries {
		var c change
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(err)
		}
		_ = machine{two}.Apply(c) // refused, as it was at first
	}
	if got, want := snapshot(t, two), snapshot(t, one); got != want {
		t.Errorf("after %d entries the one is\n%s\nthe other\n%s", len(log.entries), want, got)
	}
	three := table(t, Options{})
	for c := range (machine{one}).Snapshot() {
		if err := (machine{three}).Apply(c); err != nil {
			t.Fatalf("of a snapshot was refused %+v: %v", c, err)
		}
	}
	if got, want := snapshot(t, three), snapshot(t, one); got != want || !maps.Equal(three.used, one.used) {
		t.Errorf("a table is\n%s\nand out of its snapshot\n%s", want, got)
	}
}

// snapshot is the state of a table as text.
func snapshot(t *testing.T, table *Table) string {
	t.Helper()
	data, err := json.MarshalIndent(slices.Collect(machine{table}.Snapshot()), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestLaterLockOutlivesTheClock: a lock that was made where another had ended is
// there after a restart, also on a machine that thinks it is earlier.
func TestLaterLockOutlivesTheClock(t *testing.T) {
	dir := t.TempDir()
	clock := newClock()
	before := reopen(t, dir, Options{Now: clock.time})
	create(t, before, Request{Root: "/a", Timeout: time.Minute})
	clock.advance(time.Minute)
	l := create(t, before, Request{Root: "/a", Timeout: time.Hour})
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	clock.advance(-time.Minute)
	after := reopen(t, dir, Options{Now: clock.time})
	if locks := after.Covering("/a"); len(locks) != 1 || locks[0].Token != l.Token {
		t.Errorf("there is %+v", locks)
	}
}

// TestExpiryIsVoidAfterARefresh: whoever says that a lock has ended may not have
// seen yet that it was given more time.
func TestExpiryIsVoidAfterARefresh(t *testing.T) {
	clock := newClock()
	table := table(t, Options{Now: clock.time})
	l := create(t, table, Request{Root: "/a", Timeout: time.Minute})
	clock.advance(time.Second)
	if _, err := table.Refresh("/a", "", l.Token, 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at   time.Time
		left int
	}{{l.Expires, 1}, {l.Expires.Add(time.Second), 0}} {
		if err := table.propose(change{Op: opExpire, Ended: []ending{{Token: l.Token, At: c.at}}}); err != nil {
			t.Fatal(err)
		}
		if table.Len() != c.left {
			t.Errorf("it was said to have ended at %v: %d locks are left, want %d", c.at, table.Len(), c.left)
		}
	}
}

// TestJudgedWhenApplied: of two locks that were both free to be made when they
// were proposed, the later is refused, and one whose lock has gone meanwhile.
func TestJudgedWhenApplied(t *testing.T) {
	table := table(t, Options{})
	l := Lock{Token: "urn:uuid:1", Root: "/a", Expires: time.Now().Add(time.Hour)}
	if err := table.propose(change{Op: opCreate, Lock: &l}); err != nil {
		t.Fatal(err)
	}
	other := l
	other.Token = "urn:uuid:2"
	if err := table.propose(change{Op: opCreate, Lock: &other}); !slices.Equal(roots(err), []string{"/a"}) {
		t.Errorf("a second exclusive lock: %v", err)
	}
	for op, c := range map[string]change{
		"refresh": {Op: opRefresh, Lock: &other},
		"unlock":  {Op: opUnlock, Token: other.Token},
	} {
		if err := table.propose(c); !errors.Is(err, ErrNoLock) {
			t.Errorf("%s: %v, want ErrNoLock", op, err)
		}
	}
	if got := table.Below("/"); !reflect.DeepEqual(got, []Lock{l}) {
		t.Errorf("there is %+v", got)
	}
	if err := table.propose(change{Op: "paint"}); !errors.Is(err, journal.ErrEntry) {
		t.Errorf("an unknown change: %v", err)
	}
}

// TestLocksOfVersion1 takes up the locks that a davdisk has left which did not
// write down that a lock has ended, and was killed.
func TestLocksOfVersion1(t *testing.T) {
	dir := t.TempDir()
	clock := &clock{time.Date(2026, 11, 29, 11, 36, 0, 0, time.UTC)}
	for start := range 3 {
		if start < 2 { // the second time as if the first had been killed before it removed the old file
			if err := os.CopyFS(dir, os.DirFS("../../../internal/journal/testdata/state-1/shares/local-5ec2d4dc6d9a/webdav/locks")); err != nil {
				t.Fatal(err)
			}
		}
		table := reopen(t, dir, Options{Now: clock.time})
		var got []string
		for _, l := range table.Below("/") {
			_, placeholder := table.Placeholder(l.Root)
			got = append(got, fmt.Sprintf("%s infinite=%v shared=%v placeholder=%v %s %v", l.Root, l.Infinite, l.Shared, placeholder, l.Token, l.Timeout))
		}
		want := []string{
			"/d infinite=true shared=true placeholder=false urn:uuid:2369a0f9-5338-4e42-a0f0-a93915848381 1h0m0s",
			"/d/new infinite=true shared=true placeholder=true urn:uuid:f2e1432d-2979-48c2-b4d9-e5e801194db2 30m0s",
			"/f infinite=true shared=false placeholder=false urn:uuid:4e454a2d-8929-4743-b423-14ca7b8b499a 1h0m0s",
			"/short infinite=true shared=false placeholder=true urn:uuid:1ff6dab4-cd65-417c-9caa-c76b940a04fb 28m20s",
		}
		if !slices.Equal(got, want) || table.Len() != 4 {
			t.Errorf("of %d there are %q, want %q", table.Len(), got, want)
		}
		if p, _ := table.Placeholder("/d/new"); p.ETag != `"empty-771d6e6d606df7f7bc53f7ca"` {
			t.Errorf("the placeholder has the tag %s", p.ETag)
		}
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "locks")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old file is still there: %v", err)
		}
	}
}
