package lock

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a time that stands still until it is moved.
type clock struct{ now time.Time }

func newClock() *clock                   { return &clock{time.Date(2026, 6, 22, 10, 0, 0, 0, time.UTC)} }
func (c *clock) time() time.Time         { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

func table(t *testing.T, opts Options) *Table {
	t.Helper()
	return reopen(t, "", opts)
}

func reopen(t *testing.T, dir string, opts Options) *Table {
	t.Helper()
	table, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	return table
}

func create(t *testing.T, table *Table, r Request) Lock {
	t.Helper()
	l, err := table.Create(r)
	if err != nil {
		t.Fatalf("lock %q: %v", r.Root, err)
	}
	return l
}

func roots(err error) []string {
	var conflict *ConflictError
	if errors.As(err, &conflict) {
		return conflict.Roots
	}
	return nil
}

// TestConflicts goes through RFC 4918, section 6.2, with one lock held and
// another asked for.
func TestConflicts(t *testing.T) {
	type ask struct {
		root             string
		infinite, shared bool
	}
	for _, c := range []struct {
		name     string
		held     ask
		asked    ask
		conflict bool
	}{
		{"exclusive on exclusive", ask{"/a", false, false}, ask{"/a", false, false}, true},
		{"exclusive on shared", ask{"/a", false, true}, ask{"/a", false, false}, true},
		{"shared on exclusive", ask{"/a", false, false}, ask{"/a", false, true}, true},
		{"shared on shared", ask{"/a", false, true}, ask{"/a", false, true}, false},
		{"below infinite", ask{"/a", true, false}, ask{"/a/b/c", false, false}, true},
		{"shared below infinite exclusive", ask{"/a", true, false}, ask{"/a/b", false, true}, true},
		{"shared below infinite shared", ask{"/a", true, true}, ask{"/a/b", false, true}, false},
		{"exclusive below infinite shared", ask{"/a", true, true}, ask{"/a/b", false, false}, true},
		{"below depth 0", ask{"/a", false, false}, ask{"/a/b", false, false}, false},
		{"infinite above", ask{"/a/b/c", false, false}, ask{"/a", true, false}, true},
		{"shared infinite above shared", ask{"/a/b", false, true}, ask{"/a", true, true}, false},
		{"depth 0 above", ask{"/a/b", false, false}, ask{"/a", false, false}, false},
		{"sibling whose name begins alike", ask{"/a", true, false}, ask{"/ab", true, false}, false},
		{"infinite on the root", ask{"/a/Ж %", false, false}, ask{"/", true, false}, true},
		{"below infinite on the root", ask{"/", true, false}, ask{"/x", false, false}, true},
		{"another spelling", ask{"/a/", false, false}, ask{"//a/./", false, false}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := table(t, Options{})
			held := create(t, table, Request{Root: c.held.root, Infinite: c.held.infinite, Shared: c.held.shared})
			_, err := table.Create(Request{Root: c.asked.root, Infinite: c.asked.infinite, Shared: c.asked.shared})
			var want []string
			if c.conflict {
				want = []string{held.Root}
			}
			if got := roots(err); !slices.Equal(got, want) || (err != nil) != c.conflict {
				t.Errorf("conflict with %q (%v), want %q", got, err, want)
			}
		})
	}
}

func TestTokensAreUnguessableURNs(t *testing.T) {
	table := table(t, Options{})
	form := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for range 100 {
		l := create(t, table, Request{Root: "/a", Shared: true})
		if !form.MatchString(l.Token) || seen[l.Token] {
			t.Fatalf("token %q is no new UUID", l.Token)
		}
		seen[l.Token] = true
	}
}

