package lock

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// victim names the folder in which a copy of this test program keeps locks
// until it is killed.
const victim = "DAVDISK_LOCK_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		lockUntilKilled(dir)
		return
	}
	os.Exit(m.Run())
}

// lockUntilKilled makes and ends locks without end, and says so after each.
func lockUntilKilled(dir string) {
	table, err := Open(dir, Options{})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for i := 0; ; i++ {
		l, err := table.Create(Request{Root: fmt.Sprint("/Ж $%<> ", i), Owner: strings.Repeat("o", 500), Missing: i%2 == 0})
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("locked", l.Token, i)
		if i%3 != 0 {
			if err := table.Unlock(l.Root, "", l.Token); err != nil {
				fmt.Println("error", err)
				return
			}
			fmt.Println("unlocked", l.Token, i)
		}
	}
}

// TestLocksSurviveKill kills a process that keeps locks, without warning, and
// then looks for what it had told: every lock that was answered is there, none
// that was ended.
func TestLocksSurviveKill(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []int{1, 2, 50, 333, 700} {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), victim+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		held := map[string]int{}
		ended := map[string]bool{}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var what, token string
			var i int
			if _, err := fmt.Sscan(lines.Text(), &what, &token, &i); err != nil || what == "error" {
				t.Fatalf("the victim says %q", lines.Text())
			}
			if what == "locked" {
				held[token] = i
			} else {
				delete(held, token)
				ended[token] = true
			}
			if n == told {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd.Wait() // "signal: killed", as wanted

		table := reopen(t, dir, Options{})
		for token, i := range held {
			locks := table.Covering(fmt.Sprint("/Ж $%<> ", i))
			if len(locks) != 1 || locks[0].Token != token {
				// The victim may have ended its last lock without having
				// been able to say so.
				if i%3 != 0 && i == slices.Max(values(held)) {
					continue
				}
				t.Errorf("killed after %d lines: lock %d is lost", told, i)
			}
			if _, ok := table.Placeholder(fmt.Sprint("/Ж $%<> ", i)); len(locks) == 1 && ok != (i%2 == 0) {
				t.Errorf("killed after %d lines: placeholder of lock %d: %v", told, i, ok)
			}
		}
		for _, l := range table.Below("/") {
			if ended[l.Token] {
				t.Errorf("killed after %d lines: lock on %q came back", told, l.Root)
			}
		}
		if len(held) == 0 && told > 1 {
			t.Errorf("the victim told of no lock")
		}
	}
}

func values(m map[string]int) []int {
	var all []int
	for _, v := range m {
		all = append(all, v)
	}
	return all
}

func TestEverythingIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	clock := newClock()
	opts := Options{Now: clock.time}
	before := reopen(t, dir, opts)
	a := create(t, before, Request{Root: "/a", Infinite: true, Shared: true, Owner: `<D:owner xmlns:D="DAV:">Ж &amp; "x"</D:owner>`, Principal: "ü", Timeout: time.Minute})
	create(t, before, Request{Root: "/a/new", Shared: true, Missing: true})
	create(t, before, Request{Root: "/short", Timeout: 10 * time.Second, Missing: true})
	gone := create(t, before, Request{Root: "/gone", Missing: true})
	create(t, before, Request{Root: "/real", Missing: true})
	create(t, before, Request{Root: "/tree/x"})
	for _, err := range []error{
		before.Unlock("/gone", "", gone.Token), before.Realize("/real"), before.RemoveTree("/tree"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := before.Refresh("/a", "ü", a.Token, 30*time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	clock.advance(10 * time.Second)

	after := reopen(t, dir, opts)
	if got, want := after.Below("/"), before.Below("/"); !reflect.DeepEqual(got, want) || len(got) != 3 {
		t.Errorf("after the restart\n%+v\nbefore\n%+v", got, want)
	}
	if after.Len() != 3 {
		t.Errorf("%d locks are held, want 3: the one that ended meanwhile is gone", after.Len())
	}
	for path, want := range map[string]bool{"/a/new": true, "/short": false, "/gone": false, "/real": false} {
		was, _ := before.Placeholder(path)
		if got, ok := after.Placeholder(path); ok != want || got != was {
			t.Errorf("placeholder %s: %+v, %v; want %+v, %v", path, got, ok, was, want)
		}
	}
}

// TestLockIsNotAnsweredIfItCannotBeKept takes the folder away from under the
// table.
func TestLockIsNotAnsweredIfItCannotBeKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	table := reopen(t, dir, Options{})
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Create(Request{Root: "/a"}); err == nil || table.Len() != 0 {
		t.Errorf("locked (%v) without a file to keep it in", err)
	}
}

// TestLocksSurviveTheRewritingOfTheirFile changes so much that the file is
// written anew on the way, many times.
func TestLocksSurviveTheRewritingOfTheirFile(t *testing.T) {
	dir := t.TempDir()
	clock := newClock()
	before := reopen(t, dir, Options{Now: clock.time})
	refreshed := create(t, before, Request{Root: "/a", Infinite: true, Shared: true, Owner: strings.Repeat("Ж", 1000), Principal: "ü"})
	create(t, before, Request{Root: "/a/new", Shared: true, Missing: true})
	create(t, before, Request{Root: "/a/new", Shared: true, Missing: true})
	create(t, before, Request{Root: "/old"})
	written := 0
	for range 300 {
		clock.advance(time.Second)
		if _, err := before.Refresh("/a", "ü", refreshed.Token, 0); err != nil {
			t.Fatal(err)
		}
		written += len(refreshed.Owner)
	}
	info, err := os.Stat(filepath.Join(dir, "locks.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > int64(written)/2 {
		t.Fatalf("the file has %d bytes and was not written anew", info.Size())
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	after := reopen(t, dir, Options{Now: clock.time})
	if got, want := after.Below("/"), before.Below("/"); !reflect.DeepEqual(got, want) || len(got) != 4 {
		t.Errorf("after\n%+v\nbefore\n%+v", got, want)
	}
	was, _ := before.Placeholder("/a/new")
	if got, ok := after.Placeholder("/a/new"); !ok || got != was {
		t.Errorf("placeholder %+v, %v; want %+v", got, ok, was)
	}
	if _, ok := after.Placeholder("/old"); ok {
		t.Error("what exists became a placeholder")
	}
}

// TestAClockThatWasAhead makes a lock and a placeholder while the clock is a day
// ahead, and reads them when it is right. They last no longer than new ones.
func TestAClockThatWasAhead(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	open := func() *Table {
		t.Helper()
		table, err := Open(dir, Options{Now: clock.time})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	clock.advance(24 * time.Hour)
	table := open()
	create(t, table, Request{Root: "/hour"})
	create(t, table, Request{Root: "/minute", Timeout: time.Minute})
	create(t, table, Request{Root: "/d/new", Missing: true})
	if err := table.Move("", "/d", "/e"); err != nil {
		t.Fatal(err)
	}
	table.Close()
	clock.advance(-24 * time.Hour)
	for range 2 { // what is shortened is kept
		table = open()
		now := clock.time()
		for name, want := range map[string]time.Duration{"/hour": time.Hour, "/minute": time.Minute} {
			locks := table.Covering(name)
			if len(locks) != 1 || locks[0].Remaining(now) != want {
				t.Fatalf("%s is locked by %+v, want one for %v", name, locks, want)
			}
		}
		if p, ok := table.Placeholder("/e/new"); !ok || !p.Until.Equal(now.Add(movedLifetime)) {
			t.Errorf("the placeholder is %+v, %v", p, ok)
		}
		table.Close()
	}
	clock.advance(2 * time.Hour)
	table = open()
	defer table.Close()
	if n := table.Len(); n != 0 {
		t.Errorf("%d locks are left after two hours", n)
	}
}
