package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, option := range map[string]server.Option{
		"public address": server.WithPublicURL("disk.example"), "public scheme": server.WithPublicURL("ftp://disk.example/"),
		"user without a name": server.WithUsers(server.User{Verify: server.PlainPassword("x")}),
	} {
		if _, err := server.New(http.NotFoundHandler(), option); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestAuthorizationComesFirst is RFC 4918 section 8.1.
func TestAuthorizationComesFirst(t *testing.T) {
	s := newShare(t, afero.NewMemMapFs(), server.WithUsers(server.User{Name: "anna", Verify: server.PlainPassword("a")}))
	for _, method := range []string{"PROPFIND", "MKCOL", "LOCK", "PUT", "DELETE", "COPY", "MOVE"} {
		s.want(401, method, "/none", "<broken", "If: broken", "Depth: 7")
	}
	s.want(401, "PUT", "/f?query", "x")
	s.want(401, "PUT", "/f", "x", "Content-Range: bytes 0-0/1")
}

// TestShareIsChallengedAlike: a share has no path or method that tells a
// stranger more than another, but OPTIONS.
func TestShareIsChallengedAlike(t *testing.T) {
	dav, err := webdav.NewHandler(afero.NewMemMapFs(), webdav.WithPrefix("/dav"))
	if err != nil {
		t.Fatal(err)
	}
	defer dav.Close()
	s := newShareOf(t, dav, server.WithUsers(server.User{Name: "anna", Verify: server.PlainPassword("geheim")}))
	defer s.server.Close()
	for _, method := range []string{"GET", "HEAD", "PROPFIND", "PROPPATCH", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "POST", "NONSENSE"} {
		for _, at := range []string{"/dav/", "/dav", "/dav/missing", "/", "/outside"} {
			for _, headers := range [][]string{nil, {"Authorization: Bearer "}, {"Authorization: Bearer"}, {"Authorization: Basic !!"}, {"Authorization: Negotiate abc"}} {
				a := s.want(401, method, at, "", headers...)
				if !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Basic realm=") {
					t.Errorf("%s %s %v: %v", method, at, headers, a.header)
				}
			}
		}
	}
	s.want(207, "PROPFIND", "/dav/", "", "Depth: 1", basic("anna", "geheim"))
	if a := s.want(200, "OPTIONS", "/", ""); a.header.Get("DAV") == "" {
		t.Errorf("OPTIONS tells %v", a.header)
	}
}

// TestUsersHaveRootsAndRights: what a user may see and do reaches the handler.
func TestUsersHaveRootsAndRights(t *testing.T) {
	fs := afero.NewMemMapFs()
	s := newShare(t, fs, server.WithUsers(
		server.User{Name: "anna", Verify: server.PlainPassword("a"), Root: "/home/anna"},
		server.User{Name: "guest", Verify: server.PlainPassword("g"), Root: "/home/anna", ReadOnly: true},
		server.User{Name: "root", Verify: server.PlainPassword("r")},
	))
	anna, guest, root := basic("anna", "a"), basic("guest", "g"), basic("root", "r")
	s.want(201, "MKCOL", "/home", "", root)
	s.want(201, "MKCOL", "/home/anna", "", root)
	s.want(201, "PUT", "/f", "anna's", anna)
	s.holds("/home/anna/f", "anna's", root)
	s.holds("/f", "anna's", guest)
	s.want(404, "GET", "/home/anna/f", "", anna)
	s.want(403, "PUT", "/f", "guest's", guest)
	s.want(403, "DELETE", "/f", "", guest)
	s.holds("/f", "anna's", anna)
	token := s.want(201, "LOCK", "/locked", `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`, anna).header.Get("Lock-Token")
	s.want(423, "PUT", "/home/anna/locked", "x", root, "If: ("+token+")")
	s.want(201, "PUT", "/f2", "x", anna)
}

// TestContinueOnlyForUsers: a stranger's body is not asked for.
func TestContinueOnlyForUsers(t *testing.T) {
	s := newShare(t, afero.NewMemMapFs(), server.WithUsers(
		server.User{Name: "me", Verify: server.PlainPassword("x")},
		server.User{Name: "guest", Verify: server.PlainPassword("x"), ReadOnly: true},
	))
	for headers, want := range map[string]int{"": 401, basic("guest", "x") + "\r\n": 403, basic("me", "x") + "\r\n": 100} {
		a := s.raw("PUT /new HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" + headers + "Content-Length: 5\r\n\r\n")
		if a.status != want {
			t.Errorf("with %q: first answer %d %v, want %d", headers, a.status, a.err, want)
		}
	}
}

