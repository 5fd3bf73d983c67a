package webdav

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// lateFs carries a change out, of which it has the whole body, when wait returns.
type lateFs struct {
	*capableFs
	wait func()
}

func (f *lateFs) WithContext(ctx context.Context) afero.Fs {
	return &lateFs{f.capableFs.WithContext(ctx).(*capableFs), f.wait}
}

func (f *lateFs) Put(name string, body io.Reader, size int64, mtime time.Time, ifMatch string, ifAbsent bool) (fs.FileInfo, error) {
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	f.wait()
	return f.capableFs.Put(name, bytes.NewReader(content), size, mtime, ifMatch, ifAbsent)
}

func (f *lateFs) Move(from, to string, overwrite bool) error {
	f.wait()
	return f.capableFs.Move(from, to, overwrite)
}

func (f *lateFs) Copy(from, to string, overwrite bool, depth int) error {
	f.wait()
	return f.capableFs.Copy(from, to, overwrite, depth)
}

func (f *lateFs) Delete(name, ifMatch string) error {
	f.wait()
	return f.capableFs.Delete(name, ifMatch)
}

func (f *lateFs) Mkdir(name string, mode fs.FileMode) error {
	f.wait()
	return f.capableFs.Mkdir(name, mode)
}

func (f *lateFs) SetProperties(name string, set map[string]string, remove []string) error {
	f.wait()
	return f.capableFs.SetProperties(name, set, remove)
}

// lateShare is a share on a lateFs, which has a file /f and a folder /d.
type lateShare struct {
	*share
	connected chan context.Context // of each request
	ended     chan struct{}        // when it has been served
}

