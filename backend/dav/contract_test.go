package dav_test

import (
	"fmt"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/dav"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

// davdisk serves a memory store by davdisk's own handler.
func davdisk(tb testing.TB) *httptest.Server {
	tb.Helper()
	var files afero.Fs
	files, err := vfs.New(memory.New(memory.Options{}))
	if err != nil {
		tb.Fatal(err)
	}
	handler, err := webdav.NewHandler(files)
	if err != nil {
		tb.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	tb.Cleanup(srv.Close)
	return srv
}

// TestContract runs the whole contract over davdisk's own handler.
func TestContract(t *testing.T) {
	srv := davdisk(t)
	run(t, dav.Config{URL: srv.URL, AtomicMove: true, StateDir: t.TempDir()})
}

// run runs the contract in a folder of the server for each test.
func run(t *testing.T, cfg dav.Config, opts ...backendtest.Option) {
	t.Helper()
	var n atomic.Int64
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		whole, err := dav.New(tb.Context(), cfg)
		if err != nil {
			tb.Fatal(err)
		}
		cfg := cfg
		cfg.Root = fmt.Sprint("test-", n.Add(1))
		if err := whole.Mkdir(tb.Context(), cfg.Root); err != nil {
			tb.Fatal(err)
		}
		b, err := dav.New(tb.Context(), cfg)
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}, opts...)
}
