package webdav

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testclock"
)

// The tests of this file are faults of golang.org/x/net/webdav, the handler
// most Go programs use. They are why this package does without it.

func TestCoreX01MoveAndCopyNeverDeleteFirst(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/from", "from")
	s.put("/to", "to")
	s.want(201, "MKCOL", "/dir", "")
	s.put("/dir/f", "f")
	s.untouched(func() {
		s.capable().failOn(503, "move", "copy", "put")
		for _, method := range []string{"MOVE", "COPY"} {
			s.want(503, method, "/from", "", "Destination: {server}/to")
			s.want(503, method, "/from", "", "Destination: {server}/dir")
			s.want(503, method, "/dir", "", "Destination: {server}/to")
		}
		s.capable().failOn(503, "stat")
		s.want(503, "MOVE", "/from", "", "Destination: {server}/to")
	})
	s.capable().setFail(nil)
	s.capable().resetCounts()
	s.want(204, "MOVE", "/from", "", "Destination: {server}/dir")
	if got := s.capable().count("delete"); got != 0 {
		s.Errorf("MOVE made %d deletions", got)
	}
	s.holds("/dir", "from")
}

func TestCoreX02MoveWithoutOverwriteReplaces(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/a", "a")
		s.put("/b", "b")
		s.want(204, "MOVE", "/a", "", "Destination: {server}/b")
		s.holds("/b", "a")
	})
}

func TestCoreX03CopyIsOneCall(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.want(201, "MKCOL", "/d", "")
	for i := range 20 {
		s.put(fmt.Sprintf("/d/%d", i), "x")
	}
	s.capable().resetCounts()
	s.want(201, "COPY", "/d", "", "Destination: {server}/e")
	s.want(201, "MOVE", "/d", "", "Destination: {server}/f")
	s.want(204, "DELETE", "/f", "")
	c := s.capable()
	if c.count("copy") != 1 || c.count("move") != 1 || c.count("delete") != 1 || c.count("put")+c.count("read")+c.count("list") != 0 {
		t.Errorf("calls: %v", c.calls)
	}
	s.holds("/e/7", "x")
}

func TestCoreX04PutStatuses(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "PUT", "/f", "1")
		s.want(204, "PUT", "/f", "2")
		s.want(201, "MKCOL", "/d", "")
		s.untouched(func() {
			s.want(405, "PUT", "/d", "x")
			s.want(405, "PUT", "/d/", "x")
			s.want(405, "PUT", "/new/", "x")
			s.want(409, "PUT", "/none/f", "x")
			s.want(409, "PUT", "/f/below", "x")
			s.want(412, "PUT", "/f", "x", `If-Match: "no"`)
		})
	})
}

func TestCoreX05IfHeaderIsEvaluatedWhole(t *testing.T) {
	onEach(t, func(s *share) {
		etag := s.put("/f", "1").header.Get("ETag")
		token := s.lock("/f")
		other := s.lock("/other")
		for _, c := range []struct {
			name, header string
			want         int
		}{
			{"etag alone is no token", `(["x"])`, 412},
			{"right token, wrong etag", `(` + token + ` ["x"])`, 412},
			{"right etag, no token", `([` + etag + `])`, 423},
			{"not no-lock", `(Not <DAV:no-lock>)`, 423},
			{"not no-lock with the token after", `(<DAV:no-lock>) (` + token + `)`, 204},
			{"a token of another resource", `(` + other + `)`, 412},
			{"another resource's list", `<` + s.server.URL + `/other> (` + other + `)`, 423},
			{"another host's list", `<http://elsewhere.example/f> (` + token + `)`, 412},
			{"tagged", `<` + s.server.URL + `/f> (` + token + `)`, 204},
			{"tagged by path", `</f> (` + token + `)`, 204},
			{"malformed", `(` + token, 400},
		} {
			if a := s.do("PUT", "/f", "1", "If: "+c.header); a.status != c.want {
				s.Errorf("%s: %d, want %d", c.name, a.status, c.want)
			}
		}
		s.want(201, "MKCOL", "/d", "")
		folder := s.lock("/d", "Depth: 0")
		s.want(423, "PUT", "/d/member", "x")
		s.want(201, "PUT", "/d/member", "x", "If: <"+s.server.URL+"/d> ("+folder+")")
	})
}

