package upstream

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// limits are what the gateways may use.
func (tr *trial) limits() (all []float64, sum float64) {
	for _, g := range tr.gateways {
		all = append(all, g.limit())
		sum += g.limit()
	}
	return all, sum
}

// watch lets time pass, and looks at what the gateways may use together.
func (tr *trial) watch(d time.Duration) {
	tr.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		pass(10 * time.Millisecond)
		if all, sum := tr.limits(); sum > testRate {
			tr.Fatalf("together the gateways use %v: %v", sum, all)
		}
	}
}

func (tr *trial) wantLimits(want ...float64) {
	tr.Helper()
	if got, _ := tr.limits(); !slices.EqualFunc(got, want, func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }) {
		tr.Errorf("the gateways may use %v, want %v", got, want)
	}
}

// A gateway that is busy gets what the others do not need; one that is cut off has
// the least part before the others have the rest.
func TestRateIsHandedOut(t *testing.T) {
	inBubble(t, 2, func(tr *trial) {
		tr.watch(2 * time.Second)
		tr.wantLimits(19.5, 19.5)
		for i, g := range tr.gateways { // requests that wait are told
			if got, want := g.rate.raises(), []float64{39, 19.5}[i:][:1]; !slices.Equal(got, want) {
				tr.Errorf("gateway %d is told of %v, want %v", i, got, want)
			}
		}
		tr.gateways[1].rate.request(40, 20)
		tr.watch(3 * time.Second)
		tr.wantLimits(4.875, 34.125)

		tr.start()
		tr.watch(2 * time.Second)
		tr.wantLimits(3.25, 32.5, 3.25)

		tr.gateways[1].connection.Cut(true)
		tr.gateways[0].rate.request(40, 20)
		for tr.gateways[1].limit() > 1 {
			tr.watch(10 * time.Millisecond)
		}
		tr.wantLimits(3.25, 1, 3.25) // it knows already, the others do not
		for tr.gateways[0].limit() == 3.25 {
			tr.watch(10 * time.Millisecond)
		}
		tr.wantLimits(33.25, 1, 4.75)

		tr.gateways[1].connection.Cut(false)
		tr.watch(30 * time.Second)
		tr.wantLimits(13, 13, 13)
	})
}

// A gateway that leaves gives all of its portion to the others at once.
func TestLeavingGateway(t *testing.T) {
	inBubble(t, 2, func(tr *trial) {
		tr.watch(2 * time.Second)
		g := tr.gateways[1]
		tr.gateways = tr.gateways[:1]
		g.close(tr.T)
		tr.watch(time.Second)
		tr.wantLimits(39)
	})
}

// What the service refuses to one gateway slows all of them down, and they are told
// of many refusals seldom.
func TestRefusalsAreShared(t *testing.T) {
	inBubble(t, 3, func(tr *trial) {
		pass(2 * time.Second)
		one := backend.Refusal{Served: 0.8}
		tr.gateways[0].rate.refused(one)
		pass(10 * time.Millisecond)
		for i, g := range tr.gateways {
			want := []backend.Refusal{one}
			if i == 0 { // which has slowed down by itself
				want = nil
			}
			if got := g.rate.hears(); !slices.Equal(got, want) {
				tr.Errorf("gateway %d hears %v, want %v", i, got, want)
			}
		}
		for n := range 300 {
			tr.gateways[0].rate.refused(backend.Refusal{Served: 1 - float64(n)/600, Pause: time.Duration(n%7) * time.Second})
			pass(10 * time.Millisecond)
		}
		got := tr.gateways[1].rate.hears()[1:]
		if len(got) < 1 || len(got) > 2 || got[0].Pause != 6*time.Second {
			tr.Errorf("of 300 refusals in three seconds the others hear %v", got)
		}

		// One that starts does not slow down for what was refused before.
		if hears := tr.start().rate.hears(); len(hears) != 0 {
			tr.Errorf("a newcomer hears %v", hears)
		}
	})
}

// A gateway of another store is refused, also after a snapshot, and one of the same
// is not.
func TestOtherStore(t *testing.T) {
	inBubble(t, 2, func(tr *trial) {
		pass(time.Minute) // more entries than are kept
		engine, err := replica.New(tr.log.Connect(9, false), replica.Config{Gateway: "other", Clock: tr.clock})
		if err != nil {
			tr.Fatal(err)
		}
		a, err := Open(Options{Engine: engine})
		if err != nil {
			tr.Fatal(err)
		}
		if _, err := engine.Join(tr.Context()); err != nil {
			tr.Fatal(err)
		}
		before := tr.log.Len()
		if err := a.Check(tr.Context(), "two"); !errors.Is(err, ErrOtherStore) {
			tr.Errorf("it is told %v", err)
		}
		if tr.gateways[0].Check(tr.Context(), "one") != nil || tr.log.Len() != before {
			tr.Errorf("a check of what is known adds %d entries", tr.log.Len()-before)
		}
		if err := engine.Close(); err != nil && !errors.Is(err, cluster.ErrExpelled) {
			tr.Error(err)
		}
	})
	a := &served{}
	if err := errors.Join(a.Apply(store{"one"}), a.Apply(store{"one"})); err != nil {
		t.Error(err)
	}
	if err := a.Apply(store{"two"}); !errors.Is(err, ErrOtherStore) { // both found none
		t.Errorf("the second of two that are first is told %v", err)
	}
}
