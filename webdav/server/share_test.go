package server_test

import (
	"bufio"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/internal/testwait"
	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

// hostile is a name that breaks what does not escape.
const hostile = `$ %25 <b>&amp; #?;+=,' "Ж` + "\U0001F600" + `é`

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// share is a handler with all that stands around it, behind a real listener.
type share struct {
	*testing.T
	server *httptest.Server
}

// newShare serves a file system over WebDAV.
func newShare(t *testing.T, fs afero.Fs, opts ...server.Option) *share {
	t.Helper()
	dav, err := webdav.NewHandler(fs)
	if err != nil {
		t.Fatal(err)
	}
	s := newShareOf(t, dav, opts...)
	t.Cleanup(func() {
		s.server.Close() // requests end before the handler does
		if err := dav.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newShareOf serves what any handler answers.
func newShareOf(t *testing.T, next http.Handler, opts ...server.Option) *share {
	t.Helper()
	handler, err := server.New(next, opts...)
	if err != nil {
		t.Fatal(err)
	}
	s := &share{t, httptest.NewServer(handler)}
	t.Cleanup(s.server.Close)
	return s
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

// do sends one request.
func (s *share) do(method, at string, body io.Reader, headers ...string) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+at, body)
	if err != nil {
		s.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	res, err := s.server.Client().Do(req)
	if err != nil {
		return answer{err: err}
	}
	return read(res)
}

func read(res *http.Response) answer {
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if res.Close {
		res.Header.Set("Connection", "close") // which http.ReadResponse takes out
	}
	return answer{res.StatusCode, res.Header, string(content), err}
}

// want is do for a status that must come.
func (s *share) want(status int, method, at, body string, headers ...string) answer {
	s.Helper()
	a := s.do(method, at, strings.NewReader(body), headers...)
	if a.status != status || a.err != nil {
		s.Errorf("%s %s: %d %v, want %d; %s", method, at, a.status, a.err, status, a.body)
	}
	return a
}

func (s *share) holds(at, content string, headers ...string) {
	s.Helper()
	if a := s.want(200, "GET", at, "", headers...); a.body != content {
		s.Errorf("%s holds %q, want %q", at, a.body, content)
	}
}

func (s *share) dial() net.Conn {
	s.Helper()
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		s.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(testwait.Limit(s.T))); err != nil {
		s.Fatal(err)
	}
	return conn
}

// raw sends bytes over a connection of its own and gives the first answer, be
// it an informational one.
func (s *share) raw(request string) answer {
	s.Helper()
	conn := s.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		s.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{err: err}
	}
	return read(res)
}

func basic(name, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// blocking holds each request until it is released; then it answers 200.
type blocking struct {
	started chan struct{}
	release chan struct{}
}

func newBlocking() *blocking {
	return &blocking{started: make(chan struct{}, 100), release: make(chan struct{})}
}

func (b *blocking) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPut {
		return
	}
	b.started <- struct{}{}
	<-b.release
}
