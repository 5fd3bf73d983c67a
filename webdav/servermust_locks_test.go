package webdav

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/davdisk/davdisk/internal/testclock"
)

var sharedBody = strings.Replace(lockBody, "exclusive", "shared", 1)

func mustMoveLocked(s *share) {
	s.put("/f", "f")
	token := s.lock("/f")
	s.want(423, "MOVE", "/f", "", "Destination: {server}/g")
	s.want(201, "MOVE", "/f", "", "Destination: {server}/g", "If: ("+token+")")
	// The lock has not come along, and none is left behind.
	s.want(204, "PUT", "/g", "free")
	s.want(201, "PUT", "/f", "free")
	s.want(409, "UNLOCK", "/g", "", "Lock-Token: "+token)
	// A locked destination wants its token too.
	source, target := s.lock("/f"), s.lock("/g")
	s.want(423, "MOVE", "/f", "", "Destination: {server}/g", "If: ("+source+")")
	s.want(204, "MOVE", "/f", "", "Destination: {server}/g", "If: <"+s.server.URL+"/f> ("+source+") <"+s.server.URL+"/g> ("+target+")")
	s.want(423, "PUT", "/g", "still locked")
	s.want(204, "PUT", "/g", "x", "If: ("+target+")")
}

func mustJudgeIf(s *share) {
	etag := s.put("/f", "f").header.Get("ETag")
	for _, c := range []struct {
		header string
		want   int
	}{
		{`([` + etag + `])`, 200},
		{`(["other"])`, 412},
		{`(Not ["other"])`, 200},
		{`(["other"]) ([` + etag + `])`, 200},
		{`(Not <DAV:no-lock>)`, 200},
		{`(<DAV:no-lock>)`, 412},
		{`(<urn:uuid:00000000-0000-0000-0000-000000000000>)`, 412},
		{`</f> ([` + etag + `])`, 200},
		{`</missing> (["x"])`, 412},
		{`</missing> (Not ["x"])`, 200},
		{`nonsense`, 400},
	} {
		if a := s.do("GET", "/f", "", "If: "+c.header); a.status != c.want {
			s.Errorf("If %s: %d, want %d", c.header, a.status, c.want)
		}
	}
}

func mustLockMissing(s *share) {
	s.want(201, "MKCOL", "/d", "")
	before := s.everything()
	a := s.want(201, "LOCK", "/d/new", lockBody, "Depth: 0", "Timeout: Second-600")
	if s.everything() != before {
		s.Error("LOCK stored something")
	}
	token := a.header.Get("Lock-Token")
	head := s.want(200, "HEAD", "/d/new", "")
	if head.header.Get("Content-Length") != "0" || head.header.Get("ETag") == "" || head.header.Get("Last-Modified") == "" {
		s.Errorf("HEAD %v", head.header)
	}
	s.holds("/d/new", "")
	m := s.want(207, "PROPFIND", "/d", "", "Depth: 1").multistatus(s.T)
	if p, _ := m.prop("/d/new", "DAV:", "getetag"); p.Text != head.header.Get("ETag") {
		s.Errorf("listed as %q", p.Text)
	}
	if p, _ := m.prop("/d/new", "DAV:", "getcontentlength"); p.Text != "0" {
		s.Errorf("listed with length %q", p.Text)
	}
	// As davfs2 goes on.
	s.want(412, "PUT", "/d/new", "x", `If-Match: "other"`, "If: ("+token+")")
	put := s.want(204, "PUT", "/d/new", "content", "If-Match: "+head.header.Get("ETag"), "If: <"+s.server.URL+"/d/new> ("+token+")")
	if put.header.Get("ETag") == head.header.Get("ETag") {
		s.Error("the entity tag did not change with the content")
	}
	s.want(204, "UNLOCK", "/d/new", "", "Lock-Token: "+token)
	s.holds("/d/new", "content")
	// UNLOCK and DELETE take an unused one away.
	token = s.lock("/d/unused")
	s.want(204, "UNLOCK", "/d/unused", "", "Lock-Token: "+token)
	s.gone("/d/unused")
	token = s.lock("/d/unused")
	s.want(423, "DELETE", "/d/unused", "")
	s.want(204, "DELETE", "/d/unused", "", "If: ("+token+")")
	s.gone("/d/unused")
	s.want(409, "LOCK", "/none/new", lockBody)
	s.want(409, "LOCK", "/d/new/below", lockBody)
	// It can be copied, moved and made a folder like a file that is empty.
	token = s.lock("/d/empty")
	s.want(201, "COPY", "/d/empty", "", "Destination: {server}/d/copy")
	s.holds("/d/copy", "")
	s.want(201, "MOVE", "/d/empty", "", "Destination: {server}/d/moved", "If: ("+token+")")
	s.holds("/d/moved", "")
	s.gone("/d/empty")
}

var uriToken = regexp.MustCompile(`^<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}>$`)

func mustTokens(s *share) {
	seen := map[string]bool{}
	for i := range 50 {
		token := s.lock(fmt.Sprintf("/%d", i))
		if !uriToken.MatchString(token) || seen[token] {
			s.Errorf("token %s", token)
		}
		seen[token] = true
	}
}

var timeoutElement = regexp.MustCompile(`<D:timeout>Second-(\d+)</D:timeout>`)

