package emulator

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

// StartProxy serves a forward proxy at addr until Close and returns its address
// for HTTPS_PROXY. The proxy impersonates the hosts of Yandex Disk, with
// certificates of the emulator's authority (see CACert), and refuses to connect
// to any other.
func (e *Emulator) StartProxy(addr string) (string, error) {
	if err := e.authority.make(); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("start proxy: %w", err)
	}
	inner := &handoff{addr: l.Addr(), conns: make(chan net.Conn), done: make(chan struct{})}
	e.run(inner, e.ServeHTTP, true)
	e.run(l, func(w http.ResponseWriter, r *http.Request) { e.proxy(inner, w, r) }, false)
	return "http://" + l.Addr().String(), nil
}

// proxy serves one request to the proxy: a CONNECT becomes a connection of
// the inner server, a plain request is served directly.
func (e *Emulator) proxy(inner *handoff, w http.ResponseWriter, r *http.Request) {
	if _, ok := yandexRole(r.Host); !ok {
		http.Error(w, "this proxy stands for the hosts of Yandex Disk only", http.StatusForbidden)
		return
	}
	if r.Method != http.MethodConnect {
		e.ServeHTTP(w, r)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "CONNECT needs HTTP/1.1", http.StatusBadRequest)
		return
	}
	early := make([]byte, buffered.Reader.Buffered())
	if _, err := io.ReadFull(buffered, early); err != nil {
		conn.Close()
		return
	}
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		conn.Close()
		return
	}
	if len(early) > 0 {
		conn = &earlyConn{Conn: conn, early: early}
	}
	inner.give(conn)
}

// A handoff is a listener for connections that were accepted elsewhere.
type handoff struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (h *handoff) give(conn net.Conn) {
	select {
	case h.conns <- conn:
	case <-h.done:
		conn.Close()
	}
}

func (h *handoff) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

func (h *handoff) Addr() net.Addr { return h.addr }

// An earlyConn is a connection that first returns the bytes already read from it.
type earlyConn struct {
	net.Conn
	early []byte
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) > 0 {
		n := copy(p, c.early)
		c.early = c.early[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