func TestCoreX06Locks(t *testing.T) {
	clock := testclock.At(time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC))
	onEach(t, func(s *share) {
		s.put("/f", "f")
		first, second := s.lock("/a"), s.lock("/b")
		if first == second || !strings.HasPrefix(first, "<urn:uuid:") {
			s.Errorf("tokens %s %s", first, second)
		}
		s.want(409, "UNLOCK", "/f", "", "Lock-Token: "+first)
		s.want(204, "UNLOCK", "/a", "", "Lock-Token: "+first)
		s.lock("/f", "Timeout: Second-60")
		s.want(423, "DELETE", "/f", "")
		clock.Advance(61 * time.Second)
		s.want(204, "DELETE", "/f", "")
		s.put("/f", "f")
		// A deleted resource takes its lock along.
		token := s.lock("/f")
		s.want(204, "DELETE", "/f", "", "If: ("+token+")")
		s.want(201, "PUT", "/f", "again")
		// A moved one leaves it behind, and the lock of the source is enough.
		token = s.lock("/f")
		s.want(201, "MOVE", "/f", "", "Destination: {server}/g", "If: ("+token+")")
		s.want(204, "PUT", "/g", "free")
		s.want(201, "PUT", "/f", "free")
		// A locked member stops its folder's deletion.
		s.want(201, "MKCOL", "/d", "")
		s.put("/d/in", "in")
		s.lock("/d/in")
		s.untouched(func() {
			m := s.want(207, "DELETE", "/d", "").multistatus(s.T)
			if !strings.Contains(fmt.Sprint(m), "423") || m.Responses[0].Href != "/d/in" {
				s.Errorf("multistatus %v", m)
			}
		})
		// Shared locks.
		shared := strings.Replace(lockBody, "exclusive", "shared", 1)
		one := s.want(200, "LOCK", "/g", shared).header.Get("Lock-Token")
		two := s.want(200, "LOCK", "/g", shared).header.Get("Lock-Token")
		s.want(423, "LOCK", "/g", lockBody)
		s.want(423, "PUT", "/g", "x")
		s.want(204, "PUT", "/g", "x", "If: ("+two+")")
		s.want(204, "PUT", "/g", "x", "If: ("+one+")")
		s.want(409, "LOCK", "/none/f", lockBody)
	}, WithClock(clock.Now))
}

func TestCoreX07DestinationAndPrefix(t *testing.T) {
	s := newShare(t, newCapableFs(), WithPrefix("/dav"), WithPublicURL("https://disk.example:8443/dav"))
	s.put("/dav/f", "f")
	s.want(404, "GET", "/davfoo", "")
	s.want(404, "GET", "/da", "")
	for i, to := range []string{
		"{server}/dav/%d", "/dav/%d", "https://disk.example:8443/dav/%d", "https://disk.example/dav/%d",
		"http://DISK.example/dav/%d", strings.Replace(s.server.URL, "http:", "https:", 1) + "/dav/%d",
	} {
		s.want(201, "COPY", "/dav/f", "", "Destination: "+strings.ReplaceAll(to, "%d", fmt.Sprint(i)))
		s.holds(fmt.Sprintf("/dav/%d", i), "f")
	}
	s.untouched(func() {
		s.want(502, "MOVE", "/dav/f", "", "Destination: http://elsewhere.example/dav/g")
		s.want(502, "MOVE", "/dav/f", "", "Destination: {server}/davfoo/g")
		s.want(502, "MOVE", "/dav/f", "", "Destination: /g")
	})
}

func TestCoreX08ProppatchOnFolders(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "MKCOL", "/d", "")
		s.put("/f", "f")
		for _, at := range []string{"/d", "/f"} {
			m := s.want(207, "PROPPATCH", at, windowsTimes).multistatus(s.T)
			for _, ps := range m.Responses[0].Propstats {
				if ps.Status != "HTTP/1.1 200 OK" {
					s.Errorf("%s: %s %v", at, ps.Status, ps.Prop.Props)
				}
			}
			got := s.properties(at, "getlastmodified", "{urn:schemas-microsoft-com:}Win32CreationTime", "{urn:schemas-microsoft-com:}Win32FileAttributes")
			if got["getlastmodified"] != "Tue, 03 Mar 2026 10:20:30 GMT" ||
				got["{urn:schemas-microsoft-com:}Win32CreationTime"] != "Mon, 02 Mar 2026 10:20:30 GMT" ||
				got["{urn:schemas-microsoft-com:}Win32FileAttributes"] != "00000020" {
				s.Errorf("%s: %v", at, got)
			}
		}
	})
}

