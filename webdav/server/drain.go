package server

import (
	"io"
	"net/http"
	"time"
)

// How much of a refused upload is still read from the client.
const (
	maxUnread     = 256 << 20 // bytes
	maxUnreadTime = time.Minute
)

// drainBodies lets a client see why its upload is refused. Many clients read
// the response only when they have sent the body: KDE sends a whole file before
// it is asked for a password, and all do when a file is locked. net/http reads
// up to 256 KiB more and then closes the connection, and the reset overtakes
// the response. So the response is sent at once and the rest of the body is
// discarded.
//
// A client that sent Expect: 100-continue has seen the response and sends
// nothing; HTTP/2 can end one request without the connection.
func drainBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		conn := http.NewResponseController(w)
		if req.ContentLength == 0 || req.ProtoMajor != 1 || req.Header.Get("Expect") != "" || conn.EnableFullDuplex() != nil {
			next.ServeHTTP(w, req)
			return
		}
		read := *req
		body := &countedBody{ReadCloser: req.Body, left: req.ContentLength}
		read.Body = body
		next.ServeHTTP(w, &read)
		if !body.ended && conn.Flush() == nil && conn.SetReadDeadline(time.Now().Add(maxUnreadTime)) == nil {
			// Whatever ends it, the client or a limit, the response is sent.
			_, _ = io.CopyN(io.Discard, body, maxUnread)
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
