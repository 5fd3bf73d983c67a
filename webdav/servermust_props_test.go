package webdav

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

func mustProppatch(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put("/f", "f")
	body := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>
		<x:executable xmlns:x="http://apache.org/dav/props/">T</x:executable>
		<s:lastmodified xmlns:s="SAR:">1700000000</s:lastmodified>
		<n:dead xmlns:n="urn:n" xml:lang="de">ä <b>&lt;</b></n:dead>
		<plain xmlns="">p</plain>
		</D:prop></D:set></D:propertyupdate>`
	for _, at := range []string{"/d", "/f"} {
		for _, body := range []string{windowsTimes, body} {
			m := s.want(207, "PROPPATCH", at, body).multistatus(s.T)
			if len(m.Responses) != 1 || len(m.Responses[0].Propstats) != 1 || m.Responses[0].Propstats[0].Status != "HTTP/1.1 200 OK" ||
				len(m.Responses[0].Propstats[0].Prop.Props) != 4 {
				s.Errorf("%s: %v", at, m)
			}
		}
		got := s.properties(at, "{http://apache.org/dav/props/}executable", "{SAR:}lastmodified", "{urn:n}dead", "{urn:schemas-microsoft-com:}Win32LastModifiedTime")
		if got["{http://apache.org/dav/props/}executable"] != "T" || got["{SAR:}lastmodified"] != "1700000000" ||
			got["{urn:n}dead"] != "ä <b>&lt;</b>" || got["{urn:schemas-microsoft-com:}Win32LastModifiedTime"] != "Tue, 03 Mar 2026 10:20:30 GMT" {
			s.Errorf("%s: %v", at, got)
		}
	}
	// All or nothing: a protected one makes the others fail.
	for _, protected := range []string{"getetag", "resourcetype", "lockdiscovery", "creationdate", "getcontentlength", "quota-used-bytes", "displayname"} {
		m := s.want(207, "PROPPATCH", "/f", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:other xmlns:x="urn:x">1</x:other></D:prop></D:set><D:set><D:prop><D:`+protected+`>1</D:`+protected+`></D:prop></D:set></D:propertyupdate>`).multistatus(s.T)
		if _, status := m.prop("/f", "DAV:", protected); status != "HTTP/1.1 403 Forbidden" {
			s.Errorf("%s: %s", protected, status)
		}
		if _, status := m.prop("/f", "urn:x", "other"); status != "HTTP/1.1 424 Failed Dependency" {
			s.Errorf("beside %s: %s", protected, status)
		}
	}
	m := s.want(207, "PROPPATCH", "/f", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:getlastmodified>never</D:getlastmodified></D:prop></D:set></D:propertyupdate>`).multistatus(s.T)
	if _, status := m.prop("/f", "DAV:", "getlastmodified"); status != "HTTP/1.1 409 Conflict" {
		s.Errorf("a date that is none: %s", status)
	}
	if got := s.properties("/f", "{urn:x}other"); len(got) != 0 {
		s.Errorf("half of a PROPPATCH was done: %v", got)
	}
	s.want(404, "PROPPATCH", "/none", windowsTimes)
	s.want(400, "PROPPATCH", "/f", "")
}

func mustLive(s *share) {
	s.want(201, "MKCOL", "/d", "")
	name := "/d/" + hostile + ".txt"
	at := escape(name)
	put := s.put(at, "12345", "X-OC-Mtime: 1700000000")
	m := s.want(207, "PROPFIND", "/d", "", "Depth: 1").multistatus(s.T)
	for local, want := range map[string]string{
		"getcontentlength": "5",
		"getlastmodified":  "Tue, 14 Nov 2023 22:13:20 GMT",
		"displayname":      strings.TrimPrefix(name, "/d/"),
		"getcontenttype":   "text/plain; charset=utf-8",
		"getetag":          put.header.Get("ETag"),
		"resourcetype":     "",
	} {
		p, status := m.prop(at, "DAV:", local)
		if p.Text != want || status != "HTTP/1.1 200 OK" {
			s.Errorf("%s: %q %q, want %q", local, p.Text, status, want)
		}
	}
	p, _ := m.prop(at, "DAV:", "creationdate")
	if created, err := time.Parse("2006-01-02T15:04:05Z", p.Text); err != nil || created.IsZero() {
		s.Errorf("creationdate %q", p.Text)
	}
	if p, _ := m.prop("/d/", "DAV:", "resourcetype"); p.Inner != "<D:collection/>" {
		s.Errorf("resourcetype of a folder %q", p.Inner)
	}
	if p, _ := m.prop("/d/", "DAV:", "displayname"); p.Text != "d" {
		s.Errorf("displayname of a folder %q", p.Text)
	}
	for _, local := range []string{"getcontentlength", "getcontenttype"} {
		if _, status := m.prop("/d/", "DAV:", local); status != "" {
			s.Errorf("a folder has %s", local)
		}
	}
	m = s.want(207, "PROPFIND", at, propfindOf("nonsense", "getetag"), "Depth: 0").multistatus(s.T)
	if _, status := m.prop(at, "DAV:", "nonsense"); status != "HTTP/1.1 404 Not Found" {
		s.Errorf("an unknown one: %q", status)
	}
	if m.Responses[0].Propstats[0].Status != "HTTP/1.1 200 OK" {
		s.Error("what was found does not come first")
	}
	m = s.want(207, "PROPFIND", at, `<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>`, "Depth: 0").multistatus(s.T)
	if p, status := m.prop(at, "DAV:", "getetag"); status != "HTTP/1.1 200 OK" || p.Inner != "" {
		s.Errorf("propname: %q %q", p.Inner, status)
	}
}

func mustQuota(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "12345")
	c, counts := s.fs.(*capableFs)
	_, can := s.fs.(Usager)
	names := []string{"quota-available-bytes", "quota-used-bytes"}
	for _, at := range []string{"/", "/d", "/d/"} {
		got := s.properties(at, names...)
		available, _ := strconv.ParseInt(got["quota-available-bytes"], 10, 64)
		if can && (got["quota-used-bytes"] != "5" || available < 1<<30-5) || !can && len(got) != 0 {
			s.Errorf("%s: %v", at, got)
		}
	}
	if got := s.properties("/d/f", names...); len(got) != 0 {
		s.Errorf("a file has a quota: %v", got)
	}
	if !counts {
		return
	}
	c.resetCounts()
	s.want(207, "PROPFIND", "/", "", "Depth: 1")
	if c.count("usage") != 0 {
		s.Error("allprop asks for the space")
	}
	s.want(207, "PROPFIND", "/", propfindOf(names...), "Depth: 1")
	if c.count("usage") != 1 {
		s.Errorf("the space was asked for %d times", c.count("usage"))
	}
	c.mu.Lock()
	c.total = 3
	c.mu.Unlock()
	if got := s.properties("/", names...); got["quota-available-bytes"] != "0" {
		s.Errorf("more used than there is: %v", got)
	}
	if got := newShare(s.T, s.fs, WithoutQuota()).properties("/", names...); len(got) != 0 {
		s.Errorf("switched off: %v", got)
	}
}

func mustPropfind(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "f")
	for _, depth := range []string{"0", "1", " 1 "} {
		s.want(207, "PROPFIND", "/d", "", "Depth: "+depth)
	}
	for _, depth := range []string{"infinity", "Infinity", "INFINITY"} {
		a := s.want(403, "PROPFIND", "/d", "", "Depth: "+depth)
		if !strings.Contains(a.body, "<D:propfind-finite-depth/>") || !strings.Contains(a.header.Get("Content-Type"), "xml") {
			s.Errorf("%s: %s", depth, a.body)
		}
	}
	s.want(400, "PROPFIND", "/d", "", "Depth: 2")
	s.want(400, "PROPFIND", "/d", "", "Depth: 1,noroot")
	s.want(404, "PROPFIND", "/none", "", "Depth: 0")
	s.want(404, "PROPFIND", "/d/f/below", "", "Depth: 0")
	m := s.want(207, "PROPFIND", "/d", "", "Depth: 0").multistatus(s.T)
	if _, status := m.prop("/d/", "DAV:", "resourcetype"); len(m.Responses) != 1 || status == "" {
		s.Errorf("an empty body is not allprop: %v", m)
	}
}

func mustListOnce(s *share) {
	c, ok := s.fs.(*capableFs)
	s.want(201, "MKCOL", "/d", "")
	for i := range 50 {
		s.put(fmt.Sprintf("/d/%d", i), "x")
	}
	if ok {
		c.resetCounts()
	}
	for _, body := range []string{
		"", propfindOf("resourcetype", "getetag"),
		`<D:propfind xmlns:D="DAV:"><D:prop><x:appledoubleheader xmlns:x="http://www.apple.com/webdav_fs/props/"/></D:prop></D:propfind>`,
	} {
		m := s.want(207, "PROPFIND", "/d/", body, "Depth: 1").multistatus(s.T)
		if len(m.Responses) != 51 {
			s.Errorf("%d responses", len(m.Responses))
		}
	}
	if ok && (c.count("open") != 3 || c.count("list") != 3 || c.countAll() != 6) {
		s.Errorf("three listings took %v", c.calls)
	}
}

func mustRefuseXML(s *share) {
	s.put("/f", "f")
	for name, body := range map[string]string{
		"not XML":        "hello",
		"cut off":        `<D:propfind xmlns:D="DAV:"><D:prop>`,
		"undeclared":     `<D:propfind xmlns:D="DAV:"><D:prop><Z:x/></D:prop></D:propfind>`,
		"prefix to none": `<D:propfind xmlns:D="DAV:"><D:prop><Z:x xmlns:Z=""/></D:prop></D:propfind>`,
		"entity":         `<!DOCTYPE a [<!ENTITY e "x">]><D:propfind xmlns:D="DAV:"><D:prop>&e;</D:prop></D:propfind>`,
		"bomb":           `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><D:propfind xmlns:D="DAV:"><D:prop>&b;</D:prop></D:propfind>`,
		"wrong root":     `<D:propertyupdates xmlns:D="DAV:"/>`,
		"encoding":       "<?xml version=\"1.0\" encoding=\"EBCDIC\"?><D:propfind xmlns:D=\"DAV:\"><D:allprop/></D:propfind>",
	} {
		for _, method := range []string{"PROPFIND", "PROPPATCH", "LOCK"} {
			if a := s.do(method, "/f", body, "Depth: 0"); a.status != 400 {
				s.Errorf("%s, %s: %d", method, name, a.status)
			}
		}
	}
	s.untouched(func() {
		for method, body := range map[string]string{"PROPFIND": propfindOf("getetag"), "PROPPATCH": windowsTimes, "LOCK": lockBody} {
			s.want(415, method, "/f", body, "Content-Encoding: gzip", "Depth: 0")
		}
	})
	s.want(207, "PROPFIND", "/f", propfindOf("getetag"), "Content-Encoding: identity", "Depth: 0")
	deep := strings.Repeat("<a>", 5000) + strings.Repeat("</a>", 5000)
	big := "<!--" + strings.Repeat("x", 2<<20) + "-->"
	for _, body := range []string{deep, big} {
		a := s.do("PROPFIND", "/f", `<D:propfind xmlns:D="DAV:"><D:prop>`+body+`</D:prop></D:propfind>`, "Depth: 0")
		if a.status != 400 && a.status != 413 {
			s.Errorf("%d bytes of it: %d", len(body), a.status)
		}
	}
}

func mustMapErrors(s *share) {
	readOnly := newShare(s.T, s.fs, WithReadOnly())
	s.put("/f", "f")
	s.untouched(func() {
		for _, request := range [][]string{
			{"PUT", "/f"}, {"PUT", "/g"}, {"DELETE", "/f"}, {"MKCOL", "/d"}, {"PROPPATCH", "/f"}, {"LOCK", "/f"}, {"UNLOCK", "/f"},
			{"MOVE", "/f", "Destination: /g"}, {"COPY", "/f", "Destination: /g"},
		} {
			readOnly.want(403, request[0], request[1], "", request[2:]...)
		}
		readOnly.want(200, "GET", "/f", "")
		readOnly.want(207, "PROPFIND", "/", "", "Depth: 1")
	})
	c, ok := s.fs.(*capableFs)
	if !ok {
		return
	}
	for _, cause := range []struct {
		err  error
		want int
	}{
		{&codeError{code: 507}, 507}, {&codeError{code: 413}, 413}, {&codeError{code: 503}, 503}, {&codeError{code: 429}, 503},
		{&codeError{code: 401}, 503}, {fs.ErrPermission, 403}, {fs.ErrInvalid, 400}, {errors.ErrUnsupported, 403},
	} {
		c.setFail(func(op, name string) error {
			if op == "put" {
				return &fs.PathError{Op: op, Path: name, Err: cause.err}
			}
			return nil
		})
		a := s.want(cause.want, "PUT", "/f", "x")
		if (a.header.Get("Retry-After") != "") != (cause.want == 503) {
			s.Errorf("%d with Retry-After %q", a.status, a.header.Get("Retry-After"))
		}
	}
	c.setFail(nil)
}

func mustAnswerLitter(s *share) {
	c, ok := s.fs.(*capableFs)
	litter := []string{"/._f", "/.DS_Store", "/desktop.ini", "/Thumbs.db", "/.hidden", "/AutoRun.inf"}
	if ok {
		c.resetCounts()
	}
	for _, at := range litter {
		s.want(404, "PROPFIND", at, "", "Depth: 0")
	}
	if ok && (c.count("stat") != len(litter) || c.countAll() != len(litter)) {
		s.Errorf("%d questions took %v, want one look each, which a listing answers", len(litter), c.calls)
	}
	for _, at := range litter {
		s.put(at, "kept")
		s.holds(at, "kept")
	}
	s.want(207, "PROPFIND", "/", "", "Depth: 1")
}
