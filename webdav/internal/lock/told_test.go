package lock

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// A change is told as a gateway's own if it has succeeded and nobody else has
// changed the path since it began.
func TestOwnChanges(t *testing.T) {
	put := func(name string) Name { return Name{Path: name, Shared: true, Member: true, Lingers: time.Minute} }
	for name, test := range map[string]struct {
		beside string // of the other gateway, meanwhile
		failed bool
		own    bool
	}{
		"alone":                      {own: true},
		"beside another name":        {beside: "/d/g", own: true},
		"beside a change of it":      {beside: "/d/f"},
		"that has failed":            {failed: true},
		"that has failed, beside it": {beside: "/d/f", failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, gateways := gatewaytest.New(t, 2)
			told := make([][]Changed, 2)
			var all []*Table
			for i := range gateways {
				all = append(all, tables(t, gateways[i:i+1], Options{OnChange: func(c Changed) { told[i] = append(told[i], c) }})...)
			}
			r := mustReserve(t, all[0], put("/d/f"))
			if test.beside != "" {
				other := mustReserve(t, all[1], put(test.beside))
				if err := other.Done(t.Context(), Changed{Path: test.beside}); err != nil {
					t.Error(err)
				}
				told = make([][]Changed, 2)
			}
			if !test.failed {
				if err := r.Done(t.Context(), Changed{Path: "/d/f"}); err != nil {
					t.Error(err)
				}
			}
			r.Release()
			for i := range told {
				want := []Changed{{Path: "/d/f", Gateway: gateways[0].Gateway(), Own: test.own && i == 0}}
				if !reflect.DeepEqual(told[i], want) {
					t.Errorf("gateway %d is told %+v, want %+v", i, told[i], want)
				}
			}
		})
	}
}

// What an expelled gateway may have changed is nobody's own, also if that is told
// to one which was changing the same, and whether or not it may still take effect.
func TestExpelledChangesCross(t *testing.T) {
	for _, lingers := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			log, gateways := gatewaytest.New(t, 2)
			var told []Changed
			one := tables(t, gateways[:1], Options{OnChange: func(c Changed) { told = append(told, c) }})[0]
			two := tables(t, gateways[1:], Options{})[0]
			put := Name{Path: "/f", Shared: true, Member: true, Lingers: lingers}
			r := mustReserve(t, one, put)
			mustReserve(t, two, put)
			log.Expel(gateways[1], false)
			err := r.Done(t.Context(), Changed{Path: "/f"})
			if lingers > 0 && !errors.Is(err, ErrReplaceable) || lingers == 0 && err != nil {
				t.Fatal(err)
			}
			r.Release()
			want := []Changed{{Path: "/f", Gateway: gateways[1].Gateway()}, {Path: "/f", Gateway: gateways[0].Gateway()}}
			if !reflect.DeepEqual(told, want) {
				t.Errorf("%s: told of %+v, want %+v", lingers, told, want)
			}
		})
	}
}

// Whoever waits for a name that a gateway has left closed is let in when its time
// is over, though nothing else happens then.
func TestLetInWhenTheTimeIsOver(t *testing.T) {
	for _, restored := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			log, gateways := gatewaytest.New(t, 2)
			all := tables(t, gateways, Options{})
			mustReserve(t, all[0], Name{Path: "/u", Lingers: time.Minute})
			log.Expel(gateways[0], false)
			if restored { // which is when its time begins there
				log.Restore(gateways[0], gateways[1])
			}
			time.Sleep(time.Minute - 3*time.Second)
			begun := time.Now()
			r := mustReserve(t, all[1], Name{Path: "/u"})
			if got := time.Since(begun); got != 3*time.Second {
				t.Errorf("let in after %v", got)
			}
			r.Release()
		})
	}
}

// The epochs that have ended are bounded, and those that matter stay.
func TestEndedEpochsAreBounded(t *testing.T) {
	_, gateways := gatewaytest.New(t, 2)
	all := tables(t, gateways, Options{})
	const last = 3 * cluster.MaxEnded
	name := func(epoch int) string { return fmt.Sprint("gone-", epoch) }
	for _, table := range all {
		for epoch := 1; epoch <= last; epoch++ {
			machine{table}.Expelled(name(epoch), uint64(epoch))
		}
		if got := len(table.reserved.ended); got != cluster.MaxEnded {
			t.Errorf("%d are kept", got)
		}
	}
	for epoch, want := range map[int]error{last: cluster.ErrExpelled, last - cluster.MaxEnded + 1: cluster.ErrExpelled} {
		c := change{Op: opReserve, Reserved: &reserved{Hold: &hold{Ticket: ticket{name(epoch), uint64(epoch), 1}, Names: []Name{{Path: "/a"}}}}}
		if err := all[0].propose(c); !errors.Is(err, want) {
			t.Errorf("reserved in epoch %d: %v", epoch, err)
		}
	}
}

// What is made while names are kept is refused when they are not any more.
func TestMeanwhile(t *testing.T) {
	for _, lingers := range []time.Duration{0, time.Minute} {
		log, gateways := gatewaytest.New(t, 2)
		all := tables(t, gateways, Options{})
		r := mustReserve(t, all[0], Name{Path: "/f", Lingers: lingers})
		l, err := all[0].creating(Request{Root: "/f"})
		if err != nil {
			t.Fatal(err)
		}
		part := all[0].log.Part(l, journal.Options{})
		if err := r.Meanwhile(t.Context()); err != nil || log.Entries() != 1 {
			t.Errorf("nothing: %v, %d entries", err, log.Entries())
		}
		if err := r.Meanwhile(t.Context(), part); err != nil || all[1].Len() != 1 {
			t.Errorf("made: %v, %d locks", err, all[1].Len())
		}
		if err := all[0].Unlock("/f", "", l.Lock.Token); err != nil {
			t.Error(err)
		}
		log.Expel(gateways[0], true)
		if err := r.Meanwhile(t.Context(), part); !errors.Is(err, cluster.ErrExpelled) || all[1].Len() != 0 {
			t.Errorf("made by who was expelled: %v, %d locks", err, all[1].Len())
		}
		r.Release()
	}
}

// A snapshot has the names of two PUTs of one file, one of which is of an expelled
// gateway: whoever is given it has them too.
func TestUnsettledInASnapshot(t *testing.T) {
	for order := range 2 {
		synctest.Test(t, func(t *testing.T) {
			log, gateways := gatewaytest.New(t, 2)
			one, two := tables(t, gateways[:1], Options{})[0], tables(t, gateways[1:], Options{})[0]
			put := Name{Path: "/f", Shared: true, Member: true, Lingers: time.Minute}
			first, second := one, two
			if order == 1 {
				first, second = two, one
			}
			mustReserve(t, first, put)
			mustReserve(t, second, put)
			log.Expel(gateways[1], false)
			restored := machine{one}
			var all []change
			for c := range restored.Snapshot() {
				all = append(all, c)
			}
			restored.Reset()
			for _, c := range all {
				if err := restored.Apply(c); err != nil {
					t.Fatalf("%+v is refused: %v", c.Reserved, err)
				}
			}
			if got := len(one.reserved.held); got != 2 {
				t.Errorf("%d are held, want 2", got)
			}
		})
	}
}
