// Package stores runs the conformance suite on file systems over a store, with
// every kind of cache that package vfs has, and checks the score.
package stores

import (
	"slices"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

// A Store is one to be tried.
type Store struct {
	Name    string                                  // in docs/conformance.md; empty: not there
	Open    func(tb conformance.TB) backend.Backend // makes an empty one
	Like    backend.Backend                         // declares as those that Open makes
	Has     []conformance.Capability                // see vfstest.Declarations
	Options []conformance.Option
	Slow    bool // its calls take a while, so nobody does without a cache
}

// Run runs the suite on a store with every kind of cache, in a subtest each:
// whole with metadata, as served by default, and where it is about data, with a
// smaller random part, with the others and on a slow store. At the level long all
// are run whole.
func Run(t *testing.T, s Store) {
	for name, cache := range Caches() {
		if s.Slow && name == noCache {
			continue
		}
		t.Run(name, func(t *testing.T) {
			opts := slices.Concat(vfstest.Declarations(s.Like, s.Has...), s.Options)
			switch {
			case testlevel.Long():
			case s.Slow:
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(10, 40))
			case name != metadata:
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(50, 40))
			}
			report := conformance.Run(t, func(tb conformance.TB) afero.Fs {
				f, err := vfs.New(s.Open(tb), cache(tb)...)
				if err != nil {
					tb.Fatalf("%v", err)
				}
				tb.Cleanup(func() { f.Close() })
				return f
			}, opts...)
			if name == metadata && s.Name != "" {
				scoreboard.Check(t, s.Name, "davdisk", report)
			}
		})
	}
}

// Names of settings that Run treats in a way of their own.
const noCache, metadata = "no cache", "metadata"

// Caches are the settings that every store is tried with.
func Caches() map[string]func(tb conformance.TB) []vfs.Option {
	return map[string]func(tb conformance.TB) []vfs.Option{
		noCache: func(conformance.TB) []vfs.Option {
			return []vfs.Option{vfs.WithDirCache(0, 0)}
		},
		metadata: func(conformance.TB) []vfs.Option { return nil },
		"content": func(tb conformance.TB) []vfs.Option {
			return []vfs.Option{vfs.WithCacheDir(tb.TempDir(), 64<<20), vfs.WithStateDir(tb.TempDir())}
		},
	}
}
