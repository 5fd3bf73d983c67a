package dav_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/dav"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
)

// TestConformance shows that a file system on the store, with both kinds of
// cache, behaves as programs expect, but for what is declared. At the usual level
// it is about what loses data.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	srv := davdisk(t)
	cfg := dav.Config{URL: srv.URL, AtomicMove: true, StateDir: t.TempDir()}
	whole, err := dav.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
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
				conformance.Ignores(conformance.DirUpdates, "the store leaves the time of a folder alone when an entry comes or goes"),
				conformance.Ignores(conformance.DistinctForms, "davdisk's handler finds a name in either form"),
				conformance.Refuses(conformance.RemoveOpen, "WebDAV has no open files: what is removed or replaced while it is read is told"),
				conformance.Within(conformance.Limits{Forbidden: "\uFFFD", TimePrecision: time.Second, Why: "names are UTF-8, times those of HTTP"}),
				conformance.Parallel(4),
			}
			if !testlevel.Long() {
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(10, 40))
			}
			conformance.Run(t, func(tb conformance.TB) afero.Fs {
				cfg := cfg
				cfg.Root = fmt.Sprint("test-", n.Add(1))
				if err := whole.Mkdir(t.Context(), cfg.Root); err != nil {
					tb.Fatalf("%v", err)
				}
				b, err := dav.New(t.Context(), cfg)
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
