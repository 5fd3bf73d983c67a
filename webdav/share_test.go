package webdav

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/testwait"
	"github.com/davdisk/davdisk/vfs"
)

var errUnsupportedHere = errors.ErrUnsupported

// hostile is a name that breaks what does not escape. NFC and NFD of it differ.
const hostile = `$ %25 <b>&amp; #?;+=,' "Ж` + "\U0001F600" + `é` + "i\u0306"

// share is a handler behind a real listener.
type share struct {
	*testing.T
	fs      afero.Fs
	handler *Handler
	server  *httptest.Server
	onEnd   atomic.Pointer[func()] // called when a request has been served
}

// newShare serves a file system.
func newShare(t *testing.T, fs afero.Fs, opts ...Option) *share {
	t.Helper()
	return newShareOf(t, fs, nil, opts...)
}

// newShareOf serves a file system to users, who are known by the name alone in
// their credentials; to everybody if there are none.
func newShareOf(t *testing.T, fs afero.Fs, users []Principal, opts ...Option) *share {
	t.Helper()
	handler, err := NewHandler(fs, opts...)
	if foreign, ok := fs.(*foreignFs); ok {
		handler, err = New(foreign.fs, opts...)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := newShareBy(t, fs, handler, users)
	s.handler = handler
	t.Cleanup(func() {
		s.server.Close()
		if err := handler.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newShareBy serves a file system by any handler.
func newShareBy(t *testing.T, fs afero.Fs, handler http.Handler, users []Principal) *share {
	t.Helper()
	s := &share{T: t, fs: fs}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		defer func() {
			if f := s.onEnd.Load(); f != nil {
				(*f)()
			}
		}()
		if len(users) > 0 && req.Method != http.MethodOptions {
			name, _, _ := req.BasicAuth()
			i := slices.IndexFunc(users, func(p Principal) bool { return p.Name == name })
			if i < 0 {
				t.Errorf("%s %s by nobody known: %q", req.Method, req.URL, name)
				i = 0
			}
			req = req.WithContext(ContextWithPrincipal(req.Context(), users[i]))
		}
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(s.server.Close)
	return s
}

// capable is the file system of a share that has every ability.
func (s *share) capable() *capableFs { return s.fs.(*capableFs) }

// onEach runs a test on file systems with all abilities and with none, and on
// the one that davdisk serves.
func onEach(t *testing.T, test func(s *share), opts ...Option) {
	t.Helper()
	for name, newFs := range map[string]func(t *testing.T) afero.Fs{
		"capable": func(*testing.T) afero.Fs { return newCapableFs() },
		"memory":  func(*testing.T) afero.Fs { return afero.NewMemMapFs() },
		"os":      func(t *testing.T) afero.Fs { return afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()) },
		"vfs":     newVFS,
	} {
		t.Run(name, func(t *testing.T) { test(newShare(t, newFs(t), opts...)) })
	}
}

// newVFS is the file system that davdisk serves, on a store in memory.
func newVFS(t *testing.T) afero.Fs { return newVFSOn(t, memory.New(memory.Options{})) }

// newVFSOn is newVFS on a store of one's own.
func newVFSOn(t *testing.T, store *memory.Backend) afero.Fs {
	t.Helper()
	fs, err := vfs.New(store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fs.Close(); err != nil {
			t.Error(err)
		}
	})
	return fs
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

// escape writes a path as most clients do.
func escape(p string) string { return (&url.URL{Path: p}).EscapedPath() }

// do sends a request. at is an escaped path; headers are "Name: value".
func (s *share) do(method, at, body string, headers ...string) answer {
	s.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	return s.doBody(method, at, reader, headers...)
}

func (s *share) doBody(method, at string, body io.Reader, headers ...string) answer {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+at, body)
	if err != nil {
		s.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		switch name {
		case "Host":
			req.Host = value
		case "Destination":
			req.Header.Add(name, strings.ReplaceAll(value, "{server}", s.server.URL))
		default:
			req.Header.Add(name, value)
		}
	}
	client := &http.Client{
		Transport:     s.server.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(content), err}
}

// want sends a request and checks the status of the answer.
func (s *share) want(status int, method, at, body string, headers ...string) answer {
	s.Helper()
	a := s.do(method, at, body, headers...)
	if a.err != nil || a.status != status {
		s.Fatalf("%s %s: %d %v, want %d; %s", method, at, a.status, a.err, status, a.body)
	}
	return a
}

// put stores a file, and checks that it is new or replaced.
func (s *share) put(at, content string, headers ...string) answer {
	s.Helper()
	a := s.do("PUT", at, content, headers...)
	if a.status != http.StatusCreated && a.status != http.StatusNoContent {
		s.Fatalf("PUT %s: %d %s", at, a.status, a.body)
	}
	return a
}

// holds checks the content of a file, by GET.
func (s *share) holds(at, content string) {
	s.Helper()
	a := s.do("GET", at, "")
	if a.err != nil || a.status != http.StatusOK || a.body != content {
		s.Errorf("GET %s: %d %v, %d bytes %.40q, want %.40q", at, a.status, a.err, len(a.body), a.body, content)
	}
}

// gone checks that nothing is there.
func (s *share) gone(at string) {
	s.Helper()
	if a := s.do("GET", at, ""); a.status != http.StatusNotFound {
		s.Errorf("GET %s: %d, want 404", at, a.status)
	}
}

// untouched runs f and checks that nothing of the share has changed by it.
func (s *share) untouched(f func()) {
	s.Helper()
	before := s.everything()
	f()
	if after := s.everything(); after != before {
		s.Errorf("changed:\n%s\nbefore:\n%s", after, before)
	}
}

// everything lists all names and contents, straight from the file system.
func (s *share) everything() string {
	s.Helper()
	var b strings.Builder
	var walk func(name string)
	walk = func(name string) {
		f, err := s.fs.Open(name)
		if err != nil {
			s.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			s.Fatal(err)
		}
		if !info.IsDir() {
			content, err := io.ReadAll(f)
			if err != nil {
				s.Fatal(err)
			}
			fmt.Fprintf(&b, "%s %q\n", name, content)
			return
		}
		fmt.Fprintf(&b, "%s/\n", name)
		children, err := f.Readdir(-1)
		if err != nil {
			s.Fatal(err)
		}
		names := map[string]bool{}
		for _, child := range children {
			names[child.Name()] = true
		}
		for _, child := range slices.Sorted(maps.Keys(names)) {
			walk(path.Join(name, child))
		}
	}
	if c, ok := s.fs.(*capableFs); ok {
		fail := c.fail
		c.setFail(nil)
		defer c.setFail(fail)
	}
	walk("/")
	return b.String()
}

// multistatus is a 207 as a client reads it.
type multistatus struct {
	XMLName   xml.Name `xml:"DAV: multistatus"`
	Responses []struct {
		Href      string `xml:"DAV: href"`
		Status    string `xml:"DAV: status"`
		Propstats []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Props []property `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

type property struct {
	XMLName xml.Name
	Inner   string `xml:",innerxml"`
	Text    string `xml:",chardata"`
}

func (a answer) multistatus(t *testing.T) multistatus {
	t.Helper()
	var m multistatus
	if a.status != http.StatusMultiStatus {
		t.Fatalf("%d, want 207: %s", a.status, a.body)
	}
	if err := xml.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return m
}

// hrefs lists the resources of a 207.
func (m multistatus) hrefs() []string {
	var hrefs []string
	for _, r := range m.Responses {
		hrefs = append(hrefs, r.Href)
	}
	return hrefs
}

// prop finds a property of a resource: its value and its status.
func (m multistatus) prop(href, space, local string) (value property, status string) {
	for _, r := range m.Responses {
		for _, ps := range r.Propstats {
			for _, p := range ps.Prop.Props {
				if r.Href == href && p.XMLName.Space == space && p.XMLName.Local == local {
					return p, ps.Status
				}
			}
		}
	}
	return property{}, ""
}

// properties asks for properties of one resource by name ("local" of DAV:, or
// "{namespace}local") and gives those that it has.
func (s *share) properties(at string, names ...string) map[string]string {
	s.Helper()
	var body strings.Builder
	body.WriteString(`<D:propfind xmlns:D="DAV:"><D:prop>`)
	for _, name := range names {
		space, local := "DAV:", name
		if rest, ok := strings.CutPrefix(name, "{"); ok {
			space, local, _ = strings.Cut(rest, "}")
		}
		fmt.Fprintf(&body, `<x:%s xmlns:x="%s"/>`, local, space)
	}
	body.WriteString(`</D:prop></D:propfind>`)
	m := s.want(207, "PROPFIND", at, body.String(), "Depth: 0").multistatus(s.T)
	found := map[string]string{}
	for _, ps := range m.Responses[0].Propstats {
		for _, p := range ps.Prop.Props {
			if !strings.Contains(ps.Status, " 200 ") {
				continue
			}
			name := p.XMLName.Local
			if p.XMLName.Space != "DAV:" {
				name = "{" + p.XMLName.Space + "}" + name
			}
			found[name] = p.Inner
		}
	}
	return found
}

const lockBody = `<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>http://a/&lt;me&gt;</D:href></D:owner></D:lockinfo>`

// lock takes an exclusive lock and gives its token, in angle brackets.
func (s *share) lock(at string, headers ...string) string {
	s.Helper()
	a := s.do("LOCK", at, lockBody, headers...)
	token := a.header.Get("Lock-Token")
	if a.status != 200 && a.status != 201 || token == "" {
		s.Fatalf("LOCK %s: %d %s", at, a.status, a.body)
	}
	return token
}

// raw sends bytes over a connection of its own and gives the first answer.
func (s *share) raw(request string) answer {
	s.Helper()
	conn := s.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		s.Fatal(err)
	}
	return s.readAnswer(conn)
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

func (s *share) readAnswer(conn net.Conn) answer {
	s.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if res.Close {
		res.Header.Set("Connection", "close") // which http.ReadResponse takes out
	}
	return answer{res.StatusCode, res.Header, string(content), err}
}

// rawPath sends a request whose path is not touched by a URL parser.
func (s *share) rawPath(method, at string, headers ...string) answer {
	s.Helper()
	request := method + " " + at + " HTTP/1.1\r\nHost: " + s.server.Listener.Addr().String() + "\r\nConnection: close\r\n"
	for _, header := range headers {
		request += header + "\r\n"
	}
	return s.raw(request + "\r\n")
}

// cutPut begins a PUT and breaks it off in the middle of the body, and waits
// until the handler has given up.
func (s *share) cutPut(at, head, part string) {
	s.Helper()
	ended := make(chan struct{})
	end := sync.OnceFunc(func() { close(ended) })
	s.onEnd.Store(&end)
	defer s.onEnd.Store(nil)
	conn := s.dial()
	if _, err := fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n%s", at, head, part); err != nil {
		s.Fatal(err)
	}
	conn.Close()
	ctx, cancel := context.WithTimeout(s.Context(), testwait.Limit(s.T))
	defer cancel()
	select {
	case <-ended:
	case <-ctx.Done():
		s.Fatal("the handler did not end")
	}
}
