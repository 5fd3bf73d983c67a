package lock

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// A name whose change waits for Begin is free as soon as the gateway is expelled, and
// the change may not begin any more. One that has begun stays closed.
func TestBegin(t *testing.T) {
	for _, begun := range []bool{true, false} {
		for _, restored := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				log, gateways := gatewaytest.New(t, 3)
				log.Lag()
				all := tables(t, gateways, Options{})
				file := Name{Path: "/f", Member: true, Lingers: time.Hour, Waits: true}
				r := mustReserve(t, all[0], file)
				if _, err := all[1].Reserve(t.Context(), file); !errors.Is(err, ErrReserved) {
					t.Errorf("while it waits: %v", err)
				}
				if begun {
					if err := r.Begin(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if restored {
					log.Restore(gateways[0], gateways[2])
				}
				log.Expel(gateways[0], true)
				other, err := all[2].Reserve(t.Context(), file)
				if begun != errors.Is(err, ErrReserved) || !begun && err != nil {
					t.Errorf("begun %v: the name is given away: %v", begun, err)
				}
				if err := r.Begin(t.Context()); !errors.Is(err, cluster.ErrExpelled) {
					t.Errorf("it begins after its gateway was expelled: %v", err)
				}
				if other != nil {
					if err := other.Begin(t.Context()); err != nil {
						t.Error(err)
					}
					if err := other.Done(t.Context(), Changed{Path: "/f"}); err != nil {
						t.Error(err)
					}
				}
				r.Release()
			})
		}
	}
	if err := mustReserve(t, openTable(t), Name{Path: "/f", Waits: true}).Begin(t.Context()); err != nil {
		t.Errorf("alone: %v", err)
	}
}

// A reservation asks the other gateways for nothing, and neither does its beginning: what
// was changed does, at the end.
func TestOnlyChangesAreAwaited(t *testing.T) {
	log, gateways := gatewaytest.New(t, 2)
	r := mustReserve(t, tables(t, gateways, Options{})[0], Name{Path: "/f", Member: true, Waits: true})
	if err := r.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log.Awaited(); got != 0 {
		t.Errorf("%d entries before the change are awaited", got)
	}
	if err := r.Done(t.Context(), Changed{Path: "/f"}); err != nil {
		t.Fatal(err)
	}
	if entries, awaited := log.Entries(), log.Awaited(); entries != 3 || awaited != 1 {
		t.Errorf("%d of %d entries are awaited, want 1 of 3", awaited, entries)
	}
}
