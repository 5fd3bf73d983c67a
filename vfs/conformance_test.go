package vfs_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard/stores"
	"github.com/davdisk/davdisk/internal/testlevel"
)

func TestConformanceMemory(t *testing.T) {
	stores.Run(t, stores.Store{
		Name: "vfs over memory",
		Open: func(conformance.TB) backend.Backend { return memory.New(memory.Options{}) },
		Like: new(memory.Backend),
	})
}

func TestConformanceLocal(t *testing.T) {
	s := stores.Store{
		Name: "vfs over a local folder",
		Open: func(tb conformance.TB) backend.Backend {
			b, err := local.New(tb.TempDir(), local.Options{})
			if err != nil {
				tb.Fatalf("%v", err)
			}
			return b
		},
		Like:    new(local.Backend),
		Has:     []conformance.Capability{conformance.DirUpdates},
		Options: []conformance.Option{conformance.Parallel(4)},
	}
	if !testlevel.Long() {
		s.Options = append(s.Options, conformance.Effort(200, 40)) // most of it is waiting for the disk
	}
	stores.Run(t, s)
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
			s := stores.Store{
				Open: func(tb conformance.TB) backend.Backend {
					root := fmt.Sprintf("case-%d", cases.Add(1))
					if err := disk.Mkdir(t.Context(), root); err != nil {
						tb.Fatalf("%v", err)
					}
					return connect(tb, srv, yandex.Config{Root: root, StateDir: tb.TempDir()})
				},
				Like: disk,
				Options: []conformance.Option{
					conformance.Parallel(8),
					conformance.Within(conformance.Limits{FileSize: 1 << 30, Why: "what a free account may upload"}),
				},
			}
			if knobs.OperationDelay == 0 {
				s.Name = "vfs over Yandex Disk (emulated)"
			}
			if knobs.OperationDelay > 0 && !testlevel.Long() {
				// Most of it would be waiting for operations.
				s.Options = append(s.Options, conformance.UpTo(conformance.Data), conformance.Effort(50, 40))
			}
			stores.Run(t, s)
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
