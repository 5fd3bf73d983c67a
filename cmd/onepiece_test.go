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
	"sync"
	"testing"
)

// countedWrites is a listener that counts the writes to its connections, which fail if it
// says so.
type countedWrites struct {
	net.Listener

	mu     sync.Mutex
	writes int
	fails  error
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
	err := c.l.fails
	c.l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.TCPConn.Write(p)
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
// connection is not used again.
func TestOnePieceFails(t *testing.T) {
	told := make(chan error, 9)
	l, srv := startPieces(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(4<<10))
		_, err := w.Write(make([]byte, 4<<10))
		told <- err
	}))
	broken := errors.New("broken")
	l.mu.Lock()
	l.fails = broken
	l.mu.Unlock()
	if res, err := srv.Client().Get(srv.URL); err == nil {
		res.Body.Close()
		t.Error("an answer came")
	}
	if err := <-told; !errors.Is(err, broken) {
		t.Errorf("the handler was told %v", err)
	}
}