func TestTimeouts(t *testing.T) {
	for _, c := range []struct{ asked, granted time.Duration }{
		{0, time.Hour},
		{1<<63 - 1, time.Hour},
		{-time.Second, time.Hour},
		{10 * time.Minute, 10 * time.Minute},
		{time.Hour + time.Second, time.Hour},
		{time.Millisecond, time.Second},
	} {
		clock := newClock()
		table := table(t, Options{Now: clock.time})
		l := create(t, table, Request{Root: "/a", Timeout: c.asked, Principal: "u"})
		if l.Timeout != c.granted || l.Remaining(clock.now) != c.granted {
			t.Errorf("asked for %v: granted %v, remaining %v, want %v", c.asked, l.Timeout, l.Remaining(clock.now), c.granted)
		}
		clock.advance(c.granted - time.Millisecond)
		if got := table.Covering("/a"); len(got) != 1 || got[0].Remaining(clock.now) < time.Second {
			t.Errorf("asked for %v: just before its end the lock is %v", c.asked, got)
		}
		clock.advance(time.Millisecond)
		if got := table.Covering("/a"); len(got) != 0 {
			t.Errorf("asked for %v: the lock outlives its time", c.asked)
		}
		if _, err := table.Refresh("/a", "u", l.Token, 0); !errors.Is(err, ErrNoLock) {
			t.Errorf("refresh of an ended lock: %v, want ErrNoLock", err)
		}
		create(t, table, Request{Root: "/a"})
	}
}

func TestRefreshStartsTheTimeAnew(t *testing.T) {
	clock := newClock()
	table := table(t, Options{Now: clock.time})
	l := create(t, table, Request{Root: "/a", Infinite: true, Timeout: time.Minute, Principal: "u", Owner: "<o/>"})
	clock.advance(50 * time.Second)
	got, err := table.Refresh("/a/b/below", "u", l.Token, 2*time.Minute)
	if err != nil || got.Token != l.Token || got.Owner != "<o/>" || got.Remaining(clock.now) != 2*time.Minute {
		t.Fatalf("refresh: %+v, %v", got, err)
	}
	clock.advance(119 * time.Second)
	if len(table.Covering("/a")) != 1 {
		t.Error("the lock ended before its new time")
	}
}

func TestUnlockAndRefreshJudgeTheToken(t *testing.T) {
	table := table(t, Options{})
	deep := create(t, table, Request{Root: "/a", Infinite: true, Principal: "u"})
	flat := create(t, table, Request{Root: "/f", Principal: "u"})
	for _, c := range []struct {
		name, path, principal, token string
		want                         error
	}{
		{"another path", "/b", "u", deep.Token, ErrNoLock},
		{"above the root", "/", "u", deep.Token, ErrNoLock},
		{"below depth 0", "/f/x", "u", flat.Token, ErrNoLock},
		{"no such token", "/a", "u", "urn:uuid:x", ErrNoLock},
		{"another user", "/a", "v", deep.Token, ErrNotOwner},
		{"its own root", "/f/", "u", flat.Token, nil},
		{"below depth infinity", "/a/b/c", "u", deep.Token, nil},
		{"again", "/a", "u", deep.Token, ErrNoLock},
	} {
		if _, err := table.Refresh(c.path, c.principal, c.token, 0); !errors.Is(err, c.want) {
			t.Errorf("refresh by %s: %v, want %v", c.name, err, c.want)
		}
		if err := table.Unlock(c.path, c.principal, c.token); !errors.Is(err, c.want) {
			t.Errorf("unlock by %s: %v, want %v", c.name, err, c.want)
		}
	}
	if table.Len() != 0 {
		t.Errorf("%d locks are left", table.Len())
	}
}

func TestListsWhatCoversAndWhatIsBelow(t *testing.T) {
	table := table(t, Options{})
	create(t, table, Request{Root: "/a", Infinite: true, Shared: true})
	create(t, table, Request{Root: "/a/b", Shared: true})
	create(t, table, Request{Root: "/a/b/c", Shared: true})
	names := func(locks []Lock) string {
		var roots []string
		for _, l := range locks {
			roots = append(roots, l.Root)
		}
		return strings.Join(roots, " ")
	}
	for path, want := range map[string][2]string{
		"/":        {"", "/a /a/b /a/b/c"},
		"/a":       {"/a", "/a /a/b /a/b/c"},
		"/a/b":     {"/a /a/b", "/a/b /a/b/c"},
		"/a/b/c/d": {"/a", ""},
		"/ab":      {"", ""},
	} {
		if got := [2]string{names(table.Covering(path)), names(table.Below(path))}; got != want {
			t.Errorf("%s: covered by and above %q, want %q", path, got, want)
		}
	}
}

