package yandex_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestContract runs the contract on the service as it is believed to be, and
// with each undocumented point the other way round.
func TestContract(t *testing.T) {
	for name, knobs := range map[string]emulator.Knobs{
		"as it is":           {},
		"asynchronous":       {Async: "always", OperationPolls: 1},
		"synchronous":        {Async: "never"},
		"accepted uploads":   {Upload202: true, OperationPolls: 1},
		"old operation link": {Async: "always", OperationQuery: true, OperationHTTP: true},
		"sparse answers":     {EmptySizeAbsent: true},
		"short pages":        {MaxPage: 3},
		"overwriting":        {OverwriteNew: true, OverwriteDropsProperties: true, OverwriteMerges: true, CopyDropsProperties: true},

		"no copy over":       {CopyOverwriteRefused: true},
		"one host":           {NoRedirect: true},
		"gradual operations": {Async: "always", OperationPolls: 3, OperationGradual: true},
		"no locks":           {Async: "always", OperationPolls: 1, OperationNoLock: true},
		"other times":        {FolderModified: true, PatchKeepsModified: true, OrderedKeys: true, NameLimitBytes: true},
		"trusting uploader":  {UploaderTrusts: true, NoResume: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
				_, b := start(tb, emulator.Options{Knobs: knobs}, yandex.Config{})
				return b
			}, unseen()...)
		})
	}
}

// unseen is what the contract cannot see in a test of one process.
func unseen() []backendtest.Option {
	return []backendtest.Option{
		backendtest.Unseen("NoConditionalPut", "the last block of an upload is held back until the version has been compared again"),
		backendtest.Unseen("NoAtomicMove", "the emulator shows steps with one of its knobs only"),
	}
}

// TestSecure runs the contract over https, where the service gives links to
// operations with the scheme http, as it did until about 2019. Following one
// would send the token in clear.
func TestSecure(t *testing.T) {
	backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
		srv, err := emulator.Start(emulator.Options{TLS: true, Knobs: emulator.Knobs{Async: "always", OperationHTTP: true}})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { srv.Close() })
		authority, err := srv.CACert()
		if err != nil {
			tb.Fatal(err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(authority) {
			tb.Fatal("the emulator's authority cannot be read")
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
		tb.Cleanup(transport.CloseIdleConnections)
		return connect(tb, srv, yandex.Config{Transport: transport})
	}, unseen()...)
}

// start serves an emulator and opens its disk.
func start(tb backendtest.TB, opts emulator.Options, cfg yandex.Config) (*emulator.Server, *yandex.Backend) {
	tb.Helper()
	srv, err := emulator.Start(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { srv.Close() })
	return srv, connect(tb, srv, cfg)
}

// connect opens the disk of an emulator, without limits and long waits.
func connect(tb backendtest.TB, srv *emulator.Server, cfg yandex.Config) *yandex.Backend {
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
