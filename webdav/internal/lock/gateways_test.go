package lock

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// tables opens a table on each gateway of a log.
func tables(t *testing.T, gateways []*gatewaytest.Gateway, opts Options) []*Table {
	t.Helper()
	var all []*Table
	for _, g := range gateways {
		opts.Engine, opts.Member = g, func() Member { return g }
		all = append(all, reopen(t, "", opts))
	}
	return all
}

// Names that conflict are not granted at two gateways at once; who waits at
// another gateway is let in when they are released.
func TestGatewaysReserveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		one, two := all[0], all[1]
		first := mustReserve(t, one, Name{Path: "/a"}, Name{Path: "/b", Shared: true})
		mustReserve(t, two, Name{Path: "/b", Shared: true}).Release()
		begun := time.Now()
		if _, err := two.Reserve(t.Context(), Name{Path: "/c"}, Name{Path: "/a"}); !errors.Is(err, ErrReserved) || time.Since(begun) != DefaultMaxWait {
			t.Errorf("granted twice: %v after %v", err, time.Since(begun))
		}
		mustReserve(t, one, Name{Path: "/c"}).Release() // which is not kept by who gave up
		granted := make(chan time.Time)
		go func() {
			second := mustReserve(t, two, Name{Path: "/a"})
			granted <- time.Now()
			second.Release()
		}()
		time.Sleep(5 * time.Second)
		released := time.Now()
		first.Release()
		if got := <-granted; !got.Equal(released) {
			t.Errorf("granted %v after the release", got.Sub(released))
		}
		synctest.Wait()
		mustReserve(t, one, Name{Path: "/", Tree: true}).Release()
	})
}

// A gateway that does not know yet what another has reserved is refused when its
// entry is applied, and tries again.
func TestReservationIsJudgedWhenApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, gateways := gatewaytest.New(t, 2)
		log.Lag()
		all := tables(t, gateways, Options{})
		first := mustReserve(t, all[0], Name{Path: "/a"})
		if _, err := all[1].Reserve(t.Context(), Name{Path: "/a"}); !errors.Is(err, ErrReserved) {
			t.Errorf("granted twice: %v", err)
		}
		if got := log.Entries(); got != 2 {
			t.Errorf("%d entries, want 2: who waits asks again only when something was released", got)
		}
		first.Release()
	})
}

// Requests that wait are let in in the order of their arrival.
func TestReservationsInOrder(t *testing.T) {
	for _, shared := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			table := openTable(t)
			if shared {
				_, gateways := gatewaytest.New(t, 2)
				table = tables(t, gateways, Options{})[0]
			}
			first := mustReserve(t, table, Name{Path: "/a"})
			order := make(chan int, 5)
			for i := range 5 {
				go func() {
					r := mustReserve(t, table, Name{Path: "/a"})
					order <- i
					time.Sleep(time.Second)
					r.Release()
				}()
				synctest.Wait()
			}
			first.Release()
			for want := range 5 {
				if got := <-order; got != want {
					t.Errorf("number %d is let in, want %d", got, want)
				}
			}
			time.Sleep(2 * time.Second)
		})
	}
}

// What an expelled gateway had reserved ends, unless the change may still take
// effect: then it stays closed for as long.
func TestReservationsOfAnExpelledGateway(t *testing.T) {
	for _, woken := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) { testExpelled(t, woken) })
	}
}

