package vfs_test

import (
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/vfs"
)

// limits are what no store has.
func limits() []conformance.Option {
	return []conformance.Option{
		conformance.Refuses(conformance.Chmod, "stores have no permissions"),
		conformance.Refuses(conformance.Chown, "stores have no owners"),
		conformance.Ignores(conformance.Modes, "stores have no permissions"),
		conformance.Ignores(conformance.DirUpdates, "a folder keeps its time when an entry comes or goes"),
		conformance.Within(conformance.Limits{Forbidden: "\uFFFD"}), // in JSON and in addresses names are UTF-8
	}
}

func TestConformanceMemory(t *testing.T) {
	conformance.Run(t, func(tb conformance.TB) afero.Fs {
		f, err := vfs.New(memory.New(memory.Options{}))
		if err != nil {
			tb.Fatalf("%v", err)
		}
		tb.Cleanup(func() { f.Close() })
		return f
	}, limits()...)
}
