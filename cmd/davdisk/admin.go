package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/davdisk/davdisk/webdav"
)

// An admin is the server on --admin-addr: /healthz for those who watch the
// process, /metrics for Prometheus. It asks for no password, so it belongs on
// an address that only they reach.
type admin struct {
	set     *metrics.Set
	server  *http.Server
	serving sync.WaitGroup
	addr    net.Addr
}

// startAdmin listens on addr.
func startAdmin(ctx context.Context, addr string) (*admin, error) {
	l, err := listen(ctx, addr, false, true)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	a := &admin{set: metrics.NewSet(), addr: l.Addr(), server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		a.set.WritePrometheus(w)
		metrics.WriteProcessMetrics(w)
	})
	a.serving.Go(func() { _ = a.server.Serve(l) }) // ends by Close
	return a, nil
}

// observe counts one request.
func (a *admin) observe(o webdav.Observation) {
	labels := fmt.Sprintf(`{method=%s,status="%d"}`, strconv.Quote(knownMethod(o.Method)), o.Status)
	a.set.GetOrCreateCounter("davdisk_requests_total" + labels).Inc()
	a.set.GetOrCreateCounter("davdisk_response_bytes_total" + labels).Add(int(o.Bytes))
	a.set.GetOrCreateCounter("davdisk_upstream_requests_total" + labels).Add(o.Upstream)
	a.set.GetOrCreateHistogram(fmt.Sprintf(`davdisk_request_seconds{method=%s}`, strconv.Quote(knownMethod(o.Method)))).Update(o.Duration.Seconds())
	if o.Cut {
		a.set.GetOrCreateCounter("davdisk_cut_answers_total").Inc()
	}
}

// knownMethod keeps clients from making up labels without end.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "POST", "DELETE", "MKCOL", "COPY", "MOVE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK":
		return method
	}
	return "other"
}

// Close ends the server.
func (a *admin) Close() error {
	err := a.server.Close()
	a.serving.Wait()
	return err
}