func testExpelled(t *testing.T, woken bool) {
	log, gateways := gatewaytest.New(t, 3)
	all := tables(t, gateways[:2], Options{})
	var changed []Changed
	all = append(all, tables(t, gateways[2:], Options{OnChange: func(c Changed) { changed = append(changed, c) }})...)
	one, two := all[0], all[1]
	lock := mustReserve(t, one, Name{Path: "/l", Lock: true})
	upload := mustReserve(t, one, Name{Path: "/u", Shared: true, Member: true, Lingers: time.Minute}, Name{Path: "/s", Shared: true})
	log.Expel(gateways[0], true)
	log.Restore(gateways[1], gateways[2]) // which keeps what is unsettled

	mustReserve(t, two, Name{Path: "/l"}).Release()
	mustReserve(t, two, Name{Path: "/s"}).Release()
	closed := func(table *Table, want bool) {
		t.Helper()
		r, err := table.Reserve(t.Context(), Name{Path: "/u"})
		if errors.Is(err, ErrReserved) != want || !want && err != nil {
			t.Errorf("of the upload's name: %v", err)
		}
		if err == nil {
			r.Release()
		}
	}
	closed(two, true)
	closed(one, true) // also to the gateway itself, which has joined again
	for _, r := range []*Reservation{lock, upload} {
		if _, err := r.Create(Request{Root: "/l"}); err != nil {
			t.Error(err)
		}
		if err := r.Done(t.Context()); !errors.Is(err, cluster.ErrExpelled) {
			t.Errorf("done by who was expelled: %v", err)
		}
	}
	closed(two, true)
	before := len(changed)
	if woken {
		upload.Release()
		lock.Release()
	} else {
		time.Sleep(time.Minute)
	}
	closed(all[2], false)
	closed(two, false)
	want := []Changed{ // of the upload, and of the two
		{Path: "/u", Gateway: gateways[0].Gateway()},
		{Path: "/u", Gateway: gateways[2].Gateway()},
		{Path: "/u", Gateway: gateways[1].Gateway()},
	}
	if got := changed[before:]; !reflect.DeepEqual(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
	if two.Len() != 0 {
		t.Error("who was expelled has made a lock")
	}
}

// A reservation of a membership that has ended is refused, or nobody would
// release it.
func TestReservationOfAnEndedEpoch(t *testing.T) {
	log, gateways := gatewaytest.New(t, 2)
	one := tables(t, gateways, Options{})[0]
	old := ticket{gateways[0].Gateway(), gateways[0].Epoch(), 7}
	log.Expel(gateways[0], true)
	err := one.propose(change{Op: opReserve, Reserved: &reserved{Hold: &hold{Ticket: old, Names: []Name{{Path: "/a"}}}}})
	if !errors.Is(err, cluster.ErrExpelled) {
		t.Errorf("reserved: %v", err)
	}
	mustReserve(t, one, Name{Path: "/a"}).Release()
}

// What could not be released, because the log was away, is released when it is
// there again, and so is what may have been reserved.
func TestReleaseIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		first := mustReserve(t, all[0], Name{Path: "/a"})
		log.Fail(fmt.Errorf("%w: %w", cluster.ErrUnknownOutcome, cluster.ErrUnavailable)) // as etcd's are
		first.Release()
		if _, err := all[0].Reserve(t.Context(), Name{Path: "/b"}); !errors.Is(err, cluster.ErrUnknownOutcome) {
			t.Errorf("reserved without a log: %v", err)
		}
		log.Fail(cluster.ErrUnavailable) // of which nothing was sent
		if _, err := all[0].Reserve(t.Context(), Name{Path: "/c"}); !errors.Is(err, cluster.ErrUnavailable) {
			t.Errorf("reserved without a log: %v", err)
		}
		time.Sleep(time.Minute)
		log.Fail(nil)
		time.Sleep(retryPause)
		synctest.Wait()
		mustReserve(t, all[1], Name{Path: "/a"}).Release()
		if got := log.Entries(); got != 5 { // two reservations, their releases, and that of nothing
			t.Errorf("%d entries", got)
		}
	})
}

// An UNLOCK at one gateway waits for a change at another, and is one entry.
func TestUnlockWaitsForOtherGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		l := create(t, all[0], Request{Root: "/d", Infinite: true})
		change := mustReserve(t, all[0], Name{Path: "/d/f", Shared: true, Member: true})
		ended := make(chan error)
		go func() { ended <- all[1].UnlockWhenFree(t.Context(), "/d", "", l.Token) }()
		synctest.Wait()
		if all[0].Len() != 1 {
			t.Error("unlocked while something is changed under the lock")
		}
		change.Release()
		if err := <-ended; err != nil || all[0].Len() != 0 {
			t.Errorf("unlocked: %v, %d locks are left", err, all[0].Len())
		}
		if got := log.Entries(); got != 4 {
			t.Errorf("%d entries, want 4", got)
		}
	})
}

