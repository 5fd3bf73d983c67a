package webdav

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

func mustOptions(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "f")
	based := newShare(s.T, s.fs, WithPrefix("/base/dav"))
	for _, at := range []string{"/", "/d", "/d/", "/d/f", "/missing", "/missing/deeper"} {
		for _, a := range []answer{
			s.want(200, "OPTIONS", at, ""),
			based.want(200, "OPTIONS", "/base/dav"+at, ""),
			based.want(200, "OPTIONS", at, ""),
			based.want(200, "OPTIONS", "/base", ""),
		} {
			if a.header.Get("DAV") != "1, 2" || a.header.Get("MS-Author-Via") != "DAV" ||
				!strings.Contains(a.header.Get("Allow"), "PROPFIND") || a.header.Get("Content-Length") != "0" {
				s.Errorf("OPTIONS %s: %v", at, a.header)
			}
		}
	}
}

func mustNotRedirect(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "f")
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "LOCK", "PROPPATCH", "MOVE", "COPY", "DELETE", "MKCOL", "PUT", "POST"} {
		for _, at := range []string{"/d", "/d/", "/d/f", "/d//f", "//d"} {
			if a := s.do(method, at, "", "Depth: 0"); a.status >= 300 && a.status < 400 {
				s.Errorf("%s %s: %d to %s", method, at, a.status, a.header.Get("Location"))
			}
			s.do("MKCOL", "/d", "")
			s.do("PUT", "/d/f", "f")
		}
	}
}

func mustHref(s *share) {
	based := newShare(s.T, s.fs, WithPrefix("/my dav"))
	folder := "/" + hostile
	based.want(201, "MKCOL", escape("/my dav"+folder), "")
	based.put(escape("/my dav"+folder+"/"+hostile), "x")
	for _, at := range []string{escape("/my dav" + folder), escape("/my dav"+folder) + "/"} {
		m := based.want(207, "PROPFIND", at, "", "Depth: 1").multistatus(s.T)
		want := []string{escape("/my dav" + folder + "/"), escape("/my dav" + folder + "/" + hostile)}
		if got := m.hrefs(); !slices.Equal(got, want) {
			s.Errorf("hrefs %q, want %q", got, want)
		}
		for _, href := range m.hrefs() {
			for i, c := range href {
				if c == '%' && strings.ToUpper(href[i:i+3]) != href[i:i+3] || c > 0x7e || c <= ' ' {
					s.Errorf("href %q is not escaped in the one form", href)
				}
			}
		}
	}
	token := based.do("LOCK", escape("/my dav"+folder), lockBody, "Depth: infinity")
	if !strings.Contains(token.body, "<D:lockroot><D:href>"+strings.ReplaceAll(escape("/my dav"+folder+"/"), "&", "&amp;")) {
		s.Errorf("lockroot without prefix or unescaped: %s", token.body)
	}
}

func mustDecode(s *share) {
	s.put("/%D0%96&a", "Ж")
	for _, at := range []string{"/%d0%96&a", "/%D0%96%26a", "/%d0%96%26%61"} {
		a := s.rawPath("GET", at)
		if a.status != 200 || a.body != "Ж" {
			s.Errorf("GET %s: %d", at, a.status)
		}
	}
	s.untouched(func() {
		for _, at := range []string{
			"/a%00b", "/..", "/../x", "/a/../%D0%96&a", "/%2e%2e/x", "/a/%2E%2e", "/..%2Fx", "/a%2F..%2Fb", "/./x", "/%ff%fe",
			"/.davdisk-x", "/d/.davdisk-x/f",
		} {
			for _, method := range []string{"PUT", "GET", "DELETE", "MKCOL", "PROPFIND", "LOCK"} {
				if a := s.rawPath(method, at, "Content-Length: 0"); a.status != 400 && a.status != 403 {
					s.Errorf("%s %s: %d %v", method, at, a.status, a.err)
				}
			}
			for _, method := range []string{"MOVE", "COPY"} {
				if a := s.rawPath(method, "/%D0%96&a", "Destination: "+at); a.status != 400 && a.status != 403 {
					s.Errorf("%s to %s: %d", method, at, a.status)
				}
			}
		}
	})
	s.put("/plus+plus", "plus")
	s.holds("/plus%2Bplus", "plus")
	s.gone("/plus%20plus")
}

