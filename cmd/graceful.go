package cmd

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

const (
	// readersGrace is how long those who only read are let go on when the server
	// is asked to end.
	readersGrace = 3 * time.Second
	// writersGrace is how long a change may take then, and the body of an upload.
	writersGrace = 20 * time.Second
	// lastGrace is how long a canceled change may take to return.
	lastGrace = 10 * time.Second
)

// errEnding is why a request is canceled whose grace is over. The handler does not
// take it for a client that has gone.
var errEnding = errors.New("the server is ending")

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

// underway is how many requests may change something now.
func (w *writers) underway() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// graces are how long requests may take once the server is asked to end.
type graces struct{ readers, writers time.Duration }

// shutdown takes no more requests, waits for those that write, which cancel ends
// after their grace, and then for the others as long as theirs.
func shutdown(server *http.Server, w *writers, cancel func(), grace graces) error {
	return shutdownAfter(server, w, cancel, grace, time.After)
}

// shutdownAfter is shutdown with a clock for the grace of those that read.
func shutdownAfter(server *http.Server, w *writers, cancel func(), grace graces, after func(time.Duration) <-chan time.Time) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	over := time.AfterFunc(grace.writers, cancel)
	defer over.Stop()
	last := time.NewTimer(grace.writers + lastGrace)
	defer last.Stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Shutdown(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-w.done():
	case <-last.C: // its client sees the connection end, and no response
		stop()
		<-ended
		return server.Close()
	}
	select {
	case err := <-ended:
		return err
	case <-after(grace.readers):
		stop()
		<-ended
		return server.Close()
	}
}
