package rival_test

import (
	"context"
	"testing"

	"github.com/davdisk/davdisk/internal/rival"
)

// known is what a gateway may know.
type known struct {
	possible bool
	told     []string
}

func (k known) Possible(context.Context) bool { return k.possible }
func (k known) Told() int                     { return len(k.told) }

func (k known) Stored(version string, told int) bool {
	for _, one := range k.told[told:] {
		if one == version {
			return true
		}
	}
	return false
}

// A Put learns of others by its context, the nearest counts; and without one that there
// are none, whatever was told before.
func TestFrom(t *testing.T) {
	type key struct{}
	one, two := known{true, []string{"a"}}, known{false, []string{"b", "c"}}
	outer := rival.With(t.Context(), one)
	for name, test := range map[string]struct {
		ctx      context.Context
		possible bool
		told     int
		stored   bool // "a"
	}{
		"nobody has said":   {t.Context(), false, 0, false},
		"one":               {outer, true, 1, true},
		"the nearest":       {rival.With(outer, two), false, 2, false},
		"with other things": {context.WithValue(outer, key{}, two), true, 1, true},
		"once it has ended": {context.WithoutCancel(outer), true, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			k := rival.From(test.ctx)
			if k.Possible(t.Context()) != test.possible || k.Told() != test.told || k.Stored("a", 0) != test.stored {
				t.Errorf("possible %v, told %d, stored %v", k.Possible(t.Context()), k.Told(), k.Stored("a", 0))
			}
			if k.Stored("a", k.Told()) {
				t.Error("what was told before counts")
			}
		})
	}
	// A store may ask without anybody being known, for any number.
	if rival.From(t.Context()).Stored("a", 5) {
		t.Error("nobody has stored it")
	}
}