func TestRemoveTreeEndsWhatIsBelowAndNothingElse(t *testing.T) {
	table := table(t, Options{})
	create(t, table, Request{Root: "/", Shared: true})
	create(t, table, Request{Root: "/a", Shared: true})
	create(t, table, Request{Root: "/a/b", Missing: true})
	create(t, table, Request{Root: "/ab"})
	if err := table.RemoveTree("/a/"); err != nil {
		t.Fatal(err)
	}
	if got := len(table.Below("/")); got != 2 || table.Len() != 2 {
		t.Errorf("%d locks are left, want those on / and /ab", got)
	}
	if _, ok := table.Placeholder("/a/b"); ok {
		t.Error("the placeholder is still there")
	}
}

func TestFullTableRefusesAndRecovers(t *testing.T) {
	clock := newClock()
	table := table(t, Options{Now: clock.time, MaxLocks: 3})
	for i := range 3 {
		create(t, table, Request{Root: fmt.Sprint("/", i), Timeout: time.Minute})
	}
	if _, err := table.Create(Request{Root: "/3"}); !errors.Is(err, ErrTooMany) {
		t.Fatalf("lock 4 of 3: %v, want ErrTooMany", err)
	}
	clock.advance(time.Minute)
	create(t, table, Request{Root: "/3"})
	if table.Len() != 1 {
		t.Errorf("%d locks, want 1", table.Len())
	}
}

func TestLongOwnersCannotFillTheMemory(t *testing.T) {
	table := table(t, Options{})
	owner := strings.Repeat("x", 1<<20)
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = table.Create(Request{Root: fmt.Sprint("/", i), Owner: owner})
	}
	if !errors.Is(err, ErrTooMany) || table.Len() > maxBytes>>20 {
		t.Errorf("%d locks of a MiB each, then %v", table.Len(), err)
	}
}

// TestWhatHasEndedTakesNoRoom makes and ends more locks than there is room for.
func TestWhatHasEndedTakesNoRoom(t *testing.T) {
	clock := newClock()
	for name, end := range map[string]func(*Table, Lock) error{
		"unlocked": func(table *Table, l Lock) error { return table.Unlock(l.Root, "", l.Token) },
		"removed":  func(table *Table, l Lock) error { return table.RemoveTree(l.Root) },
		"expired":  func(*Table, Lock) error { clock.advance(time.Minute); return nil },
	} {
		table := table(t, Options{Now: clock.time, MaxLocks: 2})
		create(t, table, Request{Root: "/lasting", Timeout: time.Hour})
		for range 2 * maxBytes >> 20 {
			l := create(t, table, Request{Root: "/a", Owner: strings.Repeat("x", 1<<20), Timeout: time.Minute})
			if err := end(table, l); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// TestLocksEndInTheirOrder: of several the next to end is dropped in time, too.
func TestLocksEndInTheirOrder(t *testing.T) {
	clock := newClock()
	table := table(t, Options{Now: clock.time, MaxLocks: 2})
	create(t, table, Request{Root: "/first", Timeout: 10 * time.Second})
	create(t, table, Request{Root: "/second", Timeout: 20 * time.Second})
	for _, name := range []string{"/third", "/fourth"} {
		clock.advance(10 * time.Second)
		create(t, table, Request{Root: name, Timeout: time.Hour})
	}
}

// TestManyAtOnce is for the race detector, and shows that of many who ask for
// the same exclusive lock one gets it.
func TestManyAtOnce(t *testing.T) {
	table := reopen(t, t.TempDir(), Options{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for i := range 8 {
		wg.Go(func() {
			if _, err := table.Create(Request{Root: "/same"}); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
			own := fmt.Sprint("/own/", i)
			for range 5 {
				l, err := table.Create(Request{Root: own, Missing: true})
				if err != nil {
					t.Error(err)
					return
				}
				if err := table.Confirm("", []string{l.Token}, Change{Path: own, Content: true, Member: true}); err != nil {
					t.Error(err)
				}
				table.PlaceholdersIn("/own")
				if err := table.Unlock(own, "", l.Token); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if won != 1 || table.Len() != 1 {
		t.Errorf("%d got the one lock, %d locks are left; want 1 and 1", won, table.Len())
	}
}
