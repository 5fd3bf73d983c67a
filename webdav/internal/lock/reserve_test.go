package lock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// openTable is an empty table in memory.
func openTable(t *testing.T) *Table {
	t.Helper()
	table, err := Open("", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	return table
}

func mustReserve(t *testing.T, table *Table, names ...Name) *Reservation {
	t.Helper()
	r, err := table.Reserve(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Names conflict as locks do, in either order.
func TestReservationConflicts(t *testing.T) {
	put := func(at string) Name { return Name{Path: at, Shared: true, Member: true} }
	one := func(at string) Name { return Name{Path: at} }
	tree := func(at string) Name { return Name{Path: at, Tree: true, Member: true} }
	source := func(at string) Name { return Name{Path: at, Tree: true, Shared: true} }
	locked := func(at string) Name { return Name{Path: at, Member: true, Lock: true} }
	lockedTree := func(at string) Name { return Name{Path: at, Tree: true, Member: true, Lock: true} }
	for _, test := range []struct {
		a, b Name
		want bool
	}{
		{put("/a"), put("/a"), false},
		{put("/a"), put("/a/b"), false},
		{put("/a"), one("/a"), true},
		{put("/a/b"), one("/a"), false},
		{put("/a"), one("/a/b"), false},
		{one("/a"), one("/a"), true},
		{one("/a/"), one("//a"), true},
		{one("/a"), one("/b"), false},
		{tree("/a"), put("/a"), true},
		{tree("/a"), put("/a/b/c"), true},
		{tree("/a"), put("/ab"), false},
		{tree("/a/b"), put("/a"), false},
		{tree("/a"), tree("/a/b"), true},
		{tree("/a/b"), tree("/a/c"), false},
		{tree("/"), put("/a"), true},
		{source("/a"), put("/a/b"), false},
		{source("/a"), source("/a/b"), false},
		{source("/a"), one("/a/b"), true},
		{source("/a"), tree("/a/b"), true},
		{source("/a/b"), tree("/a"), true},
		{locked("/a"), put("/a"), true},
		{locked("/a"), put("/a/b"), true},     // whose folder it is
		{locked("/a"), put("/a/b/c"), false},  // which is further down
		{locked("/a"), one("/a/b"), false},    // which stays where it is
		{locked("/a"), tree("/a/b"), true},    // which goes out of it
		{locked("/a"), locked("/a/b"), true},  // which may come into it
		{locked("/a/b"), one("/a"), false},    // where the lock may be an empty file
		{lockedTree("/a"), one("/a/b"), true}, // which it would cover
		{lockedTree("/a"), put("/b"), false},
		{locked("/"), put("/a"), true},
	} {
		for _, pair := range [][2]Name{{test.a, test.b}, {test.b, test.a}} {
			synctest.Test(t, func(t *testing.T) {
				table := openTable(t)
				first := mustReserve(t, table, pair[0])
				second, err := table.Reserve(t.Context(), pair[1])
				if test.want != errors.Is(err, ErrReserved) || !test.want && err != nil {
					t.Errorf("%+v beside %+v: %v", pair[1], pair[0], err)
				}
				first.Release()
				if err == nil {
					second.Release()
				}
				mustReserve(t, table, Name{Path: "/", Tree: true}).Release()
			})
		}
	}
}

// Who waits is let in when the other has ended, and only then; and gives up with
// its context, or after MaxWait.
func TestReservationWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := openTable(t)
		begun := time.Now()
		first := mustReserve(t, table, Name{Path: "/a"})
		granted := make(chan time.Duration)
		go func() {
			second := mustReserve(t, table, Name{Path: "/a"})
			defer second.Release()
			granted <- time.Since(begun)
		}()
		time.Sleep(DefaultMaxWait - time.Second)
		first.Release()
		if got := <-granted; got != DefaultMaxWait-time.Second {
			t.Errorf("granted after %v", got)
		}

		first = mustReserve(t, table, Name{Path: "/a"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := table.Reserve(ctx, Name{Path: "/b"}, Name{Path: "/a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("when its context ends: %v", err)
		}
		mustReserve(t, table, Name{Path: "/b"}).Release() // which is not kept by who gave up
		begun = time.Now()
		if _, err := table.Reserve(t.Context(), Name{Path: "/a"}); !errors.Is(err, ErrReserved) || time.Since(begun) != DefaultMaxWait {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		first.Release()
	})
}

// Two that want the same names in another order do not wait for each other, and
// nobody who waits holds up a third.
func TestReservationsDoNotDeadlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := openTable(t)
		first := mustReserve(t, table, Name{Path: "/a"})
		done := make(chan struct{}, 2)
		for _, names := range [][]Name{{{Path: "/a"}, {Path: "/b"}}, {{Path: "/b"}, {Path: "/a"}}} {
			go func() {
				mustReserve(t, table, names...).Release()
				done <- struct{}{}
			}()
		}
		synctest.Wait()
		mustReserve(t, table, Name{Path: "/b"}).Release()
		first.Release()
		<-done
		<-done
	})
}

// What is made of a name is told to those who share it, and to nobody else.
func TestReservationTellsWhatIsMade(t *testing.T) {
	table := openTable(t)
	at := func(name string) Name { return Name{Path: name, Shared: true} }
	a, b, other := mustReserve(t, table, at("/f")), mustReserve(t, table, at("/f/")), mustReserve(t, table, at("/g"))
	if !a.First() || !b.First() {
		t.Error("something is said to have been made")
	}
	a.Made("/f")
	if err := a.Done(t.Context()); err != nil || !a.First() {
		t.Errorf("done: %v, first: %v", err, a.First())
	}
	if b.First() || !other.First() {
		t.Errorf("not told: %v, told of another name: %v", b.First(), !other.First())
	}
	if late := mustReserve(t, table, at("/f")); !late.First() {
		t.Error("told to who came afterwards")
	}
}
