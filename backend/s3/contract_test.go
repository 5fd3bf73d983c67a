package s3_test

import (
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/s3"
)

// fake serves a bucket of files in memory.
func fake(tb testing.TB) s3.Config {
	tb.Helper()
	files := s3mem.New()
	if err := files.CreateBucket("bucket"); err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(files, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	tb.Cleanup(srv.Close)
	return s3.Config{Endpoint: srv.URL, Region: "us-east-1", Bucket: "bucket", AccessKey: "anna", SecretKey: "se-cret"}
}

// TestContract runs the whole contract over a server in this process. Files from
// 64 KiB on are sent in parts.
func TestContract(t *testing.T) {
	cfg := fake(t)
	cfg.StateDir, cfg.PartSize = t.TempDir(), 64<<10
	run(t, cfg, backendtest.Unseen("NoConditionalPut", "the server ignores conditions of files in parts alone, and these files are smaller"))
}

// run runs the contract in a folder of the bucket for each test.
func run(t *testing.T, cfg s3.Config, opts ...backendtest.Option) {
	t.Helper()
	whole, err := s3.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		cfg := cfg
		cfg.Root = fmt.Sprint("test-", n.Add(1))
		if err := whole.Mkdir(tb.Context(), cfg.Root); err != nil {
			tb.Fatal(err)
		}
		b, err := s3.New(tb.Context(), cfg)
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}, opts...)
}
