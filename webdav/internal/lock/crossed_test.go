package lock

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// A request knows that another gateway has changed its name, may have or may be
// about to, also if this gateway has not yet heard of it; and not that it did itself.
func TestCrossed(t *testing.T) {
	file := Name{Path: "/f", Shared: true, Member: true}
	for name, c := range map[string]struct {
		want bool
		do   func(t *testing.T, log *gatewaytest.Log, own, other *Table)
	}{
		"nobody":  {false, func(*testing.T, *gatewaytest.Log, *Table, *Table) {}},
		"another": {true, func(t *testing.T, _ *gatewaytest.Log, _, other *Table) { mustReserve(t, other, file) }},
		"another that has stored": {true, func(t *testing.T, _ *gatewaytest.Log, _, other *Table) {
			if err := mustReserve(t, other, file).Done(t.Context(), Changed{Path: "/f", ETag: `"e"`}); err != nil {
				t.Error(err)
			}
		}},
		"another that has failed": {true, func(t *testing.T, _ *gatewaytest.Log, _, other *Table) { mustReserve(t, other, file).Release() }},
		"another of its own":      {false, func(t *testing.T, _ *gatewaytest.Log, own, _ *Table) { mustReserve(t, own, file) }},
		"another beside it": {false, func(t *testing.T, _ *gatewaytest.Log, _, other *Table) {
			mustReserve(t, other, Name{Path: "/g", Shared: true})
		}},
		"another that is expelled": {true, func(t *testing.T, log *gatewaytest.Log, _, other *Table) {
			mustReserve(t, other, file)
			log.Expel(log.Gateways()[1], true)
		}},
		"it is expelled":      {true, func(t *testing.T, log *gatewaytest.Log, _, _ *Table) { log.Expel(log.Gateways()[0], true) }},
		"who cannot be asked": {true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			log, gateways := gatewaytest.New(t, 2)
			log.Lag()
			all := tables(t, gateways, Options{})
			r := mustReserve(t, all[0], file)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if c.do == nil {
				cancel(errors.New("no answer"))
			} else {
				c.do(t, log, all[0], all[1])
			}
			if got := r.Crossed(ctx); got != c.want {
				t.Errorf("crossed %v, want %v", got, c.want)
			}
			if told := r.Told("/f"); slices.Equal(told, []string{`"e"`}) != (name == "another that has stored") || len(told) > 1 || len(r.Told("/g")) > 0 {
				t.Errorf("told %v", told)
			}
		})
	}
}