// A lock lasts as long as it was granted at every gateway, whatever their clocks
// show; whoever finds first that it has ended ends it for all.
func TestLocksBesideAWrongClock(t *testing.T) {
	_, gateways := gatewaytest.New(t, 2)
	right, wrong := newClock(), newClock()
	wrong.advance(time.Hour)
	all := []*Table{
		tables(t, gateways[:1], Options{Now: right.time})[0],
		tables(t, gateways[1:], Options{Now: wrong.time})[0],
	}
	locked := func(want bool) {
		t.Helper()
		for i, table := range all {
			err := table.Confirm("", nil, Change{Path: "/a", Content: true})
			if (err != nil) != want {
				t.Errorf("at gateway %d: %v", i, err)
			}
		}
	}
	pass := func(d time.Duration) { right.advance(d); wrong.advance(d) }
	for i, table := range all {
		l := create(t, table, Request{Root: "/a", Timeout: 10 * time.Minute})
		create(t, all[1-i], Request{Root: "/z", Shared: true, Timeout: time.Minute}) // looks for what has ended
		locked(true)
		pass(9 * time.Minute)
		if _, err := all[1-i].Refresh("/a", "", l.Token, 0); err != nil {
			t.Fatal(err)
		}
		pass(9 * time.Minute)
		create(t, table, Request{Root: "/y", Shared: true, Timeout: time.Minute})
		locked(true)
		if left := all[i].Covering("/a")[0].Remaining(all[i].opts.Now()); left != time.Minute {
			t.Errorf("%v are left", left)
		}
		pass(time.Minute)
		locked(false)
		create(t, table, Request{Root: "/x", Shared: true, Timeout: time.Minute})
		if all[0].Len() != 1 || all[1].Len() != 1 {
			t.Errorf("%d and %d locks", all[0].Len(), all[1].Len())
		}
		pass(time.Minute)
	}
}

// A placeholder that was moved is kept for its time at every gateway, too.
func TestMovedPlaceholderBesideAWrongClock(t *testing.T) {
	log, gateways := gatewaytest.New(t, 2)
	right, wrong := newClock(), newClock()
	wrong.advance(2 * movedLifetime)
	one := tables(t, gateways[:1], Options{Now: right.time})[0]
	two := tables(t, gateways[1:], Options{Now: wrong.time})[0]
	create(t, one, Request{Root: "/d/f", Missing: true, Timeout: time.Minute})
	r := mustReserve(t, one, Name{Path: "/", Tree: true})
	if err := errors.Join(r.Move("", "/d", "/e"), r.Done(t.Context())); err != nil {
		t.Fatal(err)
	}
	expect := func(want bool) {
		t.Helper()
		for i, table := range []*Table{two, one} {
			if _, ok := table.Placeholder("/e/f"); ok != want {
				t.Errorf("it is there: %v, at gateway %d", ok, 2-i)
			}
		}
	}
	expect(true)
	log.Restore(gateways[1], gateways[0])
	expect(true)
	right.advance(movedLifetime - time.Second)
	wrong.advance(movedLifetime - time.Second)
	expect(true)
	wrong.advance(time.Second)
	expect(false)
}

// However many reservations of others are to be settled, an entry has room for them.
func TestManyAreSettledAtOnce(t *testing.T) {
	_, gateways := gatewaytest.New(t, 2)
	clock := newClock()
	all := tables(t, gateways, Options{Now: clock.time})
	gateway := strings.Repeat("&", 60)
	for i := range 2000 {
		left := hold{Ticket: ticket{gateway, 1, uint64(i)}, Names: []Name{{Path: fmt.Sprint("/", i), Lingers: time.Hour}}, Unsettled: true}
		if _, err := all[0].log.Propose(t.Context(), change{Op: opReserve, Reserved: &reserved{Hold: &left}}, journal.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	clock.advance(time.Hour)
	mustReserve(t, all[1], Name{Path: "/", Tree: true}).Release()
	for _, table := range all {
		if n := len(table.reserved.held); n != 0 {
			t.Errorf("%d are left", n)
		}
	}
}

// A reservation is in no file: not of a lone gateway, and not of the journal that
// another engine may be.
func TestReservationsAreNotKept(t *testing.T) {
	for name, open := range map[string]func(dir string) *Table{
		"a lone gateway": func(dir string) *Table { return reopen(t, dir, Options{}) },
		"another engine": func(dir string) *Table {
			return reopen(t, "", Options{Engine: cluster.Lone(dir), Member: func() Member { return member{} }})
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first := open(dir)
			create(t, first, Request{Root: "/l"})
			mustReserve(t, first, Name{Path: "/a"})
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				again := open(dir)
				if again.Len() != 1 {
					t.Errorf("%d locks", again.Len())
				}
				mustReserve(t, again, Name{Path: "/a"})
				if _, err := again.Refresh("/l", "", again.Below("/l")[0].Token, 0); err != nil {
					t.Fatal(err)
				}
				if err := again.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type member struct{}

func (member) Gateway() string { return "lone" }
func (member) Epoch() uint64   { return 1 }
