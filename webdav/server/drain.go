package server

import (
	"io"
	"net/http"
	"time"
)

// How long the rest of a refused upload is still taken from the client: while it
// comes, and not for ever. Over HTTP/2 there are clients (net/http) that stop
// sending when they see the answer, say nothing, and wait for its end.
const (
	maxUnreadIdle  = time.Minute
	maxUnreadIdle2 = time.Second
	maxUnreadTime  = 30 * time.Minute
)

// drainBodies lets a client see why its upload is refused. Many clients read the
// answer only when they have sent the body: KDE sends a whole file before it is
// asked for a password, and everybody does when a file is locked. net/http
// reads on for 256 KiB and then cuts the connection, or the stream of HTTP/2, and
// the cut overtakes the answer. So the answer is sent at once and the rest of the
// body thrown away.
//
// A client that sent Expect: 100-continue has been told and sends nothing.
func drainBodies(next http.Handler) http.Handler { return drain(next, maxUnreadIdle2) }

func drain(next http.Handler, idle2 time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		conn := http.NewResponseController(w)
		if req.ContentLength == 0 || req.Header.Get("Expect") != "" || conn.EnableFullDuplex() != nil {
			next.ServeHTTP(w, req)
			return
		}
		read := *req
		body := &countedBody{ReadCloser: req.Body, left: req.ContentLength}
		read.Body = body
		next.ServeHTTP(w, &read)
		if body.ended || conn.Flush() != nil {
			return
		}
		idle := maxUnreadIdle
		if req.ProtoMajor > 1 {
			idle = idle2
		}
		rest := &movingBody{ReadCloser: body, conn: conn, idle: idleTimer{idle, idle}}
		buffer := make([]byte, 32<<10)
		for end := time.Now().Add(maxUnreadTime); time.Now().Before(end); {
			if _, err := rest.Read(buffer); err != nil || body.ended {
				return // whatever ended it, the answer is out
			}
		}
	})
}

// countedBody records whether it has been read to its end.
type countedBody struct {
	io.ReadCloser
	left  int64 // less than 0: not known
	ended bool
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	b.ended = b.ended || err != nil || b.left == 0
	return n, err
}
