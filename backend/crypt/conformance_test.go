package crypt_test

import (
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard"
	"github.com/davdisk/davdisk/vfs"
)

// TestConformance runs the suite over an encrypted store, and what is about data
// where a file and a folder of one name are at two places.
func TestConformance(t *testing.T) {
	over := func(opts crypt.Options) conformance.Maker {
		return func(tb conformance.TB) afero.Fs {
			b, err := crypt.NewWithKeys(t.Context(), roomy{memory.New(memory.Options{})}, testKeys(), opts)
			if err != nil {
				tb.Fatalf("%v", err)
			}
			f, err := vfs.New(b)
			if err != nil {
				tb.Fatalf("%v", err)
			}
			tb.Cleanup(func() { f.Close() })
			return f
		}
	}
	declared := []conformance.Option{
		conformance.Refuses(conformance.Chmod, "stores have no permissions"),
		conformance.Refuses(conformance.Chown, "stores have no owners"),
		conformance.Ignores(conformance.Modes, "stores have no permissions"),
		conformance.Ignores(conformance.DirUpdates, "the store leaves the time of a folder alone when an entry comes or goes"),
		conformance.Within(conformance.Limits{Forbidden: "\uFFFD", Why: "names are UTF-8, in JSON and in addresses"}),
	}
	t.Run("encrypted folders", func(t *testing.T) {
		scoreboard.Run(t, "vfs over an encrypted store in memory", "davdisk", "", over(crypt.Options{}), declared...)
	})
	t.Run("plain folders", func(t *testing.T) {
		conformance.Run(t, over(crypt.Options{PlainFolders: true}), append(declared, conformance.UpTo(conformance.Data), conformance.Effort(50, 40))...)
	})
}
