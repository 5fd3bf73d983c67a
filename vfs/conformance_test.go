package vfs_test

import (
	"os"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/vfs"
)

// caches are the settings that every store is tried with.
func caches() map[string]func(tb conformance.TB) []vfs.Option {
	return map[string]func(tb conformance.TB) []vfs.Option{
		"no cache": func(conformance.TB) []vfs.Option {
			return []vfs.Option{vfs.WithDirCache(0, 0)}
		},
		"metadata": func(conformance.TB) []vfs.Option { return nil },
		"content": func(tb conformance.TB) []vfs.Option {
			return []vfs.Option{vfs.WithCacheDir(tb.TempDir(), 64<<20), vfs.WithStateDir(tb.TempDir())}
		},
	}
}

// limits are what no store has.
func limits() []conformance.Option {
	return []conformance.Option{
		conformance.Refuses(conformance.Chmod, "stores have no permissions"),
		conformance.Refuses(conformance.Chown, "stores have no owners"),
		conformance.Ignores(conformance.Modes, "stores have no permissions"),
		conformance.Within(conformance.Limits{Forbidden: "\uFFFD", Why: "names are UTF-8, in JSON and in addresses"}),
	}
}

// conform runs the suite on a store with every setting of caches: whole with
// the first, where it is about data with the others, unless DAVDISK_LONG is
// set.
func conform(t *testing.T, open func(tb conformance.TB) backend.Backend, opts ...conformance.Option) {
	for name, cache := range caches() {
		t.Run(name, func(t *testing.T) {
			opts := append(limits(), opts...)
			if name != "metadata" && os.Getenv("DAVDISK_LONG") == "" {
				opts = append(opts, conformance.UpTo(conformance.Data))
			}
			conformance.Run(t, func(tb conformance.TB) afero.Fs {
				f, err := vfs.New(open(tb), cache(tb)...)
				if err != nil {
					tb.Fatalf("%v", err)
				}
				tb.Cleanup(func() { f.Close() })
				return f
			}, opts...)
		})
	}
}

func TestConformanceMemory(t *testing.T) {
	conform(t, func(conformance.TB) backend.Backend { return memory.New(memory.Options{}) },
		conformance.Ignores(conformance.DirUpdates, "a folder keeps its time when an entry comes or goes"))
}

func TestConformanceLocal(t *testing.T) {
	conform(t, func(tb conformance.TB) backend.Backend {
		b, err := local.New(tb.TempDir(), local.Options{})
		if err != nil {
			tb.Fatalf("%v", err)
		}
		return b
	})
}

var _ = time.Second
