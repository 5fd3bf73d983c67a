package webdav

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/VictoriaMetrics/metrics"
)

// An Admin answers those who look after a server, on an address of its own:
// /healthz for a supervisor and /metrics for Prometheus. It asks for no
// password and tells no names, so the address should be one that only they
// reach. It may be used by many goroutines.
//
//	admin := webdav.NewAdmin(nil)
//	handler, err := webdav.NewHandler(fs, webdav.WithObserver(admin.Observe))
//	…
//	http.ListenAndServe("127.0.0.1:9090", admin)
type Admin struct {
	healthy func(ctx context.Context) error
	set     *metrics.Set
	mux     *http.ServeMux
}

// NewAdmin returns an Admin. healthy is asked by each /healthz, which answers
// 200 if it returns nil and 503 with its error if not; nil means that to answer
// is to be healthy.
func NewAdmin(healthy func(ctx context.Context) error) *Admin {
	if healthy == nil {
		healthy = func(context.Context) error { return nil }
	}
	a := &Admin{healthy: healthy, set: metrics.NewSet(), mux: http.NewServeMux()}
	a.mux.HandleFunc("GET /healthz", a.health)
	a.mux.HandleFunc("GET /metrics", a.metrics)
	return a
}

// Observe counts a request that has been answered. It is made for
// [WithObserver].
func (a *Admin) Observe(o Observation) {
	method := o.Method
	if !slices.Contains(countedMethods(), method) {
		method = "other" // anybody can make up methods without end
	}
	a.set.GetOrCreateCounter(fmt.Sprintf(`davdisk_requests_total{method=%q,status="%d"}`, method, o.Status)).Inc()
	a.set.GetOrCreatePrometheusHistogram(fmt.Sprintf(`davdisk_request_duration_seconds{method=%q}`, method)).Update(o.Duration.Seconds())
	a.set.GetOrCreateCounter(`davdisk_response_bytes_total`).AddInt64(o.Bytes)
	a.set.GetOrCreateCounter(`davdisk_upstream_requests_total`).Add(o.Upstream)
	if o.Cut {
		a.set.GetOrCreateCounter(`davdisk_requests_cut_total`).Inc()
	}
}

// Gauge adds a figure to /metrics, which is asked for each time. It is given
// once for each name.
func (a *Admin) Gauge(name string, value func() float64) { a.set.NewGauge(name, value) }

// ServeHTTP answers /healthz and /metrics.
func (a *Admin) ServeHTTP(w http.ResponseWriter, req *http.Request) { a.mux.ServeHTTP(w, req) }

func (a *Admin) health(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := a.healthy(req.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

func (a *Admin) metrics(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	a.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
}

func countedMethods() []string {
	return []string{
		"OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH",
		"MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "POST", "PATCH", "REPORT", "SEARCH",
	}
}
