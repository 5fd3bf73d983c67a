package webdav

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"time"
)

// Limits bound what clients may take at once. A zero field means its default.
type Limits struct {
	// Requests is how many requests are served at the same time, of one client
	// (by its address) three quarters of that; others wait for QueueTime and
	// then get 503. Default 256.
	Requests int
	// QueueTime is how long a request waits for its turn. Default 30 s.
	QueueTime time.Duration
	// XML is the size of the body of PROPFIND, PROPPATCH and LOCK in bytes;
	// more is 413. Default 1 MiB.
	XML int64
	// Idle is how long a transfer may stand still before it is cut; the limit
	// moves along with the bytes, so that a transfer may take as long as it
	// needs. Default 2 min.
	Idle time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.Requests <= 0 {
		l.Requests = 256
	}
	if l.QueueTime <= 0 {
		l.QueueTime = 30 * time.Second
	}
	if l.XML <= 0 {
		l.XML = 1 << 20
	}
	if l.Idle <= 0 {
		l.Idle = 2 * time.Minute
	}
	return l
}

// limit is the outermost layer: it bounds the requests under way and turns a
// panic into 500, or into a cut connection if the answer had begun.
func (h *Handler) limit(next http.Handler) http.Handler {
	turns := newTurns(h.opts.limits.Requests)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		from := h.opts.proxies.client(req)
		waiting, stop := context.WithTimeout(req.Context(), h.opts.limits.QueueTime)
		served := turns.take(waiting, from)
		stop()
		if !served {
			writeError(w, refuse(http.StatusServiceUnavailable, "too many requests at once"))
			return
		}
		defer turns.give(from)
		defer h.recover(req)
		next.ServeHTTP(w, req)
	})
}

// recover keeps a fault in one request from the others. net/http would write
// the stack to the process's standard error; here it goes to the log.
func (h *Handler) recover(req *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		h.opts.log.Error("panic", "method", req.Method, "path", req.URL.Path, "panic", v, "stack", string(debug.Stack()))
	}
	panic(http.ErrAbortHandler)
}
