package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"time"
)

// An Observation describes a request after its response.
type Observation struct {
	Method   string
	Path     string // decoded, as the client sent it
	Status   int    // 0: the connection was cut before a response began
	Bytes    int64  // of the response body
	Duration time.Duration
	Upstream int    // upstream HTTP requests made on its behalf before it ended
	User     string // "" without authentication
	Client   netip.Addr
	Cut      bool // the response was cut
}

// observe reports the result of each request, including those that other layers
// refuse.
func observe(report func(Observation), now func() time.Time) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			o := Observation{Method: req.Method, Path: req.URL.Path, Client: clientAddr(req)}
			start := now()
			var upstream atomic.Int64
			ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
				WroteRequest: func(httptrace.WroteRequestInfo) { upstream.Add(1) },
			})
			ctx = context.WithValue(ctx, observationKey{}, &o)
			out := &recorder{ResponseWriter: w}
			completed := false
			defer func() {
				o.Status, o.Bytes, o.Cut = out.status, out.bytes, !completed
				o.Duration = now().Sub(start)
				o.Upstream = int(upstream.Load())
				report(o)
			}()
			next.ServeHTTP(out, req.WithContext(ctx))
			completed = true
		})
	}
}

// A recorder records status and size of a response.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// Unwrap returns the underlying writer for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

type observationKey struct{}

// noteUser records the user of a request for the access log. Authentication
// is an inner layer, so the user is passed through a pointer in the context.
func noteUser(ctx context.Context, user string) {
	if o, ok := ctx.Value(observationKey{}).(*Observation); ok {
		o.User = user
	}
}

// report passes an observation to the observer and to the access log, if
// set.
func (o *options) report() func(Observation) {
	return func(seen Observation) {
		if o.observer != nil {
			o.observer(seen)
		}
		if o.accessLog != nil {
			writeAccessLog(o.accessLog, seen)
		}
	}
}

func writeAccessLog(log *slog.Logger, o Observation) {
	attrs := []slog.Attr{
		slog.String("method", o.Method), slog.String("path", o.Path), slog.Int("status", o.Status),
		slog.Int64("bytes", o.Bytes), slog.Duration("duration", o.Duration), slog.Int("upstream", o.Upstream),
		slog.String("client", o.Client.String()),
	}
	if o.User != "" {
		attrs = append(attrs, slog.String("user", o.User))
	}
	if o.Cut {
		attrs = append(attrs, slog.Bool("cut", true))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
}
