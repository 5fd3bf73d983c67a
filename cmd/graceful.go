package cmd

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// readersGrace is how long those who only read are let go on when the server
// is asked to end. Those who write are waited for.
const readersGrace = 3 * time.Second

// writers counts the requests under way that may change something.
type writers struct {
	next http.Handler

	mu    sync.Mutex // guards all below
	count int
	idle  chan struct{} // closed when count is 0; nil without a waiter
}

// ServeHTTP implements http.Handler.
func (w *writers) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND":
	default:
		w.add(1)
		defer w.add(-1)
	}
	w.next.ServeHTTP(rw, req)
}

func (w *writers) add(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count += n
	if w.count == 0 && w.idle != nil {
		close(w.idle)
		w.idle = nil
	}
}

// done is closed when there are no writers.
func (w *writers) done() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.idle == nil {
		w.idle = make(chan struct{})
		if w.count == 0 {
			idle := w.idle
			w.idle = nil
			close(idle)
			return idle
		}
	}
	return w.idle
}

// shutdown takes no more requests, waits for all that write, and for the others
// as long as grace.
func shutdown(server *http.Server, w *writers, grace time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- server.Shutdown(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-w.done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(grace):
		cancel()
		<-ended
		return server.Close()
	}
}
