package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// beside are two gateways, a lock of one minute that the first has granted on
// /f, and the clock of the second. Neither applies what it need not.
func beside(t *testing.T) (log *gatewaytest.Log, a, b *Table, l Lock, clockOfB *clock) {
	t.Helper()
	log, gateways := gatewaytest.New(t, 2)
	log.Lag()
	clockOfB = newClock()
	a = tables(t, gateways[:1], Options{Now: newClock().time})[0]
	b = tables(t, gateways[1:], Options{Now: clockOfB.time})[0]
	return log, a, b, create(t, a, Request{Root: "/f", Missing: true, Timeout: time.Minute}), clockOfB
}

// Whoever has acted on the end of a lock has ended it for all: its holder is not
// told afterwards that it goes on.
func TestWhatHasExpiredIsNotRefreshed(t *testing.T) {
	for name, act := range map[string]func(b *Table) error{
		"a change is confirmed": func(b *Table) error { return b.Confirm("", nil, Change{Path: "/f", Content: true}) },
		"names are reserved": func(b *Table) error {
			r, err := b.Reserve(t.Context(), Name{Path: "/f"})
			if err == nil {
				r.Release()
			}
			return err
		},
		"a lock is granted": func(b *Table) error {
			l, err := b.Create(Request{Root: "/f"})
			if err != nil {
				return err
			}
			return b.Unlock("/f", "", l.Token)
		},
		"none is shown": func(b *Table) error {
			if held := b.Covering("/f"); len(held) > 0 {
				return fmt.Errorf("%v is shown", held)
			}
			return nil
		},
		"no placeholder is shown": func(b *Table) error {
			if _, ok := b.Placeholder("/f"); ok {
				return errors.New("it is shown")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, a, b, l, clock := beside(t)
			clock.advance(time.Minute)
			if err := act(b); err != nil {
				t.Error(err)
			}
			if _, err := a.Refresh("/f", "", l.Token, 0); !errors.Is(err, ErrNoLock) {
				t.Errorf("refreshed: %v", err)
			}
		})
	}
}

// A lock that was refreshed elsewhere holds, though this gateway has not heard of
// that and its clock says that the time is over.
func TestWhatWasRefreshedElsewhereHolds(t *testing.T) {
	for name, holds := range map[string]func(b *Table, l Lock) error{
		"for a change": func(b *Table, _ Lock) error {
			if err := b.Confirm("", nil, Change{Path: "/f", Content: true}); roots(err) == nil {
				return fmt.Errorf("confirmed: %w", err)
			}
			return nil
		},
		"for a lock": func(b *Table, _ Lock) error {
			if _, err := b.Create(Request{Root: "/f"}); roots(err) == nil {
				return fmt.Errorf("granted: %w", err)
			}
			return nil
		},
		"for its holder": func(b *Table, l Lock) error {
			return b.Confirm("", []string{l.Token}, Change{Path: "/f", Content: true})
		},
		"to be refreshed": func(b *Table, l Lock) error { _, err := b.Refresh("/f", "", l.Token, 0); return err },
		"to be ended":     func(b *Table, l Lock) error { return b.Unlock("/f", "", l.Token) },
		"to be ended when it is free": func(b *Table, l Lock) error {
			return b.UnlockWhenFree(t.Context(), "/f", "", l.Token)
		},
		"for readers": func(b *Table, _ Lock) error {
			_, file := b.Placeholder("/f")
			if n := len(b.Covering("/f")) + len(b.Below("/")) + len(b.PlaceholdersIn("/")); n != 3 || !file || !b.HasPlaceholders("/") {
				return fmt.Errorf("%d of three are shown", n)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, a, b, l, clock := beside(t)
			clock.advance(time.Minute)
			again := l
			again.Expires = again.Expires.Add(time.Second)
			if _, err := a.log.Propose(t.Context(), change{Op: opRefresh, Lock: &again}, journal.Options{}); err != nil {
				t.Fatal(err)
			}
			if err := holds(b, l); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without the log nothing is taken to have expired: changes are refused, and
// readers see what was there.
func TestNothingExpiresWithoutTheLog(t *testing.T) {
	log, _, b, l, clock := beside(t)
	clock.advance(time.Minute)
	log.Fail(cluster.ErrUnavailable)
	if err := b.Confirm("", nil, Change{Path: "/f", Content: true}); !errors.Is(err, cluster.ErrUnavailable) {
		t.Errorf("confirmed: %v", err)
	}
	if err := b.Unlock("/f", "", l.Token); !errors.Is(err, cluster.ErrUnavailable) {
		t.Errorf("unlocked: %v", err)
	}
	if got := b.Covering("/f"); len(got) != 1 || got[0].Remaining(clock.time()) != time.Second {
		t.Errorf("shown are %v", got)
	}
	log.Fail(nil)
	if got := b.Covering("/f"); len(got) != 0 {
		t.Errorf("with the log %v", got)
	}
}

// What expires at once is ended by several changes, each of which a log takes.
func TestManyExpireAtOnce(t *testing.T) {
	log, gateways := gatewaytest.New(t, 2)
	clock := newClock()
	table := tables(t, gateways, Options{Now: clock.time})[1]
	for i := range 3000 {
		l := Lock{Token: fmt.Sprint("urn:uuid:", strings.Repeat("0", 36), i), Root: fmt.Sprint("/", i), Timeout: time.Minute, Expires: clock.time()}
		if _, err := table.log.Propose(t.Context(), change{Op: opHeld, Lock: &l}, journal.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(time.Minute)
	first, err := json.Marshal(change{Op: opExpire, Ended: table.ended(clock.time())})
	if err != nil || len(first) > cluster.MaxEntry*3/4 {
		t.Errorf("an entry of %d bytes, %v", len(first), err)
	}
	before := log.Entries()
	if err := table.Confirm("", nil, Change{Path: "/1", Content: true}); err != nil {
		t.Error(err)
	}
	if table.Len() != 0 || log.Entries() < before+2 {
		t.Errorf("%d locks are left after %d entries", table.Len(), log.Entries()-before)
	}
}

// However many things expire at once, and whatever they are called, an entry of the
// log has room for their end: one that has not would be tried for ever, and nothing
// could be changed any more.
func TestMuchExpiresAtOnce(t *testing.T) {
	for name, path := range map[string]func(n int) string{
		"long names that are written longer": func(n int) string { return fmt.Sprintf("/d/%04d%s", n, strings.Repeat("&", 200)) },
		"many short ones":                    func(n int) string { return fmt.Sprintf("/d/%04d", n) },
		"one as long as can be locked":       func(n int) string { return fmt.Sprintf("/d/%04d%s", n, strings.Repeat("<", 12_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			_, gateways := gatewaytest.New(t, 1)
			now := newClock()
			table := tables(t, gateways, Options{Now: now.time})[0]
			files := 900
			if len(path(0)) > 1000 {
				files = 20
			}
			for n := range files {
				create(t, table, Request{Root: path(n), Missing: true, Timeout: time.Hour})
			}
			r, err := table.Reserve(t.Context(), Name{Path: "/", Tree: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Copy("", "/d", "/e", true); err != nil {
				t.Fatal(err)
			}
			if err := r.Done(t.Context()); err != nil {
				t.Fatal(err)
			}
			now.advance(48 * time.Hour)
			r, err = table.Reserve(t.Context(), Name{Path: "/other"})
			if err != nil {
				t.Fatalf("nothing can be changed any more: %v", err)
			}
			r.Release()
		})
	}
}
