package crypt_test

import (
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/vfs"
)

// TestConformance runs what is about data over an encrypted store, with names
// that need one lookup and with names that need two.
func TestConformance(t *testing.T) {
	for name, opts := range map[string]crypt.Options{"encrypted folders": {}, "plain folders": {PlainFolders: true}} {
		t.Run(name, func(t *testing.T) {
			conformance.Run(t, func(tb conformance.TB) afero.Fs {
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
			},
				conformance.Refuses(conformance.Chmod, "stores have no permissions"),
				conformance.Refuses(conformance.Chown, "stores have no owners"),
				conformance.Ignores(conformance.Modes, "stores have no permissions"),
				conformance.Ignores(conformance.DirUpdates, "the store leaves the time of a folder alone when an entry comes or goes"),
				conformance.Within(conformance.Limits{Forbidden: "\uFFFD", Why: "names are UTF-8, in JSON and in addresses"}),
				conformance.UpTo(conformance.Data), conformance.Effort(50, 40),
			)
		})
	}
}
