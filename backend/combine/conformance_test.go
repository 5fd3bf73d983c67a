package combine_test

import (
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

// TestConformance shows that the folder of a store, with both kinds of cache,
// behaves as programs expect. Below the level long it is about what loses data.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	stores := func() map[string]backend.Backend {
		return map[string]backend.Backend{"one": memory.New(memory.Options{}), "two": memory.New(memory.Options{})}
	}
	for name, cache := range map[string]func(conformance.TB) []vfs.Option{
		"metadata": func(conformance.TB) []vfs.Option { return nil },
		"content": func(tb conformance.TB) []vfs.Option {
			return []vfs.Option{vfs.WithCacheDir(tb.TempDir(), 64<<20), vfs.WithStateDir(tb.TempDir())}
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := append(vfstest.Declarations(newCombine(t, stores())), conformance.Under(func(conformance.TB) string { return "/one" }))
			if !testlevel.Long() {
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(10, 40))
			}
			conformance.Run(t, func(tb conformance.TB) afero.Fs {
				b, err := combine.New(stores())
				if err != nil {
					tb.Fatalf("%v", err)
				}
				f, err := vfs.New(b, cache(tb)...)
				if err != nil {
					tb.Fatalf("%v", err)
				}
				tb.Cleanup(func() { f.Close() })
				return f
			}, opts...)
		})
	}
}
