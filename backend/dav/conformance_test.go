package dav_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/dav"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard/stores"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestConformance shows that a file system on the store behaves as programs
// expect, but for what is declared.
func TestConformance(t *testing.T) {
	testlevel.NeedMore(t)
	srv := davdisk(t)
	cfg := dav.Config{URL: srv.URL, AtomicMove: true, StateDir: t.TempDir()}
	whole, err := dav.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	stores.Run(t, stores.Store{
		Name: "vfs over WebDAV (davdisk)",
		Open: func(tb conformance.TB) backend.Backend {
			cfg := cfg
			cfg.Root = fmt.Sprint("test-", n.Add(1))
			if err := whole.Mkdir(t.Context(), cfg.Root); err != nil {
				tb.Fatalf("%v", err)
			}
			b, err := dav.New(t.Context(), cfg)
			if err != nil {
				tb.Fatalf("%v", err)
			}
			return b
		},
		Like: whole,
		Options: []conformance.Option{
			conformance.Refuses(conformance.RemoveOpen, "WebDAV has no open files: what is removed or replaced while it is read is told"),
			conformance.Within(conformance.Limits{TimePrecision: time.Second, Why: "HTTP has whole seconds"}),
			conformance.Parallel(4),
		},
		Slow: true,
	})
}
