package yandex_test

import (
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestContract runs the contract on the service as it is believed to be, and
// with each point that is in doubt the other way round.
func TestContract(t *testing.T) {
	for name, knobs := range map[string]emulator.Knobs{
		"as it is":           {},
		"asynchronous":       {Async: "always", OperationPolls: 1},
		"synchronous":        {Async: "never"},
		"accepted uploads":   {Upload202: true, OperationPolls: 1},
		"old operation link": {Async: "always", OperationQuery: true, OperationHTTP: true},
		"sparse answers":     {EmbeddedAbsent: true, EmptySizeAbsent: true},
		"short pages":        {MaxPage: 3},
		"overwriting":        {OverwriteNew: true, OverwriteDropsProperties: true, OverwriteMerges: true, CopyDropsProperties: true},

		"no copy over":      {CopyOverwriteRefused: true},
		"one host":          {NoRedirect: true},
		"trusting uploader": {UploaderTrusts: true, NoResume: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, func(tb testing.TB) backend.Backend {
				_, b := start(tb, emulator.Options{Knobs: knobs}, yandex.Config{})
				return b
			})
		})
	}
}

// start serves an emulator and opens its disk.
func start(tb testing.TB, opts emulator.Options, cfg yandex.Config) (*emulator.Server, *yandex.Backend) {
	tb.Helper()
	srv, err := emulator.Start(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { srv.Close() })
	return srv, connect(tb, srv, cfg)
}

// connect opens the disk of an emulator, without limits and long waits.
func connect(tb testing.TB, srv *emulator.Server, cfg yandex.Config) *yandex.Backend {
	tb.Helper()
	cfg.APIURL = srv.URL
	if cfg.Token == nil {
		cfg.Token = yandex.StaticToken(srv.Token)
	}
	if cfg.Rate == 0 {
		cfg.Rate = -1
	}
	if cfg.RetryWait == 0 {
		cfg.RetryWait = time.Millisecond
	}
	if cfg.ModTimeWait == 0 {
		cfg.ModTimeWait = 10 * time.Millisecond
	}
	if cfg.After == nil { // a clock ten times as fast
		cfg.After = func(d time.Duration) <-chan time.Time { return time.After(d / 10) }
	}
	b, err := yandex.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}
