package crypt_test

import (
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard/stores"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestConformance runs the suite over an encrypted store.
func TestConformance(t *testing.T) {
	s := encrypted(t, crypt.Options{})
	s.Name = "vfs over an encrypted store in memory"
	stores.Run(t, s)
}

// TestConformancePlainFolders runs it where a file and a folder of one name are at
// two places.
func TestConformancePlainFolders(t *testing.T) {
	testlevel.NeedMore(t)
	stores.Run(t, encrypted(t, crypt.Options{PlainFolders: true}))
}

// encrypted is a store in memory, as the suite is to try it.
func encrypted(t *testing.T, opts crypt.Options) stores.Store {
	open := func(tb conformance.TB) backend.Backend {
		b, err := crypt.NewWithKeys(t.Context(), roomy{memory.New(memory.Options{})}, testKeys(), opts)
		if err != nil {
			tb.Fatalf("%v", err)
		}
		return b
	}
	return stores.Store{Open: open, Like: open(t)}
}
