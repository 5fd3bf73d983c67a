package server

import (
	"io"
	"net/http"
	"time"
)

// minRate is the minimum rate at which a client must send or receive a body, in
// bytes a second of the time spent waiting for it. The slowest networks are
// faster; a client that drips bytes to hold its slot is not.
const minRate = 1 << 10

// An idleTimer is the remaining time to wait for a client. Bytes extend it, so
// that a transfer may take as long as it makes progress. Time spent waiting for
// the store does not count.
type idleTimer struct {
	whole, left time.Duration
}

// spend subtracts the time waited and adds what n bytes are worth.
func (t *idleTimer) spend(waited time.Duration, n int) {
	t.left = min(t.whole, t.left-waited+time.Duration(n)*time.Second/minRate)
}

// movingBody is a request body with a deadline that moves with the bytes.
type movingBody struct {
	io.ReadCloser
	conn *http.ResponseController
	idle idleTimer
}

func (b *movingBody) Read(p []byte) (int, error) {
	start := time.Now()
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle.left)) // not every ResponseWriter has one
	n, err := b.ReadCloser.Read(p)
	b.idle.spend(time.Since(start), n)
	if err != nil {
		// net/http reads from the connection while the handler runs, and would
		// treat a deadline as its end.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// movingWriter is a response with a deadline that moves with the bytes.
type movingWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
	idle idleTimer
}

// Unwrap returns the underlying writer for http.ResponseController.
func (w *movingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *movingWriter) Write(p []byte) (int, error) {
	start := time.Now()
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.idle.left))
	n, err := w.ResponseWriter.Write(p)
	w.idle.spend(time.Since(start), n)
	return n, err
}

// moveDeadlines gives a request and its response deadlines that move.
func moveDeadlines(idleTimeout time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			idle := idleTimer{idleTimeout, idleTimeout}
			conn := http.NewResponseController(w)
			_ = conn.SetWriteDeadline(time.Time{}) // an earlier request's
			out := &movingWriter{ResponseWriter: w, conn: conn, idle: idle}
			if req.Body == nil || req.Body == http.NoBody {
				next.ServeHTTP(out, req)
				return
			}
			moved := *req
			moved.Body = &movingBody{ReadCloser: req.Body, conn: conn, idle: idle}
			next.ServeHTTP(out, &moved)
		})
	}
}
