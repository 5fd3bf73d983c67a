package sftp

import (
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
)

// TestConformance shows that a file system on the store, with both kinds of
// cache, behaves as programs expect, but for what is declared. Below the level long
// it is about what loses data.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	s := newServer(t)
	for name, cache := range map[string]func(conformance.TB) []vfs.Option{
		"metadata": func(conformance.TB) []vfs.Option { return nil },
		"content": func(tb conformance.TB) []vfs.Option {
			return []vfs.Option{vfs.WithCacheDir(tb.TempDir(), 64<<20), vfs.WithStateDir(tb.TempDir())}
		},
	} {
		t.Run(name, func(t *testing.T) {
			opts := []conformance.Option{
				conformance.Refuses(conformance.Chmod, "vfs has no permissions"),
				conformance.Refuses(conformance.Chown, "vfs has no owners"),
				conformance.Ignores(conformance.Modes, "vfs has no permissions"),
				conformance.Ignores(conformance.DirUpdates, "the cache shows the time of a folder that it had when it was listed"),
				conformance.Within(conformance.Limits{Forbidden: "\uFFFD", Why: "names are UTF-8"}),
				conformance.Within(conformance.Limits{TimePrecision: time.Second, Why: "SFTP has whole seconds"}),
				conformance.Parallel(4),
			}
			if !testlevel.Long() {
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(10, 40))
			}
			conformance.Run(t, func(tb conformance.TB) afero.Fs {
				b, err := New(t.Context(), s.options(tb.TempDir()))
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