func mustTimeouts(s *share) {
	for i, c := range []struct{ header, want string }{
		{"", "3600"},
		{"Timeout: Second-180", "180"},
		{"Timeout: Second-999999", "3600"},
		{"Timeout: Infinite", "3600"},
		{"Timeout: Infinite, Second-4100000000", "3600"},
		{"Timeout: Second-0", "3600"},
		{"Timeout: Extend-1, Second-60", "60"},
		{"Timeout: nonsense", "3600"},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header}
		}
		a := s.do("LOCK", fmt.Sprintf("/%d", i), lockBody, headers...)
		if m := timeoutElement.FindStringSubmatch(a.body); m == nil || m[1] != c.want {
			s.Errorf("%q: %v, want %s", c.header, m, c.want)
		}
	}
}

func mustRefresh(s *share) {
	clock := testclock.At(time.Now())
	timed := newShare(s.T, s.fs, WithClock(clock.Now))
	timed.put("/f", "f")
	token := timed.lock("/f", "Timeout: Second-100")
	for _, form := range []string{"(" + token + ")", "<" + timed.server.URL + "/f> (" + token + ")", "</f> (" + token + ")"} {
		clock.Advance(80 * time.Second)
		a := timed.want(200, "LOCK", "/f", "", "If: "+form, "Timeout: Second-100")
		if m := timeoutElement.FindStringSubmatch(a.body); m == nil || m[1] != "100" {
			s.Errorf("%s: %v", form, m)
		}
		if a.header.Get("Lock-Token") != "" {
			s.Error("a refresh gives no new token")
		}
	}
	if a := timed.raw("LOCK /f HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\nIf: (" + token + ")\r\n\r\n"); a.status != 200 {
		s.Errorf("with Content-Length 0 and no Depth: %d", a.status)
	}
	timed.want(423, "PUT", "/f", "x")
	timed.want(400, "LOCK", "/f", "")
	timed.want(412, "LOCK", "/f", "", "If: (<urn:uuid:00000000-0000-4000-8000-000000000000>)")
	clock.Advance(2 * time.Hour)
	timed.want(412, "LOCK", "/f", "", "If: ("+token+")")
	timed.want(204, "PUT", "/f", "x")
}

func mustDiscover(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "f")
	token := strings.Trim(s.lock("/d", "Depth: infinity", "Timeout: Second-600"), "<>")
	for _, body := range []string{"", propfindOf("lockdiscovery", "supportedlock")} {
		m := s.want(207, "PROPFIND", "/d/f", body, "Depth: 0").multistatus(s.T)
		p, status := m.prop("/d/f", "DAV:", "lockdiscovery")
		for _, part := range []string{
			token, "<D:href>/d/</D:href>", "http://a/&lt;me&gt;", "Second-600", "<D:depth>infinity</D:depth>", "<D:exclusive/>", "<D:write/>",
		} {
			if !strings.Contains(p.Inner, part) {
				s.Errorf("lockdiscovery has no %s: %s (%s)", part, p.Inner, status)
			}
		}
		p, _ = m.prop("/d/f", "DAV:", "supportedlock")
		if !strings.Contains(p.Inner, "<D:exclusive/>") || !strings.Contains(p.Inner, "<D:shared/>") {
			s.Errorf("supportedlock %s", p.Inner)
		}
	}
}

func mustShare(s *share) {
	s.put("/f", "f")
	first := s.want(200, "LOCK", "/f", sharedBody).header.Get("Lock-Token")
	second := s.want(200, "LOCK", "/f", sharedBody).header.Get("Lock-Token")
	a := s.want(423, "LOCK", "/f", lockBody)
	if !strings.Contains(a.body, "<D:no-conflicting-lock><D:href>/f</D:href>") {
		s.Errorf("423 says %s", a.body)
	}
	s.want(423, "PUT", "/f", "x")
	s.want(204, "PUT", "/f", "x", "If: ("+first+")")
	s.want(204, "UNLOCK", "/f", "", "Lock-Token: "+first)
	s.want(423, "PUT", "/f", "x")
	s.want(204, "UNLOCK", "/f", "", "Lock-Token: "+second)
	s.want(204, "PUT", "/f", "x")
}

func mustUnlock(s *share) {
	s.put("/f", "f")
	token := s.lock("/f")
	s.want(400, "UNLOCK", "/f", "")
	a := s.want(409, "UNLOCK", "/f", "", "Lock-Token: <urn:uuid:00000000-0000-4000-8000-000000000000>")
	if !strings.Contains(a.body, "lock-token-matches-request-uri") {
		s.Errorf("409 says %s", a.body)
	}
	s.want(204, "UNLOCK", "/f", "", "Lock-Token: "+strings.Trim(token, "<>"))
	s.want(204, "PUT", "/f", "x")
}

func mustNotSweep(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.want(201, "MKCOL", "/d/sub", "")
	s.put("/d/sub/locked", "1")
	s.put("/d/free", "2")
	s.put("/other", "3")
	token := s.lock("/d/sub/locked")
	s.untouched(func() {
		for _, a := range []answer{
			s.do("DELETE", "/d", ""),
			s.do("MOVE", "/d", "", "Destination: {server}/e"),
			s.do("COPY", "/other", "", "Destination: {server}/d"),
			s.do("MOVE", "/other", "", "Destination: {server}/d"),
		} {
			m := a.multistatus(s.T)
			if len(m.Responses) != 1 || m.Responses[0].Href != "/d/sub/locked" || m.Responses[0].Status != "HTTP/1.1 423 Locked" {
				s.Errorf("%v", m.Responses)
			}
		}
		a := s.want(423, "DELETE", "/d/sub/locked", "")
		if !strings.Contains(a.body, "<D:lock-token-submitted><D:href>/d/sub/locked</D:href>") {
			s.Errorf("423 says %s", a.body)
		}
	})
	s.want(204, "DELETE", "/d", "", "If: <"+s.server.URL+"/d/sub/locked> ("+token+")")
	s.gone("/d/free")
}
