package server

import (
	"io"
	"net/http"
	"time"
)

// minRate is how fast a client must at least send or take a body, in bytes a
// second of the time that it is waited for. The slowest networks are faster;
// a client that drips bytes to hold its place is not.
const minRate = 1 << 10

// An idleTimer is how long a client is still waited for. Bytes restore it, so
// that a transfer may take as long as it needs while it moves. Time spent on
// the store's side does not count.
type idleTimer struct {
	whole, left time.Duration
}

// spend takes the time waited off and adds what n bytes restore.
func (t *idleTimer) spend(waited time.Duration, n int) {
	t.left = min(t.whole, t.left-waited+time.Duration(n)*time.Second/minRate)
}

// requestBody is a request body with a deadline that moves with the bytes. It
// records whether it has been read to its end.
type requestBody struct {
	io.ReadCloser
	conn  *http.ResponseController
	idle  idleTimer
	left  int64 // bytes; less than 0: not known
	ended bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	start := time.Now()
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle.left)) // not every ResponseWriter has one
	n, err := b.ReadCloser.Read(p)
	b.idle.spend(time.Since(start), n)
	if err != nil {
		// net/http listens on the connection while the handler works on, and
		// would take a deadline for the end of it.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	b.left -= int64(n)
	b.ended = b.ended || err != nil || b.left == 0
	return n, err
}

// movingWriter is an answer with a deadline that moves with the bytes.
type movingWriter struct {
	http.ResponseWriter
	conn *http.ResponseController
	idle idleTimer
}

// Unwrap lets http.ResponseController find what is beneath.
func (w *movingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *movingWriter) Write(p []byte) (int, error) {
	start := time.Now()
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.idle.left))
	n, err := w.ResponseWriter.Write(p)
	w.idle.spend(time.Since(start), n)
	return n, err
}

// moveDeadlines gives a request and its answer deadlines that move, and drains
// the body that the handler has left unread.
func moveDeadlines(idleTimeout time.Duration, drain drainLimits) func(http.Handler) http.Handler {
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
			drains := drain.applies(req) && conn.EnableFullDuplex() == nil
			body := &requestBody{ReadCloser: req.Body, conn: conn, idle: idle, left: req.ContentLength}
			moved := *req
			moved.Body = body
			next.ServeHTTP(out, &moved)
			if drains {
				drain.read(body, req.ProtoMajor)
			}
		})
	}
}
