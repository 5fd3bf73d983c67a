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