func newLateShare(t *testing.T) *lateShare {
	t.Helper()
	files := newCapableFs()
	l := &lateShare{connected: make(chan context.Context, 1), ended: make(chan struct{})}
	late := &lateFs{files, func() { <-(<-l.connected).Done() }}
	l.share = &share{T: t, fs: files}
	var err error
	if l.handler, err = NewHandler(late); err != nil {
		t.Fatal(err)
	}
	l.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer func() { l.ended <- struct{}{} }()
		l.connected <- req.Context()
		l.handler.ServeHTTP(w, req)
	}))
	l.server.EnableHTTP2 = true
	t.Cleanup(func() {
		l.server.Close()
		if err := l.handler.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := files.Put("/f", strings.NewReader("old"), -1, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	if err := files.Mkdir("/d", 0o777); err != nil {
		t.Fatal(err)
	}
	return l
}

// A request that is complete by its own framing is carried out, whatever
// becomes of the connection after its last byte; one that is cut is not.
func TestCompleteRequestIsCarriedOut(t *testing.T) {
	endings := map[string]func(t *testing.T, conn *net.TCPConn){
		"shut": func(t *testing.T, conn *net.TCPConn) {
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
		},
		"close": func(*testing.T, *net.TCPConn) {},
		"reset": func(t *testing.T, conn *net.TCPConn) {
			if err := conn.SetLinger(0); err != nil {
				t.Fatal(err)
			}
		},
	}
	patch := setProperty("p", "kept")
	length := func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		line, rest string // the request line without the version; headers and body
		want       string // what is in the share afterwards, beside what is left as it was
		status     int
	}{
		"PUT":                  {"PUT /new", length("hi"), `/new "hi"`, 201},
		"PUT over a file":      {"PUT /f", length("hi"), `/f "hi"`, 204},
		"PUT of nothing":       {"PUT /new", length(""), `/new ""`, 201},
		"PUT in chunks":        {"PUT /new", chunked + "1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", `/new "hi"`, 201},
		"PUT with a trailer":   {"PUT /new", "Trailer: X\r\n" + chunked + "2\r\nhi\r\n0\r\nX: y\r\n\r\n", `/new "hi"`, 201},
		"PUT without waiting":  {"PUT /new", "Expect: 100-continue\r\n" + length("hi"), `/new "hi"`, 201},
		"PUT of a megabyte":    {"PUT /new", length(strings.Repeat("x", 1<<20)), `/new "xxx`, 201},
		"MOVE":                 {"MOVE /f", "Destination: /new\r\n\r\n", `/new "old"`, 201},
		"COPY":                 {"COPY /f", "Destination: /new\r\n\r\n", `/new "old"`, 201},
		"DELETE":               {"DELETE /f", "\r\n", "", 204},
		"MKCOL":                {"MKCOL /new", "\r\n", "/new/", 201},
		"MKCOL without chunks": {"MKCOL /new", chunked + "0\r\n\r\n", "/new/", 201},
		"PROPPATCH":            {"PROPPATCH /f", length(patch), "property", 207},
	} {
		for ending, end := range endings {
			if ending == "reset" && len(test.rest) > 1<<20 {
				continue // the client would drop what it has not sent yet
			}
			t.Run(name+"/"+ending, func(t *testing.T) {
				l := newLateShare(t)
				l.server.Start()
				conn := l.dial().(*net.TCPConn)
				defer conn.Close()
				if _, err := io.WriteString(conn, test.line+" HTTP/1.1\r\nHost: localhost\r\n"+test.rest); err != nil {
					t.Fatal(err)
				}
				end(t, conn)
				if ending != "shut" {
					conn.Close()
				}
				<-l.ended
				found := l.everything()
				if l.capable().nodes["/f"] != nil && l.capable().nodes["/f"].props["{urn:n}p"] != "" {
					found += "property\n"
				}
				if !strings.Contains(found, test.want) || test.line == "DELETE /f" && strings.Contains(found, "/f ") {
					t.Errorf("the share holds\n%.200s\nwant %s", found, test.want)
				}
				if ending != "shut" {
					return
				}
				if a := l.readAnswer(conn); a.status != test.status && a.status != http.StatusContinue || a.err != nil {
					t.Errorf("it was answered %d %v", a.status, a.err)
				}
			})
		}
	}
	for name, request := range map[string]string{
		"PUT":                     "PUT /f HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi",
		"PUT of nothing yet":      "PUT /f HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
		"PUT in chunks":           "PUT /f HTTP/1.1\r\n" + chunked + "2\r\nhi\r\n",
		"PUT before the last end": "PUT /f HTTP/1.1\r\n" + chunked + "2\r\nhi\r\n0\r\n",
		"MOVE":                    "MOVE /f HTTP/1.1\r\nDestination: /new\r\n" + chunked,
		"COPY":                    "COPY /f HTTP/1.1\r\nDestination: /new\r\n" + chunked,
		"DELETE":                  "DELETE /f HTTP/1.1\r\n" + chunked,
		"MKCOL":                   "MKCOL /new HTTP/1.1\r\n" + chunked,
		"PROPPATCH":               "PROPPATCH /f HTTP/1.1\r\n" + strings.Replace(length(patch+" "), patch+" ", patch, 1),
	} {
		for ending, end := range endings {
			t.Run("cut "+name+"/"+ending, func(t *testing.T) {
				l := newLateShare(t)
				l.server.Start()
				l.untouched(func() {
					conn := l.dial().(*net.TCPConn)
					defer conn.Close()
					if _, err := io.WriteString(conn, strings.Replace(request, "\r\n", "\r\nHost: localhost\r\n", 1)); err != nil {
						t.Fatal(err)
					}
					end(t, conn)
					if ending != "shut" {
						conn.Close()
					}
					<-l.ended
				})
				if l.capable().nodes["/f"].props != nil {
					t.Error("the property was set")
				}
			})
		}
	}
}

// On HTTP/2 a client gives up a request without its connection. All of it may
// have come before the handler has read any.
func TestCompleteRequestOfHTTP2IsCarriedOut(t *testing.T) {
	patch := setProperty("p", "kept")
	for _, c := range []struct {
		name, method, at, body string
		cut, chunked           bool
		want                   string
	}{
		{"whole PUT", "PUT", "/new", "hi", false, false, `/new "hi"`},
		{"whole PUT of unknown length", "PUT", "/new", "hi", false, true, `/new "hi"`},
		{"whole MOVE", "MOVE", "/f", "", false, false, `/new "old"`},
		{"whole COPY", "COPY", "/f", "", false, false, `/new "old"`},
		{"whole DELETE", "DELETE", "/f", "", false, false, ""},
		{"whole MKCOL", "MKCOL", "/new", "", false, false, "/new/"},
		{"whole PROPPATCH", "PROPPATCH", "/f", patch, false, false, "property"},
		{"cut PUT", "PUT", "/new", "hi", true, false, ""},
		{"cut PUT of unknown length", "PUT", "/new", "hi", true, true, ""},
		{"cut MOVE", "MOVE", "/f", "", true, true, ""},
		{"cut COPY", "COPY", "/f", "", true, true, ""},
		{"cut DELETE", "DELETE", "/f", "", true, true, ""},
		{"cut MKCOL", "MKCOL", "/new", "", true, true, ""},
		{"cut PROPPATCH", "PROPPATCH", "/f", patch, true, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLateShare(t)
			l.server.StartTLS()
			l.capable().setFail(func(op, _ string) error { // before the body is read
				if op == "stat" && c.method == "PUT" {
					connected := <-l.connected
					<-connected.Done()
					l.connected <- connected
					l.capable().setFail(nil)
				}
				return nil
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			body := io.Reader(strings.NewReader(c.body))
			if c.cut {
				body = io.MultiReader(body, readerFunc(func([]byte) (int, error) { cancel(); return 0, errors.New("cut") }))
			} else {
				ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { cancel() }})
			}
			if c.chunked {
				body = onlyReader{body}
			}
			req, err := http.NewRequestWithContext(ctx, c.method, l.server.URL+c.at, body)
			if err != nil {
				t.Fatal(err)
			}
			if c.cut && !c.chunked {
				req.ContentLength = int64(len(c.body)) + 1
			}
			req.Host = "localhost"
			req.Header.Set("Destination", "/new")
			before := l.everything()
			if res, err := l.server.Client().Do(req); err == nil {
				res.Body.Close()
				t.Fatalf("it was answered %d", res.StatusCode)
			}
			<-l.ended
			found := l.everything()
			if f := l.capable().nodes["/f"]; f != nil && f.props["{urn:n}p"] != "" {
				found += "property\n"
			}
			if !strings.Contains(found, c.want) || (found == before) != c.cut {
				t.Errorf("the share holds\n%s\nwant %s", found, c.want)
			}
		})
	}
}