func mustOverwrite(s *share) {
	for _, method := range []string{"MOVE", "COPY"} {
		for _, header := range []string{"", "Overwrite: T", "Overwrite: t"} {
			s.put("/a", method+header)
			s.put("/b", "old")
			headers := []string{"Destination: {server}/b"}
			if header != "" {
				headers = append(headers, header)
			}
			s.want(204, method, "/a", "", headers...)
			s.holds("/b", method+header)
		}
		s.put("/a", "new")
		s.untouched(func() {
			s.want(412, method, "/a", "", "Destination: {server}/b", "Overwrite: F")
			s.want(400, method, "/a", "", "Destination: {server}/b", "Overwrite: maybe")
		})
		s.want(201, method, "/a", "", "Destination: {server}/c"+method, "Overwrite: F")
	}
}

func mustKeepTarget(s *share) {
	s.put("/target", "precious")
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "f")
	s.untouched(func() {
		s.want(404, "MOVE", "/none", "", "Destination: {server}/target")
		s.want(404, "COPY", "/none", "", "Destination: {server}/d")
		s.want(403, "MOVE", "/d/f", "", "Destination: {server}/d")
		s.want(403, "COPY", "/d/f", "", "Destination: {server}/d/")
		s.want(403, "MOVE", "/target", "", "Destination: {server}/target")
		s.want(403, "COPY", "/target", "", "Destination: {server}/target")
		s.want(409, "MOVE", "/target", "", "Destination: {server}/none/x")
		s.want(409, "MOVE", "/d", "", "Destination: {server}/target/x")
		if c, ok := s.fs.(*capableFs); ok {
			c.failOn(503, "move", "copy")
			s.want(503, "MOVE", "/target", "", "Destination: {server}/d")
			s.want(503, "COPY", "/d", "", "Destination: {server}/target")
		}
	})
}

func mustTellCreated(s *share) {
	s.want(201, "PUT", "/a", "1")
	s.want(204, "PUT", "/a", "2")
	s.want(201, "COPY", "/a", "", "Destination: {server}/b")
	s.want(204, "COPY", "/a", "", "Destination: {server}/b")
	s.want(204, "MOVE", "/a", "", "Destination: {server}/b")
	s.want(201, "MOVE", "/b", "", "Destination: {server}/c")
	s.want(201, "MKCOL", "/d", "")
	s.want(201, "COPY", "/d", "", "Destination: {server}/e")
	s.want(204, "COPY", "/d/", "", "Destination: {server}/e/")
	s.want(204, "MOVE", "/d", "", "Destination: {server}/e")
	s.want(204, "MOVE", "/e", "", "Destination: {server}/c")
	s.want(207, "PROPFIND", "/c", "", "Depth: 1")
}

func mustMkcol(s *share) {
	s.want(201, "MKCOL", "/a", "")
	s.want(201, "MKCOL", "/b/", "")
	s.put("/f", "f")
	s.untouched(func() {
		s.want(405, "MKCOL", "/a", "")
		s.want(405, "MKCOL", "/a/", "")
		s.want(405, "MKCOL", "/f", "")
		s.want(405, "MKCOL", "/", "")
		s.want(409, "MKCOL", "/none/x", "")
		s.want(409, "MKCOL", "/f/x", "")
		s.want(415, "MKCOL", "/c", "body")
	})
	name := escape("/" + hostile)
	s.want(201, "MKCOL", name, "")
	s.want(405, "MKCOL", name+"/", "")
}

func mustDestination(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put("/d/f", "f")
	for _, method := range []string{"MOVE", "COPY"} {
		s.want(404, method, "/none", "", "Destination: {server}/x")
		s.want(400, method, "/d", "")
		s.want(400, method, "/d", "", "Destination: relative")
		s.want(400, method, "/d", "", "Destination: http:///x")
		s.want(400, method, "/d", "", "Destination: {server}/%zz")
		s.want(502, method, "/d", "", "Destination: http://elsewhere.example/x")
		s.want(502, method, "/d", "", "Destination: //elsewhere.example/x")
	}
	s.want(404, "DELETE", "/none", "")
	s.want(201, "MOVE", "/d", "", "Destination: {server}/e")
	s.want(201, "COPY", "/e/", "", "Destination: /g")
	s.want(201, "MOVE", "/g", "", "Destination: "+strings.Replace(s.server.URL, "http", "https", 1)+"/h/")
	s.holds("/h/f", "f")
	s.want(204, "DELETE", "/h", "")
	s.put("/f", "f")
	s.want(201, "MOVE", "/f", "", "Destination: {server}"+escape("/"+hostile))
	s.holds(escape("/"+hostile), "f")

	// Behind a proxy: the forwarded host of a trusted one counts, of another not.
	s.put("/p", "p")
	s.want(201, "COPY", "/p", "", "Destination: https://disk.example/q", "X-Forwarded-Host: disk.example")
	s.want(502, "COPY", "/p", "", "Destination: https://disk.example/r", "X-Forwarded-Host: other.example")
	s.gone("/r")
}

