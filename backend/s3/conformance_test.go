package s3_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/s3"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard/stores"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestConformance shows that a file system on the store behaves as programs
// expect, but for what is declared.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	cfg := newGateway(t).config(t)
	whole, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	stores.Run(t, stores.Store{
		Name: "vfs over S3 (versitygw)",
		Open: func(tb conformance.TB) backend.Backend {
			cfg := cfg
			cfg.Root = fmt.Sprint("test-", n.Add(1))
			if err := whole.Mkdir(t.Context(), cfg.Root); err != nil {
				tb.Fatalf("%v", err)
			}
			b, err := s3.New(t.Context(), cfg)
			if err != nil {
				tb.Fatalf("%v", err)
			}
			return b
		},
		Like: whole,
		Has:  []conformance.Capability{conformance.DirUpdates}, // no case asks for it without DirTimes
		Options: []conformance.Option{
			conformance.Refuses(conformance.Chtimes, "S3 keeps no times of its users"),
			conformance.Refuses(conformance.DirTimes, "S3 keeps no times of folders"),
			conformance.Refuses(conformance.RemoveOpen, "S3 has no open files: what is removed or replaced while it is read is told"),
			conformance.Within(conformance.Limits{TimePrecision: time.Second, Why: "S3 tells whole seconds"}),
			conformance.Parallel(4),
		},
		Slow: true,
	})
}
