package lock

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOneUserLeavesRoomForOthers has one user after the other take all that he
// gets: by locks, long owner texts, and copies of a placeholder.
func TestOneUserLeavesRoomForOthers(t *testing.T) {
	fills := map[string]func(table *Table, user string, i int) error{
		"locks": func(table *Table, user string, i int) error {
			_, err := table.Create(Request{Principal: user, Root: fmt.Sprint("/", user, "/", i)})
			return err
		},
		"owners": func(table *Table, user string, i int) error {
			_, err := table.Create(Request{Principal: user, Root: fmt.Sprint("/", user, "/", i), Owner: strings.Repeat("x", 100<<10)})
			return err
		},
		"copies": func(table *Table, user string, i int) error {
			if _, err := table.Create(Request{Principal: user, Root: "/" + user + "/new", Missing: true}); i == 0 && err != nil {
				return err
			}
			return table.Copy(user, "/"+user, fmt.Sprint("/", user, "-", i), true)
		},
		"moves": func(table *Table, user string, i int) error {
			if _, err := table.Create(Request{Principal: user, Root: "/" + user + "/new", Missing: true}); err != nil {
				return err
			}
			return table.Move(user, "/"+user, fmt.Sprint("/", user, "-", i))
		},
	}
	for name, fill := range fills {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			table := table(t, Options{Now: clock.time, MaxLocks: 100})
			last := 100
			for _, user := range []string{"anna", "boris", "clara", "dora"} {
				got := 0
				var err error
				for err == nil && got <= 100 {
					if err = fill(table, user, got); err == nil {
						got++
					}
				}
				if !errors.Is(err, ErrTooMany) || got == 0 || got > last/2+1 {
					t.Fatalf("%s made %d, %v; the one before made %d", user, got, err, last)
				}
				last = got
			}
			clock.advance(movedLifetime + time.Hour)
			if err := fill(table, "anna", 0); err != nil {
				t.Errorf("when all of them have ended: %v", err)
			}
		})
	}
}

// TestQuotaSurvives reads the table again, which must count the same.
func TestQuotaSurvives(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	open := func() *Table {
		table, err := Open(dir, Options{Now: clock.time})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	first := open()
	create(t, first, Request{Principal: "anna", Root: "/d/new", Owner: "me", Missing: true})
	create(t, first, Request{Principal: "boris", Root: "/f"})
	if err := first.Copy("boris", "/d", "/e", true); err != nil {
		t.Fatal(err)
	}
	want := map[string]usage{"anna": {1, len("/d/newme")}, "boris": {2, len("/f/e/new")}}
	for range 2 {
		if got := fmt.Sprint(first.used); got != fmt.Sprint(want) {
			t.Errorf("%s is counted, want %v", got, want)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		first = open()
	}
	first.Close()
}
