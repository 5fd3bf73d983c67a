// Package admin answers those who look after a server: health and metrics.
package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/davdisk/davdisk/webdav/server"
)

// A Handler answers those who look after a server, on an address of its own:
// /healthz and /readyz for a supervisor and /metrics for Prometheus. It asks for no
// password and reveals no names, so the address should be one that only they
// reach. It may be used by many goroutines.
//
//	h := admin.New(nil)
//	handler, err := server.New(next, server.WithObserver(h.Observe))
//	…
//	http.ListenAndServe("127.0.0.1:9090", h)
type Handler struct {
	healthy func(ctx context.Context) error
	ready   atomic.Pointer[func(ctx context.Context) error] // nil until Ready is called
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
			Name: "davdisk_requests_total", Help: "Requests that clients have made, by method and by the status they were answered with.",
		}, []string{"method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "davdisk_request_duration_seconds", Help: "Seconds from the arrival of a request to the end of its answer, by method.",
		}, []string{"method"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "davdisk_response_bytes_total", Help: "Bytes sent to clients as content, without headers.",
		}),
		upstream: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "davdisk_upstream_requests_total", Help: "Requests made to the store to answer those of clients; few of them for many of theirs mean that the caches work.",
		}),
		cut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "davdisk_requests_cut_total", Help: "Answers that broke off before their end, because the client left or the store failed.",
		}),
	}
	a.figures.MustRegister(a.requests, a.durations, a.bytes, a.upstream, a.cut,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, req *http.Request) { answer(w, a.healthy(req.Context())) })
	a.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, req *http.Request) { answer(w, a.readiness(req.Context())) })
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

// Ready sets what each /readyz asks: nil answers 200, an error 503 with its text.
// Before it is called, the server is starting and not ready.
func (a *Handler) Ready(ready func(ctx context.Context) error) { a.ready.Store(&ready) }

func (a *Handler) readiness(ctx context.Context) error {
	if ready := a.ready.Load(); ready != nil {
		return (*ready)(ctx)
	}
	return errors.New("starting")
}

// ServeHTTP answers /healthz, /readyz and /metrics.
func (a *Handler) ServeHTTP(w http.ResponseWriter, req *http.Request) { a.mux.ServeHTTP(w, req) }

func answer(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err != nil {
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
