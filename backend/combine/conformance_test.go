package combine_test

import (
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard/stores"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestConformance shows that the folder of a store behaves as programs expect.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	open := func(tb conformance.TB) backend.Backend {
		b, err := combine.New(map[string]backend.Backend{"one": memory.New(memory.Options{}), "two": memory.New(memory.Options{})})
		if err != nil {
			tb.Fatalf("%v", err)
		}
		return b
	}
	stores.Run(t, stores.Store{
		Name:    "vfs over a folder of combined stores in memory",
		Open:    open,
		Like:    open(t),
		Options: []conformance.Option{conformance.Under(func(conformance.TB) string { return "/one" })},
	})
}