// TestForwardedHost: a Destination on the host that a proxy forwards is this
// server's, if the proxy is trusted.
func TestForwardedHost(t *testing.T) {
	fs := afero.NewMemMapFs()
	proxied := newShare(t, fs, server.WithTrustedProxies(loopback))
	proxied.want(201, "PUT", "/p", "p")
	proxied.want(201, "COPY", "/p", "", "Destination: https://disk.example/q", "X-Forwarded-Host: disk.example")
	proxied.want(201, "COPY", "/p", "", "Destination: https://disk.example/q2", "X-Forwarded-Host: inner, disk.example", "X-Forwarded-For: 192.0.2.1")
	direct := newShare(t, fs)
	direct.want(502, "COPY", "/p", "", "Destination: https://disk.example/r", "X-Forwarded-Host: disk.example")
	direct.want(502, "COPY", "/p", "", "Destination: https://disk.example/r", "X-Forwarded-Host: ", "X-Forwarded-Host: disk.example")
	direct.want(404, "GET", "/r", "")
}

// TestHandlerLearnsWhereARequestComesFrom: in RemoteAddr, as far as the proxies
// are trusted.
func TestHandlerLearnsWhereARequestComesFrom(t *testing.T) {
	var remote, host string
	next := http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		remote, host = req.RemoteAddr, req.Header.Get("X-Forwarded-Host")
	})
	headers := []string{"X-Forwarded-For: 203.0.113.9, 192.0.2.7", "X-Forwarded-Host: disk.example"}
	newShareOf(t, next, server.WithTrustedProxies(loopback)).want(200, "GET", "/", "", headers...)
	if remote != "192.0.2.7:0" || host != "disk.example" {
		t.Errorf("behind a proxy: %s, host %q", remote, host)
	}
	newShareOf(t, next).want(200, "GET", "/", "", headers...)
	if !strings.HasPrefix(remote, "127.0.0.1:") || host != "" {
		t.Errorf("of nobody trusted: %s, host %q", remote, host)
	}
}

func TestABodyThatStandsStillIsCut(t *testing.T) {
	t.Parallel() // it waits
	s := newShare(t, afero.NewMemMapFs(), server.WithLimits(server.Limits{Idle: 500 * time.Millisecond}))
	s.want(201, "PUT", "/f", "old")
	for _, head := range []string{
		"PUT /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\npart",
		"PUT /f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
		"PROPFIND / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n<D:propfind",
		"LOCK /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
	} {
		// The connection ends with it: nobody knows where the next request begins.
		if a := s.raw(head); a.status != http.StatusRequestTimeout || a.header.Get("Connection") != "close" {
			t.Errorf("%.20q: %d %v %v", head, a.status, a.err, a.header)
		}
	}
	s.holds("/f", "old")
}

// TestAConnectionOutlivesItsDeadlines sends a second request on a connection
// whose first one had deadlines, when these have passed.
func TestAConnectionOutlivesItsDeadlines(t *testing.T) {
	t.Parallel() // it waits
	idle := 200 * time.Millisecond
	s := newShare(t, afero.NewMemMapFs(), server.WithLimits(server.Limits{Idle: idle}))
	conn := s.dial()
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range 2 {
		if _, err := io.WriteString(conn, "PUT /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nfour"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(answers, nil)
		if err != nil || res.StatusCode/100 != 2 {
			t.Fatalf("%v %v", res, err)
		}
		<-time.After(2 * idle)
	}
}

// TestRequestsAtOnceAreBounded fills the only slot with an upload.
func TestRequestsAtOnceAreBounded(t *testing.T) {
	next := newBlocking()
	s := newShareOf(t, next, server.WithLimits(server.Limits{Requests: 1, QueueTime: time.Millisecond}))
	done := make(chan answer)
	go func() { done <- s.do("PUT", "/f", strings.NewReader("x")) }()
	<-next.started
	if a := s.want(503, "GET", "/", ""); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(next.release)
	if a := <-done; a.status != 200 {
		t.Errorf("the upload: %d %v", a.status, a.err)
	}
	s.want(200, "GET", "/", "")
}

// TestOneClientDoesNotTakeAllSlots: one that sends many bodies slowly keeps
// itself waiting, and not the others.
func TestOneClientDoesNotTakeAllSlots(t *testing.T) {
	next := newBlocking()
	s := newShareOf(t, next, server.WithTrustedProxies(loopback), server.WithLimits(server.Limits{Requests: 8, QueueTime: time.Millisecond}))
	const slow, other = "X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2"
	done := make(chan answer)
	for i := range 6 {
		go func() { done <- s.do("PUT", fmt.Sprintf("/%d", i), strings.NewReader("x"), slow) }()
		<-next.started
	}
	s.want(503, "GET", "/", "", slow)
	for range 20 {
		s.want(200, "GET", "/", "", other)
	}
	close(next.release)
	for range 6 {
		if a := <-done; a.status != 200 {
			t.Errorf("an upload: %d %v", a.status, a.err)
		}
	}
	s.want(200, "GET", "/", "", slow)
}
