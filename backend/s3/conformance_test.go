package s3_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/s3"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
)

// TestConformance shows that a file system on the store, with both kinds of
// cache, behaves as programs expect, but for what is declared. Below the level long
// it is about what loses data.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	cfg := newGateway(t).config(t)
	whole, err := s3.New(t.Context(), cfg)
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
			opts := append(vfstest.Declarations(whole),
				conformance.Refuses(conformance.Chtimes, "S3 keeps no times of its users"),
				conformance.Refuses(conformance.DirTimes, "S3 keeps no times of folders"),
				conformance.Refuses(conformance.RemoveOpen, "S3 has no open files: what is removed or replaced while it is read is told"),
				conformance.Within(conformance.Limits{TimePrecision: time.Second, Why: "S3 tells whole seconds"}),
				conformance.Parallel(4),
			)
			if !testlevel.Long() {
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(10, 40))
			}
			conformance.Run(t, func(tb conformance.TB) afero.Fs {
				cfg := cfg
				cfg.Root = fmt.Sprint("test-", n.Add(1))
				if err := whole.Mkdir(t.Context(), cfg.Root); err != nil {
					tb.Fatalf("%v", err)
				}
				b, err := s3.New(t.Context(), cfg)
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