func mustBrowse(s *share) {
	s.want(201, "MKCOL", "/d", "")
	s.put(escape("/d/"+hostile), "x")
	s.want(201, "MKCOL", "/d/sub", "")
	for _, at := range []string{"/d", "/d/"} {
		a := s.want(200, "GET", at, "")
		if a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("X-Content-Type-Options") != "nosniff" {
			s.Errorf("header %v", a.header)
		}
		lines := strings.Split(strings.TrimSuffix(a.body, "\n"), "\n")
		slices.Sort(lines)
		if want := []string{escape("/d/" + hostile), "/d/sub/"}; !slices.Equal(lines, want) {
			s.Errorf("%s shows %q, want %q", at, lines, want)
		}
	}
	if a := s.want(200, "HEAD", "/d", ""); a.header.Get("Content-Type") != "text/plain; charset=utf-8" || a.header.Get("Content-Location") != "/d/" {
		s.Errorf("HEAD: %v", a.header)
	}
	s.want(200, "GET", "/", "")
}

func mustFindForms(s *share) {
	const composed, decomposed = "caf\u00e9 \u0439", "cafe\u0301 \u0438\u0306"
	if norm.NFD.String(composed) != decomposed {
		s.Fatal("the two names are not one")
	}
	for i, names := range [][2]string{{composed, decomposed}, {decomposed, composed}} {
		folder := fmt.Sprintf("/%d", i)
		s.want(201, "MKCOL", folder, "")
		at, other := escape(folder+"/"+names[0]), escape(folder+"/"+names[1])
		s.want(201, "MKCOL", at, "")
		s.want(201, "PUT", other+"/"+escape(names[0]), "1")
		s.want(204, "PUT", other+"/"+escape(names[1]), "2")
		s.holds(at+"/"+escape(names[1]), "2")
		// Kept as created, each part of it.
		m := s.want(207, "PROPFIND", other, "", "Depth: 1").multistatus(s.T)
		if want := []string{at + "/", at + "/" + escape(names[0])}; !slices.Equal(m.hrefs(), want) {
			s.Errorf("hrefs %q, want %q", m.hrefs(), want)
		}
		s.want(403, "MOVE", at, "", "Destination: {server}"+other)
		s.want(204, "DELETE", other, "")
		s.gone(at)
	}
	if _, ok := s.fs.(*capableFs); ok { // the disk below may think otherwise
		s.put("/Case", "1")
		s.gone("/case")
	}
}

func mustAllow(s *share) {
	s.put("/f", "f")
	s.untouched(func() {
		for _, method := range []string{"POST", "PATCH", "REPORT", "SEARCH", "ACL", "TRACE", "BIND", "MKCALENDAR", "NONSENSE"} {
			a := s.want(405, method, "/f", "<x/>")
			if allow := a.header.Get("Allow"); !strings.Contains(allow, "LOCK") || !strings.Contains(allow, "GET") {
				s.Errorf("%s: Allow %q", method, allow)
			}
		}
	})
	s.want(201, "MKCOL", "/d", "")
	for method, at := range map[string]string{"PUT": "/d", "MKCOL": "/f"} {
		allow := strings.Split(s.want(405, method, at, "").header.Get("Allow"), ", ")
		if !slices.Contains(allow, "GET") || slices.Contains(allow, method) {
			s.Errorf("%s %s: Allow %q", method, at, allow)
		}
	}
	s.want(405, "POST", "/_vti_bin/shtml.exe", "x")
	s.want(404, "GET", "/_vti_inf.html", "")
}

func mustNotAdvertise(s *share) {
	a := s.want(200, "OPTIONS", "/", "")
	if got := a.header.Values("DAV"); len(got) != 1 || got[0] != "1, 2" {
		s.Errorf("DAV %q", got)
	}
	for _, name := range []string{"Server", "DASL", "X-Powered-By"} {
		if a.header.Get(name) != "" {
			s.Errorf("%s: %s", name, a.header.Get(name))
		}
	}
}
