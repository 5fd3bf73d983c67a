package cmd

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// countedWrites is a listener that counts the writes to its connections, which fail if it
// says so, after some bytes.
type countedWrites struct {
	net.Listener

	mu     sync.Mutex
	writes int
	closed int // connections
	fails  error
	after  int // bytes
}

func (l *countedWrites) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return writesConn{c.(*net.TCPConn), l}, nil
}

// since returns the number of writes since it was last called.
func (l *countedWrites) since() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.writes
	l.writes = 0
	return n
}

type writesConn struct {
	*net.TCPConn
	l *countedWrites
}

func (c writesConn) Write(p []byte) (int, error) {
	c.l.mu.Lock()
	c.l.writes++
	err, after := c.l.fails, min(c.l.after, len(p))
	c.l.mu.Unlock()
	if err != nil {
		n, _ := c.TCPConn.Write(p[:after])
		return n, err
	}
	return c.TCPConn.Write(p)
}

func (c writesConn) Close() error {
	c.l.mu.Lock()
	c.l.closed++
	c.l.mu.Unlock()
	return c.TCPConn.Close()
}

// startPieces serves h in one piece where that can be.
func startPieces(t *testing.T, h http.Handler) (*countedWrites, *httptest.Server) {
	t.Helper()
	o := &onePiece{}
	srv := httptest.NewUnstartedServer(o.handler(h))
	l := &countedWrites{Listener: srv.Listener}
	srv.Listener, srv.Config.ConnContext = o.listener(l), o.context
	srv.Start()
	t.Cleanup(srv.Close)
	return l, srv
}

// TestOnePiece: what is whole and small is sent with its header, and everything
// arrives as it was written, on one connection.
func TestOnePiece(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
	type answer struct {
		pieces  []int
		told    bool // the length, before
		reader  bool // the last piece is read from a reader
		flushed bool // the header is, before
	}
	answers := map[string]struct {
		answer
		writes int
	}{
		"short":            {answer{pieces: []int{100}, told: true}, 1},
		"as long as fits":  {answer{pieces: []int{minOnePiece}, told: true}, 1},
		"small":            {answer{pieces: []int{4 << 10}, told: true}, 1},
		"at most":          {answer{pieces: []int{maxOnePiece}, told: true}, 1},
		"large":            {answer{pieces: []int{maxOnePiece + 1}, told: true}, 2},
		"in pieces":        {answer{pieces: []int{4 << 10, 4 << 10, 4 << 10}, told: true}, 4},
		"in small pieces":  {answer{pieces: []int{2 << 10, 2 << 10, 2 << 10}, told: true}, 2},
		"of any length":    {answer{pieces: []int{4 << 10, 10}}, 2},
		"with a reader":    {answer{pieces: []int{10, 4 << 10}, told: true, reader: true}, 2},
		"the header first": {answer{pieces: []int{4 << 10}, told: true, flushed: true}, 2},
	}
	l, srv := startPieces(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := answers[r.URL.Query().Get("answer")]
		size := 0
		for _, n := range a.pieces {
			size += n
		}
		if a.told {
			w.Header().Set("Content-Length", strconv.Itoa(size))
		}
		if a.flushed {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
		}
		rest := content
		for i, n := range a.pieces {
			var err error
			if a.reader && i == len(a.pieces)-1 {
				_, err = w.(io.ReaderFrom).ReadFrom(bytes.NewReader(rest[:n]))
			} else {
				_, err = w.Write(rest[:n])
			}
			if err != nil {
				t.Error(err)
			}
			rest = rest[n:]
		}
	}))
	for range 2 { // the buffers of before are used again
		for name, a := range answers {
			res, err := srv.Client().Get(srv.URL + "/?answer=" + url.QueryEscape(name))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			res.Body.Close()
			size := 0
			for _, n := range a.pieces {
				size += n
			}
			if err != nil || !bytes.Equal(got, content[:size]) {
				t.Errorf("%s: %d bytes arrived, or others, %v", name, len(got), err)
			}
			if n := l.since(); n > a.writes {
				t.Errorf("%s: sent by %d writes, want %d", name, n, a.writes)
			}
		}
	}
}

// TestOnePieceFails: an answer that cannot be sent is not taken for sent, and its
// connection is closed, so that nothing follows it.
func TestOnePieceFails(t *testing.T) {
	broken := errors.New("broken")
	for name, after := range map[string]int{"at once": 0, "in the header": 20, "in the body": 3000} {
		t.Run(name, func(t *testing.T) {
			type outcome struct {
				n, closed int
				err       error
			}
			told := make(chan outcome, 9)
			var l *countedWrites
			l, srv := startPieces(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(4<<10))
				n, err := w.Write(make([]byte, 4<<10))
				l.mu.Lock()
				defer l.mu.Unlock()
				told <- outcome{n, l.closed, err}
			}))
			l.mu.Lock()
			l.fails, l.after = broken, after
			l.mu.Unlock()
			client := srv.Client()
			client.Timeout = 10 * time.Second
			if res, err := client.Get(srv.URL); err == nil {
				if got, err := io.ReadAll(res.Body); err == nil {
					t.Errorf("an answer of %d bytes came", len(got))
				}
				res.Body.Close()
			}
			if got := <-told; got.n != 0 || !errors.Is(got.err, broken) || got.closed == 0 {
				t.Errorf("the handler was told %d, %v; %d connections were closed", got.n, got.err, got.closed)
			}
		})
	}
}

// TestOnePieceOfEveryKind: what comes is what net/http sends by itself, by as many
// writes as there are answers.
func TestOnePieceOfEveryKind(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 256)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Mon, 30 Nov 2026 12:00:00 GMT")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		want := error(nil)
		if r.URL.Path == "/same" {
			w.WriteHeader(http.StatusNotModified)
			want = http.ErrBodyNotAllowed
		}
		if _, err := io.WriteString(struct{ io.Writer }{w}, body); !errors.Is(err, want) {
			t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
		}
	})
	l, pieces := startPieces(t, h)
	whole := httptest.NewServer(h)
	defer whole.Close()
	for name, test := range map[string]struct {
		requests string
		writes   int
	}{
		"HEAD":      {"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1},
		"304":       {"GET /same HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1},
		"HTTP/1.0":  {"GET / HTTP/1.0\r\n\r\n", 1},
		"kept":      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n", 2},
		"pipelined": {"GET /same HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 4},
	} {
		l.since()
		got, want := answersTo(t, pieces, test.requests), answersTo(t, whole, test.requests)
		if got != want {
			t.Errorf("%s: %.300q, net/http answers %.300q", name, got, want)
		}
		if n := l.since(); n != test.writes {
			t.Errorf("%s: sent by %d writes, want %d", name, n, test.writes)
		}
	}
}

// answersTo returns all that a server answers to requests that are sent at once, until it
// closes the connection.
func answersTo(t *testing.T, srv *httptest.Server, requests string) string {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, requests); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Error(err)
	}
	return string(got)
}

// TestTLSIsNotHeldBack: what is written to a connection of TLS is no answer.
func TestTLSIsNotHeldBack(t *testing.T) {
	o, body := &onePiece{}, make([]byte, 4<<10)
	srv := httptest.NewUnstartedServer(o.handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(*onePieceWriter); ok || r.Context().Value(heldKey{}) != nil {
			t.Error("it is held back")
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})))
	srv.Listener, srv.Config.ConnContext = o.listener(srv.Listener), o.context
	srv.StartTLS()
	defer srv.Close()
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, body) {
		t.Errorf("%d bytes arrived, %v", len(got), err)
	}
}