const windowsTimes = `<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop><Z:Win32CreationTime>Mon, 02 Mar 2026 10:20:30 GMT</Z:Win32CreationTime><Z:Win32LastAccessTime>Tue, 03 Mar 2026 10:20:30 GMT</Z:Win32LastAccessTime><Z:Win32LastModifiedTime>Tue, 03 Mar 2026 10:20:30 GMT</Z:Win32LastModifiedTime><Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>`

func TestCoreX09PropfindIsOneListing(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.want(201, "MKCOL", "/d", "")
	for i := range 300 {
		s.put(fmt.Sprintf("/d/%d", i), "x")
	}
	s.capable().resetCounts()
	m := s.want(207, "PROPFIND", "/d", propfindOf("resourcetype", "getcontentlength", "getlastmodified", "getetag", "getcontenttype", "creationdate", "displayname", "lockdiscovery"), "Depth: 1").multistatus(t)
	if len(m.Responses) != 301 {
		t.Errorf("%d responses", len(m.Responses))
	}
	c := s.capable()
	if c.count("open") != 1 || c.count("list") != 1 || c.countAll() != 2 {
		t.Errorf("calls: %v, want one open and one list", c.calls)
	}
}

// propfindOf is the body of a PROPFIND for properties of DAV:.
func propfindOf(names ...string) string {
	return `<D:propfind xmlns:D="DAV:"><D:prop><D:` + strings.Join(names, "/><D:") + `/></D:prop></D:propfind>`
}

func TestCoreX10PropfindIsBounded(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "x")
	for _, depth := range []string{"infinity", "Infinity", ""} {
		headers := []string{}
		if depth != "" {
			headers = append(headers, "Depth: "+depth)
		}
		a := s.want(403, "PROPFIND", "/", "", headers...)
		if !strings.Contains(a.body, "propfind-finite-depth") {
			t.Errorf("body %s", a.body)
		}
	}
	s.want(207, "PROPFIND", "/d/f", "", "Depth: infinity")
	s.want(400, "PROPFIND", "/", "", "Depth: 1,noroot")
	s.want(207, "PROPFIND", "/d", "<propfind xmlns=\"DAV:\"><prop>\n\t<resourcetype/> \n</prop></propfind>", "Depth: 0")
	s.want(400, "PROPFIND", "/d", `<D:propfind xmlns:D="DAV:"><D:prop><x:y xmlns:x=""/></D:prop></D:propfind>`, "Depth: 0")
	s.want(413, "PROPFIND", "/d", `<D:propfind xmlns:D="DAV:"><!--`+strings.Repeat("x", 2<<20)+`--></D:propfind>`, "Depth: 0")
	// A fault while listing is an error, not a 207 that breaks off.
	s.put("/d/%3F", "x")
	for _, op := range []string{"list", "open", "properties"} {
		s.capable().failOn(503, op)
		s.want(503, "PROPFIND", "/d", "", "Depth: 1")
	}
	s.capable().setFail(nil)
	s.want(204, "DELETE", "/d/%3F", "")
	whole := newShare(t, s.fs, WithDepthInfinity(3))
	m := whole.want(207, "PROPFIND", "/", "", "Depth: infinity").multistatus(t)
	if got := fmt.Sprint(m.hrefs()); got != "[/ /d/ /d/f]" {
		t.Errorf("hrefs %s", got)
	}
	whole.put("/d/g", "x")
	whole.want(403, "PROPFIND", "/", "", "Depth: infinity")
}

