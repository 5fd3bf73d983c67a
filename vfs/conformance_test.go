package vfs_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/vfs/vfstest"
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

// A store is one to be tried.
type store struct {
	name string // in docs/conformance.md; empty: not there
	open func(tb conformance.TB) backend.Backend
	like backend.Backend          // declares as those that are opened
	has  []conformance.Capability // see vfstest.Declarations
	opts []conformance.Option
}

// conform runs the suite on a store with every setting of caches: whole with
// metadata, as served by default, and where it is about data, with a smaller
// random part, with the others. At the level long all are run whole.
func conform(t *testing.T, s store) {
	for name, cache := range caches() {
		t.Run(name, func(t *testing.T) {
			opts := slices.Concat(vfstest.Declarations(s.like, s.has...), s.opts)
			if name != "metadata" && !testlevel.Long() {
				opts = append(opts, conformance.UpTo(conformance.Data), conformance.Effort(50, 40))
			}
			report := conformance.Run(t, func(tb conformance.TB) afero.Fs {
				f, err := vfs.New(s.open(tb), cache(tb)...)
				if err != nil {
					tb.Fatalf("%v", err)
				}
				tb.Cleanup(func() { f.Close() })
				return f
			}, opts...)
			if name == "metadata" && s.name != "" {
				scoreboard.Check(t, s.name, "davdisk", report)
			}
		})
	}
}

func TestConformanceMemory(t *testing.T) {
	conform(t, store{
		name: "vfs over memory",
		open: func(conformance.TB) backend.Backend { return memory.New(memory.Options{}) },
		like: new(memory.Backend),
	})
}

func TestConformanceLocal(t *testing.T) {
	s := store{
		name: "vfs over a local folder",
		open: func(tb conformance.TB) backend.Backend {
			b, err := local.New(tb.TempDir(), local.Options{})
			if err != nil {
				tb.Fatalf("%v", err)
			}
			return b
		},
		like: new(local.Backend),
		has:  []conformance.Capability{conformance.DirUpdates},
		opts: []conformance.Option{conformance.Parallel(4)},
	}
	if !testlevel.Long() {
		s.opts = append(s.opts, conformance.Effort(200, 40)) // most of it is waiting for the disk
	}
	conform(t, s)
}

func TestConformanceYandex(t *testing.T) {
	for name, knobs := range map[string]emulator.Knobs{
		"synchronous":  {Async: "never"},
		"asynchronous": {Async: "always", OperationDelay: 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			srv := startEmulator(t, emulator.Options{Knobs: knobs})
			disk := connect(t, srv, yandex.Config{})
			var cases atomic.Int64
			s := store{
				open: func(tb conformance.TB) backend.Backend {
					root := fmt.Sprintf("case-%d", cases.Add(1))
					if err := disk.Mkdir(t.Context(), root); err != nil {
						tb.Fatalf("%v", err)
					}
					return connect(tb, srv, yandex.Config{Root: root, StateDir: tb.TempDir()})
				},
				like: disk,
				opts: []conformance.Option{
					conformance.Parallel(8),
					conformance.Within(conformance.Limits{FileSize: 1 << 30, Why: "what a free account may upload"}),
				},
			}
			if knobs.OperationDelay == 0 {
				s.name = "vfs over Yandex Disk (emulated)"
			}
			if knobs.OperationDelay > 0 && !testlevel.Long() {
				// Most of it would be waiting for operations.
				s.opts = append(s.opts, conformance.UpTo(conformance.Data), conformance.Effort(50, 40))
			}
			conform(t, s)
		})
	}
}

func startEmulator(tb testing.TB, opts emulator.Options) *emulator.Server {
	tb.Helper()
	srv, err := emulator.Start(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { srv.Close() })
	return srv
}

// connect opens the disk of an emulator, without limits and long waits.
func connect(tb conformance.TB, srv *emulator.Server, cfg yandex.Config) *yandex.Backend {
	cfg.APIURL, cfg.Token = srv.URL, yandex.StaticToken(srv.Token)
	cfg.Rate, cfg.RetryWait, cfg.ModTimeWait = -1, time.Millisecond, 10*time.Millisecond
	b, err := yandex.New(cfg)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}
