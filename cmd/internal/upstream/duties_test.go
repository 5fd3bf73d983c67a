package upstream

import (
	"errors"
	"slices"
	"testing"

	"github.com/davdisk/davdisk/internal/journal"
)

// A duty has one holder: the first that claims it, until that gives it up or is
// expelled; and only that one tells what came of it.
func TestDuties(t *testing.T) {
	var told []string
	d := &duties{told: func(name string) { told = append(told, name) }, held: map[string]duty{}, changed: make(chan struct{})}
	for i, step := range []struct {
		op     string
		epoch  uint64
		want   error
		holder uint64
		told   int
	}{
		{"tell", 1, errNotHeld, 0, 0},
		{"end", 1, nil, 0, 0},
		{"claim", 1, nil, 1, 1},
		{"claim", 2, errHeld, 1, 1},
		{"claim", 1, errHeld, 1, 1},
		{"tell", 2, errNotHeld, 1, 1},
		{"tell", 1, nil, 1, 2},
		{"end", 2, nil, 1, 2},
		{"expelled", 2, nil, 1, 2},
		{"end", 1, nil, 0, 2},
		{"claim", 2, nil, 2, 3},
		{"expelled", 2, nil, 0, 3},
		{"tell", 2, errNotHeld, 0, 3},
		{"claim", 3, nil, 3, 4},
		{"steal", 4, journal.ErrEntry, 3, 4},
	} {
		_, _, changed := d.holder("poll")
		before, _, _ := d.holder("poll")
		var err error
		if step.op == "expelled" {
			d.Expelled("g", step.epoch)
		} else {
			err = d.Apply(duty{step.op, "poll", "g", step.epoch})
		}
		holder, held, _ := d.holder("poll")
		if !errors.Is(err, step.want) || holder.Epoch != step.holder || held != (step.holder != 0) || len(told) != step.told {
			t.Fatalf("step %d: %v, holder %d, told %d", i, err, holder.Epoch, len(told))
		}
		select {
		case <-changed:
		default:
			if before != holder {
				t.Errorf("step %d: nobody learns that the holder has changed", i)
			}
		}
	}
	other := &duties{told: func(string) {}, held: map[string]duty{}, changed: make(chan struct{})}
	for e := range d.Snapshot() {
		if err := other.Apply(e); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(slices.Collect(other.Snapshot()), slices.Collect(d.Snapshot())) {
		t.Error("a snapshot makes another state")
	}
	if other.Reset(); len(slices.Collect(other.Snapshot())) != 0 {
		t.Error("it is not empty after Reset")
	}
}