// A program that serves the handler ends requests by a deadline or a cause; and
// by canceling, while the body is still coming.
func TestRequestEndedByTheProgram(t *testing.T) {
	errOver := errors.New("over")
	for name, test := range map[string]struct {
		cancel func(parent context.Context) (context.Context, context.CancelFunc)
		part   string
	}{
		"cause": {func(parent context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(parent)
			return ctx, func() { cancel(errOver) }
		}, "hi"},
		"deadline": {func(parent context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(parent, time.Now())
		}, "hi"},
		"while the body comes": {context.WithCancel, "h"},
	} {
		t.Run(name, func(t *testing.T) {
			files := newCapableFs()
			s := newShare(t, files)
			inner := s.server.Config.Handler
			s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				ctx, cancel := test.cancel(req.Context())
				defer cancel()
				files.setFail(func(op, _ string) error {
					if op == "put" {
						cancel()
					}
					return nil
				})
				inner.ServeHTTP(w, req.WithContext(ctx))
			})
			s.untouched(func() {
				conn := s.dial()
				defer conn.Close()
				if _, err := io.WriteString(conn, "PUT /new HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n"+test.part); err != nil {
					t.Fatal(err)
				}
				if a := s.readAnswer(conn); a.err != nil || a.status < 400 {
					t.Errorf("it was answered %d %v", a.status, a.err)
				}
			})
		})
	}
}

// TestServerEndsABody ends the requests of a server with a reason, as it ends, in
// the middle of a body. The client is told so, and nothing is stored.
func TestServerEndsABody(t *testing.T) {
	for name, more := range map[string]string{"that stands still": "", "that goes on": "data"} {
		t.Run(name, func(t *testing.T) {
			files := newCapableFs()
			handler, err := NewHandler(files)
			if err != nil {
				t.Fatal(err)
			}
			requests, end := context.WithCancelCause(t.Context())
			server := httptest.NewUnstartedServer(handler)
			server.Config.BaseContext = func(net.Listener) context.Context { return requests }
			server.Start()
			t.Cleanup(func() {
				server.Close()
				if err := handler.Close(); err != nil {
					t.Error(err)
				}
			})
			l := &share{T: t, fs: files, handler: handler, server: server}
			conn := l.dial()
			defer conn.Close()
			if _, err := io.WriteString(conn, "PUT /new HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if a := l.readAnswer(conn); a.status != http.StatusContinue {
				t.Fatalf("it was answered %+v before the body", a)
			}
			_, err = io.WriteString(conn, "data")
			end(errors.New("the server is ending"))
			if err == nil {
				_, err = io.WriteString(conn, more)
			}
			if err != nil {
				t.Fatal(err)
			}
			if a := l.readAnswer(conn); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "the server is ending") {
				t.Errorf("it was answered %+v", a)
			}
			if files.nodes["/new"] != nil {
				t.Error("a part is stored")
			}
		})
	}
}
