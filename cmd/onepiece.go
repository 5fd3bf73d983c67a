package cmd

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// Answers whose bodies have such lengths are sent in one piece with their headers.
// What is shorter fits into the buffer of net/http, of 4 KiB, with most headers; for
// what is longer one write more is little.
const (
	minOnePiece = 2 << 10
	maxOnePiece = 32 << 10
)

// onePiece lets a server send a small answer by one call of the system. Package
// net/http itself makes two, of what its buffer holds and of the rest.
type onePiece struct {
	buffers sync.Pool // of *[]byte
}

type heldKey struct{}

// listener returns l with connections that can hold back what is written.
func (o *onePiece) listener(l net.Listener) net.Listener { return heldListener{l, o} }

// context is the ConnContext of the server.
func (o *onePiece) context(ctx context.Context, c net.Conn) context.Context {
	if held, ok := c.(*heldConn); ok { // TLS is not held back
		return context.WithValue(ctx, heldKey{}, held)
	}
	return ctx
}

// handler serves by next on such connections.
func (o *onePiece) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(heldKey{}).(*heldConn); ok && r.ProtoMajor == 1 {
			w = &onePieceWriter{ResponseWriter: w, conn: conn}
		}
		next.ServeHTTP(w, r)
	})
}

// onePieceWriter sends a body that is written whole, and whose length is told, with
// its header.
type onePieceWriter struct {
	http.ResponseWriter
	conn *heldConn
}

// Unwrap lets http.ResponseController find what is beneath.
func (w *onePieceWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *onePieceWriter) Write(p []byte) (int, error) {
	if len(p) < minOnePiece || len(p) > maxOnePiece || w.Header().Get("Content-Length") != strconv.Itoa(len(p)) {
		return w.ResponseWriter.Write(p)
	}
	w.conn.hold()
	n, err := w.ResponseWriter.Write(p)
	if err == nil {
		err = http.NewResponseController(w.ResponseWriter).Flush()
	}
	if failed := w.conn.send(); failed != nil {
		return 0, failed // nobody knows what has arrived
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that the system can send files.
func (w *onePieceWriter) ReadFrom(src io.Reader) (int64, error) {
	if to, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		return to.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
}

type heldListener struct {
	net.Listener
	o *onePiece
}

func (l heldListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if s, ok := c.(stream); ok && err == nil {
		return &heldConn{stream: s, o: l.o}, nil
	}
	return c, err
}

// stream is what net/http uses of a [net.TCPConn].
type stream interface {
	net.Conn
	io.ReaderFrom
	CloseWrite() error
}

// heldConn is a connection that may hold back what is written.
type heldConn struct {
	stream
	o *onePiece

	mu   sync.Mutex
	held *[]byte // nil: nothing is held back
}

func (c *heldConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		return c.stream.Write(p)
	}
	*c.held = append(*c.held, p...)
	return len(p), nil
}

// hold holds back what is written from now on.
func (c *heldConn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	held, ok := c.o.buffers.Get().(*[]byte)
	if !ok {
		held = new([]byte)
	}
	c.held = held
}

// send sends what was held back. If that fails the connection is closed: net/http takes
// it for sent, and would go on with the next answer.
func (c *heldConn) send() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	held := c.held
	c.held = nil
	defer c.o.buffers.Put(held)
	if len(*held) == 0 { // an answer without a body
		return nil
	}
	_, err := c.stream.Write(*held)
	if err != nil {
		c.stream.Close()
	}
	*held = (*held)[:0]
	return err
}
