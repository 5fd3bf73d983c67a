package lock

import (
	"strings"
	"testing"
	"time"
)

func TestPlaceholderLivesAsLongAsItsLocks(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, table *Table, clock *clock, l Lock){
		"unlock": func(t *testing.T, table *Table, _ *clock, l Lock) {
			if err := table.Unlock("/d/new", "", l.Token); err != nil {
				t.Fatal(err)
			}
		},
		"time-out": func(_ *testing.T, _ *Table, clock *clock, _ Lock) { clock.advance(time.Hour) },
		"delete": func(t *testing.T, table *Table, _ *clock, _ Lock) {
			if err := table.RemoveTree("/d"); err != nil {
				t.Fatal(err)
			}
		},
		"put": func(t *testing.T, table *Table, _ *clock, _ Lock) {
			if err := table.Realize("/d/new"); err != nil {
				t.Fatal(err)
			}
			if len(table.Covering("/d/new")) != 1 {
				t.Error("the lock went with the placeholder")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			table := table(t, Options{Now: clock.time})
			l := create(t, table, Request{Root: "/d/new", Missing: true})
			p, ok := table.Placeholder("/d/new/")
			if !ok || !p.Created.Equal(clock.now) || !strings.HasPrefix(p.ETag, `"`) || !strings.HasSuffix(p.ETag, `"`) || len(p.ETag) < 10 {
				t.Fatalf("placeholder %+v, %v", p, ok)
			}
			if in := table.PlaceholdersIn("/d"); len(in) != 1 || in["new"] != p {
				t.Errorf("in the folder: %v", in)
			}
			end(t, table, clock, l)
			if _, ok := table.Placeholder("/d/new"); ok || len(table.PlaceholdersIn("/d")) > 0 {
				t.Error("the placeholder is still there")
			}
		})
	}
}

func TestSecondSharedLockKeepsThePlaceholder(t *testing.T) {
	table := table(t, Options{})
	first := create(t, table, Request{Root: "/new", Shared: true, Missing: true})
	before, _ := table.Placeholder("/new")
	create(t, table, Request{Root: "/new", Shared: true, Missing: true})
	if err := table.Unlock("/new", "", first.Token); err != nil {
		t.Fatal(err)
	}
	if after, ok := table.Placeholder("/new"); !ok || after != before {
		t.Errorf("placeholder %+v, %v; want %+v", after, ok, before)
	}
}

func TestLockOnWhatExistsMakesNoPlaceholder(t *testing.T) {
	table := table(t, Options{})
	create(t, table, Request{Root: "/d/old"})
	if _, ok := table.Placeholder("/d/old"); ok || len(table.PlaceholdersIn("/d")) > 0 {
		t.Error("a placeholder stands for a resource that exists")
	}
	if err := table.Realize("/d/old"); err != nil || len(table.Covering("/d/old")) != 1 {
		t.Errorf("realize of what exists: %v", err)
	}
}

// A placeholder goes along with its folder, under its entity tag, and is kept by
// itself there: over a restart, until something is stored or a day has passed.
func TestPlaceholderGoesAlong(t *testing.T) {
	for _, move := range []bool{true, false} {
		dir := t.TempDir()
		clock := newClock()
		open := func() *Table {
			table, err := Open(dir, Options{Now: clock.time, MaxLocks: 4})
			if err != nil {
				t.Fatal(err)
			}
			return table
		}
		table := open()
		create(t, table, Request{Root: "/d/new", Missing: true})
		create(t, table, Request{Root: "/e"})
		create(t, table, Request{Root: "/e/gone", Missing: true})
		before, _ := table.Placeholder("/d/new")
		carry := func(from, to string) error {
			if move {
				return table.Move("", from, to)
			}
			return table.Copy("", from, to, true)
		}
		if err := carry("/d", "/e"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if p, ok := table.Placeholder("/e/new"); !ok || p.ETag != before.ETag || !p.Created.Equal(before.Created) {
				t.Fatalf("move %v: it is %+v, %v; want %+v", move, p, ok, before)
			}
			if _, ok := table.Placeholder("/d/new"); ok == move {
				t.Errorf("move %v: at its old name %v", move, ok)
			}
			if n := len(table.Below("/e")); n != 1 {
				t.Errorf("move %v: %d locks at the target", move, n)
			}
			if err := table.Close(); err != nil {
				t.Fatal(err)
			}
			table = open()
		}
		if !move {
			if err := table.Copy("", "/e", "/f", false); err != nil || len(table.PlaceholdersIn("/f")) != 0 {
				t.Errorf("a copy of the folder alone: %v %v", table.PlaceholdersIn("/f"), err)
			}
			create(t, table, Request{Root: "/x"})
			if err := table.Copy("", "/e", "/f", true); err != ErrTooMany {
				t.Errorf("without room: %v", err)
			}
		}
		clock.advance(movedLifetime - time.Second)
		if _, ok := table.Placeholder("/e/new"); !ok {
			t.Error("it has gone with the locks")
		}
		l := create(t, table, Request{Root: "/e/new", Missing: true})
		if err := table.Unlock("/e/new", "", l.Token); err != nil {
			t.Fatal(err)
		}
		if p, ok := table.Placeholder("/e/new"); !ok || p.ETag != before.ETag {
			t.Errorf("after a lock of its own it is %+v", p)
		}
		clock.advance(time.Second)
		if _, ok := table.Placeholder("/e/new"); ok {
			t.Error("it has no end")
		}
		l = create(t, table, Request{Root: "/z", Missing: true})
		if table.total != l.usage() {
			t.Errorf("%+v is counted", table.total)
		}
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