func TestCoreX11LiveProperties(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f")
	s.lock("/f")
	got := s.properties("/", "quota-available-bytes", "quota-used-bytes")
	if got["quota-used-bytes"] != "1" || got["quota-available-bytes"] != fmt.Sprint(1<<30-1) {
		t.Errorf("quota %v", got)
	}
	m := s.want(207, "PROPFIND", "/f", "", "Depth: 0").multistatus(t)
	for _, local := range []string{"creationdate", "lockdiscovery", "getetag"} {
		if p, status := m.prop("/f", "DAV:", local); status != "HTTP/1.1 200 OK" || p.Inner == "" {
			t.Errorf("%s: %q %s", local, p.Inner, status)
		}
	}
	m = s.want(207, "PROPFIND", "/", "", "Depth: 0").multistatus(t)
	if _, status := m.prop("/", "DAV:", "quota-used-bytes"); status != "" {
		t.Error("allprop has the quota, which costs a call")
	}
}

func TestCoreX12GetTellsTheTruth(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", strings.Repeat("x", 100_000))
	s.capable().resetCounts()
	a := s.want(200, "HEAD", "/f", "")
	if s.capable().count("read") != 0 || a.header.Get("Content-Type") == "" || a.header.Get("Content-Length") != "100000" {
		t.Errorf("HEAD read the file or tells too little: %v", a.header)
	}
	for _, op := range []string{"open", "read"} {
		s.capable().failOn(503, op)
		a := s.want(503, "GET", "/f", "")
		if a.header.Get("ETag") != "" || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: header %v", op, a.header)
		}
	}
	// A fault after the header cuts the connection.
	reads := 0
	s.capable().setFail(func(op, name string) error {
		if op == "read" {
			if reads++; reads > 1 {
				return failing(op, name, 503)
			}
		}
		return nil
	})
	if a := s.do("GET", "/f", ""); a.status != 200 || a.err == nil {
		t.Errorf("a broken body looked complete: %d, %d bytes", a.status, len(a.body))
	}
	s.capable().setFail(nil)
	a = s.want(405, "POST", "/f", "x")
	if !strings.Contains(a.header.Get("Allow"), "PUT") {
		t.Errorf("Allow %q", a.header.Get("Allow"))
	}
	s.want(200, "GET", "/", "")
}

func TestCoreX13DeleteMapsErrors(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f")
	for _, code := range []int{403, 409, 503, 507} {
		s.capable().failOn(code, "delete")
		s.want(code, "DELETE", "/f", "")
	}
	s.capable().setFail(nil)
	s.want(403, "DELETE", "/", "")
	s.want(404, "DELETE", "/missing", "")
	s.want(204, "DELETE", "/f", "")
}

func TestCoreX14MkcolRefusesABody(t *testing.T) {
	onEach(t, func(s *share) {
		s.untouched(func() {
			s.want(415, "MKCOL", "/d", "<x/>")
			a := s.raw("MKCOL /d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<x/>\r\n0\r\n\r\n")
			if a.status != 415 {
				s.Errorf("chunked: %d", a.status)
			}
		})
		if a := s.raw("MKCOL /d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"); a.status != 201 {
			s.Errorf("empty chunked: %d", a.status)
		}
	})
}

// TestSlashMeansAFolder: a file is not deleted, moved or copied under the
// address of a folder.
func TestSlashMeansAFolder(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/f", "f")
		s.want(201, "MKCOL", "/d", "")
		s.put("/d/in", "in")
		s.untouched(func() {
			s.want(409, "DELETE", "/f/", "")
			for _, method := range []string{"MOVE", "COPY"} {
				s.want(409, method, "/f/", "", "Destination: /g")
			}
		})
		s.want(207, "PROPFIND", "/f/", "", "Depth: 0")
		s.want(201, "MOVE", "/d", "", "Destination: /e/")
		s.want(204, "DELETE", "/e", "")
	})
}

func TestCoreX15StatusesOfErrors(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f")
	for _, code := range []int{400, 403, 409, 413, 500, 502, 503, 504, 507} {
		s.capable().failOn(code, "put")
		s.want(code, "PUT", "/f", "x")
	}
	s.capable().setFail(func(op, name string) error {
		if op == "put" {
			return fmt.Errorf("%s: something unheard of in /srv/secret", path.Base(name))
		}
		return nil
	})
	if a := s.want(500, "PUT", "/f", "x"); strings.Contains(a.body, "secret") {
		t.Errorf("the answer tells too much: %s", a.body)
	}
}
