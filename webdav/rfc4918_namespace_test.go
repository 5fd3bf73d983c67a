package webdav

import (
	"io"
	"strings"
)

// rfcNamespace: sections 5, 8.6 and 9.3 to 9.7.
func rfcNamespace() []requirement {
	return []requirement{
		{"5.1-nothing-without-a-parent", func(s *share) {
			s.untouched(func() {
				s.want(409, "PUT", "/no/f", "x")
				s.want(409, "MKCOL", "/no/d", "")
				s.want(409, "LOCK", "/no/l", lockBody)
			})
		}},
		{"5.2-folder-without-slash-is-the-folder", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			for method, body := range map[string]string{"PROPFIND": "", "PROPPATCH": proppatch(setProp("<z:p/>")), "LOCK": lockBody, "GET": ""} {
				a := s.do(method, "/d", body, "Depth: 0")
				if got := a.header.Get("Content-Location"); a.status >= 300 || got != "/d/" {
					s.Errorf("%s: %d, Content-Location is %q", method, a.status, got)
				}
				if a.status == 207 && a.multistatus(s.T).hrefs()[0] != "/d/" {
					s.Errorf("%s: the address is %q", method, a.multistatus(s.T).hrefs()[0])
				}
				token := strings.Trim(a.header.Get("Lock-Token"), "<>")
				if token != "" {
					s.want(204, "UNLOCK", "/d", "", "Lock-Token: "+token)
				}
			}
		}},
		{"8.6-strong-etag-that-only-content-changes", func(s *share) {
			tag := s.put("/f", "x").header.Get("ETag")
			if !strings.HasPrefix(tag, `"`) {
				s.Fatalf("PUT answers ETag %q", tag)
			}
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>1</z:p>")))
			token := s.lock("/f")
			s.want(204, "UNLOCK", "/f", "", "Lock-Token: "+token)
			if got := s.want(200, "HEAD", "/f", "").header.Get("ETag"); got != tag {
				s.Errorf("ETag went from %s to %s without a change", tag, got)
			}
			s.put("/f", "other")
			if got := s.want(200, "HEAD", "/f", "").header.Get("ETag"); got == tag {
				s.Error("ETag stayed through a change")
			}
		}},
		{"8.8-etag-differs-after-a-move-onto-a-file", func(s *share) {
			old := s.put("/a", "one").header.Get("ETag")
			s.put("/b", "two")
			s.want(204, "MOVE", "/b", "", "Destination: /a")
			if got := s.want(200, "HEAD", "/a", "").header.Get("ETag"); got == old {
				s.Error("the tag of the old content stands for the new one")
			}
		}},
		{"9.3-mkcol-makes-an-empty-folder", func(s *share) {
			s.want(201, "MKCOL", "/"+escape(hostile), "")
			if got := s.want(207, "PROPFIND", "/"+escape(hostile), "", "Depth: 1").multistatus(s.T).hrefs(); len(got) != 1 {
				s.Errorf("it holds %q", got)
			}
		}},
		{"9.3-mkcol-on-an-existing-resource-is-405", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/f", "x")
			s.untouched(func() {
				s.want(405, "MKCOL", "/d", "")
				s.want(405, "MKCOL", "/f", "")
				s.want(405, "MKCOL", "/", "")
			})
		}},
		{"9.3-mkcol-without-parent-is-409", func(s *share) {
			s.put("/f", "x")
			s.untouched(func() {
				s.want(409, "MKCOL", "/a/b", "")
				s.want(409, "MKCOL", "/f/b", "")
			})
		}},
		{"9.3-mkcol-with-a-body-is-415", func(s *share) {
			s.untouched(func() {
				s.want(415, "MKCOL", "/d", "<x/>")
				if a := s.doBody("MKCOL", "/d", io.MultiReader(strings.NewReader("x"))); a.status != 415 {
					s.Errorf("chunked: %d", a.status)
				}
			})
		}},
		{"9.6-delete-unmaps-and-destroys-locks", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/f")
			s.want(204, "DELETE", "/f", "", "If: ("+token+")")
			s.gone("/f")
			s.want(404, "HEAD", "/f", "")
			s.want(404, "PROPFIND", "/f", "", "Depth: 0")
			s.put("/f", "again") // the lock went too
			if got := s.properties("/f", "lockdiscovery")["lockdiscovery"]; got != "" {
				s.Errorf("still locked: %s", got)
			}
		}},
		{"9.6.1-delete-takes-the-whole-folder", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.want(201, "MKCOL", "/d/e", "")
			s.put("/d/e/f", "x")
			s.want(204, "DELETE", "/d/", "")
			s.gone("/d/e/f")
			s.gone("/d")
		}},
		{"9.6.1-ancestors-of-remaining-members-remain", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/locked", "x")
			s.lock("/d/locked")
			s.untouched(func() {
				m := s.want(207, "DELETE", "/d", "").multistatus(s.T)
				if len(m.Responses) == 0 || m.Responses[0].Href != "/d/locked" || m.Responses[0].Status != "HTTP/1.1 423 Locked" {
					s.Errorf("got %+v", m)
				}
			})
		}},
		{"9.6.1-no-424-or-204-in-the-207-of-delete", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/locked", "x")
			s.put("/d/free", "x")
			s.lock("/d/locked")
			got := s.want(207, "DELETE", "/d", "").multistatus(s.T).Responses
			if len(got) != 1 || got[0].Href != "/d/locked" || got[0].Status != "HTTP/1.1 423 Locked" {
				s.Errorf("got %+v", got)
			}
		}},
		{"9.6-delete-of-a-missing-resource-is-404", func(s *share) { s.want(404, "DELETE", "/none", "") }},
		{"9.7.1-put-is-201-or-204", func(s *share) {
			s.want(201, "PUT", "/"+escape(hostile), "1")
			s.want(204, "PUT", "/"+escape(hostile), "2")
			s.holds("/"+escape(hostile), "2")
		}},
		{"9.7.1-put-without-parent-is-409", func(s *share) {
			s.put("/f", "x")
			s.untouched(func() {
				s.want(409, "PUT", "/no/f", "x")
				s.want(409, "PUT", "/f/g", "x")
			})
		}},
		{"9.7.1-put-keeps-dead-properties", func(s *share) {
			s.put("/f", "1")
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p>kept</z:p>")))
			s.put("/f", "2")
			if got := s.properties("/f", "{urn:z}p")["{urn:z}p"]; got != "kept" {
				s.Errorf("the property is %q", got)
			}
		}},
		{"9.7.2-put-on-a-folder-is-405", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.untouched(func() { s.want(405, "PUT", "/d", "x") })
		}},
	}
}
