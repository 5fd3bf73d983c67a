// Package admin answers those who look after a server: health and metrics.
package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/davdisk/davdisk/webdav/server"
)

// A Handler answers those who look after a server, on an address of its own:
// /healthz for a supervisor and /metrics for Prometheus. It asks for no
// password and reveals no names, so the address should be one that only they
// reach. It may be used by many goroutines.
//
//	h := admin.New(nil)
//	handler, err := server.New(next, server.WithObserver(h.Observe))
//	…
//	http.ListenAndServe("127.0.0.1:9090", h)
type Handler struct {
	healthy func(ctx context.Context) error
	figures *prometheus.Registry
	mux     *http.ServeMux

	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	bytes     prometheus.Counter
	upstream  prometheus.Counter
	cut       prometheus.Counter
}

// New returns a Handler. healthy is asked by each /healthz, which answers
// 200 if it returns nil and 503 with its error if not; nil means that to answer
// is to be healthy.
func New(healthy func(ctx context.Context) error) *Handler {
	if healthy == nil {
		healthy = func(context.Context) error { return nil }
	}
	a := &Handler{
		healthy: healthy,
		figures: prometheus.NewPedanticRegistry(),
		mux:     http.NewServeMux(),

		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "davdisk_requests_total", Help: "Requests answered.",
		}, []string{"method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "davdisk_request_duration_seconds", Help: "Time from a request to the end of its answer.",
		}, []string{"method"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "davdisk_response_bytes_total", Help: "Bytes of bodies sent to clients.",
		}),
		upstream: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "davdisk_upstream_requests_total", Help: "Requests made to the store on behalf of clients.",
		}),
		cut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "davdisk_requests_cut_total", Help: "Answers that could not be sent whole.",
		}),
	}
	a.figures.MustRegister(a.requests, a.durations, a.bytes, a.upstream, a.cut,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.mux.HandleFunc("GET /healthz", a.health)
	a.mux.Handle("GET /metrics", promhttp.HandlerFor(a.figures, promhttp.HandlerOpts{}))
	return a
}

// Observe counts a request that has been answered. It is made for
// [server.WithObserver].
func (a *Handler) Observe(o server.Observation) {
	method := o.Method
	if !slices.Contains(countedMethods(), method) {
		method = "other" // anybody can make up methods without end
	}
	a.requests.WithLabelValues(method, strconv.Itoa(o.Status)).Inc()
	a.durations.WithLabelValues(method).Observe(o.Duration.Seconds())
	a.bytes.Add(float64(o.Bytes))
	a.upstream.Add(float64(o.Upstream))
	if o.Cut {
		a.cut.Inc()
	}
}

// Gauge adds a figure to /metrics, which is asked for each time, and what it
// tells. It is given once for each name.
func (a *Handler) Gauge(name, help string, value func() float64) {
	a.figures.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// ServeHTTP answers /healthz and /metrics.
func (a *Handler) ServeHTTP(w http.ResponseWriter, req *http.Request) { a.mux.ServeHTTP(w, req) }

func (a *Handler) health(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := a.healthy(req.Context()); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

func countedMethods() []string {
	return []string{
		"OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH",
		"MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "POST", "PATCH", "REPORT", "SEARCH",
	}
}
