package webdav

import (
	"encoding/binary"
	"net/url"
	"strings"
	"unicode/utf16"
)

// rfcMessages: sections 8, 10.1 to 10.3, 13, 16, 18, 19 and 20.
func rfcMessages() []requirement {
	return []requirement{
		{"8.2-xml-that-is-not-well-formed-is-400", func(s *share) {
			s.put("/f", "x")
			s.untouched(func() {
				for _, body := range []string{"text", "<D:x", `<D:x xmlns:D="DAV:">`, `<x:propfind/>`, `<D:x xmlns:D=""/>`, `<a/><b/>`, "<a>\xff</a>"} {
					for _, method := range []string{"PROPFIND", "PROPPATCH", "LOCK"} {
						s.want(400, method, "/f", body, "Depth: 0")
					}
				}
			})
		}},
		{"8.2-both-media-types-of-xml-are-taken", func(s *share) {
			s.put("/f", "x")
			for _, media := range []string{"application/xml", "text/xml", `text/xml; charset="utf-8"`} {
				s.want(207, "PROPFIND", "/f", propfind("<D:allprop/>"), "Depth: 0", "Content-Type: "+media)
				s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p/>")), "Content-Type: "+media)
				token := s.lock("/f", "Content-Type: "+media)
				s.want(204, "UNLOCK", "/f", "", "Lock-Token: "+token)
			}
		}},
		{"8.3-addresses-are-absolute-escaped-and-alike", func(s *share) {
			s.want(201, "MKCOL", "/"+escape(hostile), "")
			s.put("/"+escape(hostile)+"/"+escape(hostile), "x")
			hrefs := s.want(207, "PROPFIND", "/"+escape(hostile), "", "Depth: 1").multistatus(s.T).hrefs()
			if len(hrefs) != 2 {
				s.Fatalf("got %q", hrefs)
			}
			for i, want := range []string{"/" + hostile + "/", "/" + hostile + "/" + hostile} {
				u, err := url.Parse(hrefs[i])
				if err != nil || u.Path != want || !strings.HasPrefix(hrefs[i], "/") || u.RawQuery != "" || u.Fragment != "" {
					s.Errorf("%q means %q, %v; want %q", hrefs[i], u.Path, err, want)
				}
			}
		}},
		{"8.3-folders-end-in-a-slash", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.want(201, "MKCOL", "/d/e", "")
			s.put("/d/f", "x")
			got := strings.Join(s.want(207, "PROPFIND", "/d", "", "Depth: 1").multistatus(s.T).hrefs(), " ")
			if got != "/d/ /d/e/ /d/f" {
				s.Errorf("got %s", got)
			}
		}},
		{"8.3-roots-of-locks-are-written-alike", func(s *share) {
			s.tree("/d")
			s.want(201, "MKCOL", "/d/e/"+escape(hostile), "")
			token := s.lock("/d/e")
			root := "<D:href>/d/e/</D:href>"
			for _, a := range []answer{
				s.want(423, "PUT", "/d/e/new", "x"), s.want(423, "MKCOL", "/d/e/new", ""), s.want(423, "DELETE", "/d/e", ""),
				s.want(423, "PROPPATCH", "/d/e/", proppatch(setProp("<z:p/>"))), s.want(423, "LOCK", "/d/e/g", lockBody), s.want(423, "LOCK", "/d/e", lockBody),
				s.want(423, "MOVE", "/d/f", "", "Destination: {server}/d/e/f"),
				s.want(207, "DELETE", "/d", ""), s.want(207, "LOCK", "/d", lockBody),
				s.want(200, "LOCK", "/d/e", "", "If: ("+token+")"), s.want(200, "LOCK", "/d/e/"+escape(hostile), "", "If: ("+token+")"),
				s.want(207, "PROPFIND", "/d/e/g", "", "Depth: 0"),
			} {
				if !strings.Contains(a.body, root) || strings.Contains(a.body, "<D:href>/d/e</D:href>") {
					s.Errorf("want %s in %s", root, a.body)
				}
			}
		}},
		{"8.4-body-that-would-be-ignored-is-415", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/l")
			s.untouched(func() {
				for _, method := range []string{"DELETE", "COPY", "MOVE", "MKCOL"} {
					s.want(415, method, "/f", "<x/>", "Destination: {server}/m")
				}
				s.want(415, "UNLOCK", "/l", "<x/>", "Lock-Token: "+token)
			})
		}},
		{"8.7-refusals-name-their-condition", func(s *share) {
			s.put("/f", "x")
			s.lock("/f")
			a := s.want(423, "DELETE", "/f", "")
			if !strings.Contains(a.body, `<D:error xmlns:D="DAV:"><D:lock-token-submitted><D:href>/f</D:href></D:lock-token-submitted></D:error>`) || !strings.HasPrefix(a.header.Get("Content-Type"), "application/xml") {
				s.Errorf("%q: %s", a.header.Get("Content-Type"), a.body)
			}
		}},
		{"11.3-also-those-within-a-207", func(s *share) {
			s.tree("/d")
			s.want(201, "MKCOL", "/o", "")
			s.lock("/d/e/g")
			for condition, a := range map[string]answer{
				"lock-token-submitted": s.want(207, "DELETE", "/d", ""), "no-conflicting-lock": s.want(207, "LOCK", "/d", lockBody),
			} {
				if want := "<D:status>HTTP/1.1 423 Locked</D:status><D:error><D:" + condition + "><D:href>/d/e/g</D:href></D:" + condition + "></D:error>"; !strings.Contains(a.body, want) {
					s.Errorf("no %s in %s", want, a.body)
				}
			}
		}},
		{"10.1-options-returns-classes-1-and-2", func(s *share) {
			s.put("/f", "x")
			for _, at := range []string{"/", "/f", "/none", "/none/below"} {
				if got := s.want(200, "OPTIONS", at, "").header.Get("DAV"); got != "1, 2" {
					s.Errorf("%s: DAV is %q", at, got)
				}
			}
		}},
		{"10.2-depth-that-is-none-is-400", func(s *share) {
			s.tree("/d")
			s.untouched(func() {
				for _, method := range []string{"PROPFIND", "COPY", "MOVE", "LOCK"} {
					body := map[string]string{"LOCK": lockBody}[method]
					s.want(400, method, "/d", body, "Depth: 2", "Destination: {server}/m")
				}
			})
		}},
		{"10.2-depth-is-ignored-for-a-file", func(s *share) {
			s.put("/f", "x")
			s.want(201, "COPY", "/f", "", "Destination: {server}/c", "Depth: 1")
			s.want(201, "MOVE", "/c", "", "Destination: {server}/m", "Depth: 0")
			s.want(204, "DELETE", "/m", "", "Depth: 0")
			s.want(207, "PROPFIND", "/f", "", "Depth: infinity")
		}},
		{"10.3-destination-is-an-address-or-a-path", func(s *share) {
			s.put("/f", "x")
			s.want(201, "COPY", "/f", "", "Destination: {server}/"+escape(hostile))
			s.want(204, "COPY", "/f", "", "Destination: /"+escape(hostile))
			s.want(204, "COPY", "/f", "", "Destination: "+strings.Replace(s.server.URL, "//", "//user:password@", 1)+"/"+escape(hostile))
			s.holds("/"+escape(hostile), "x")
			s.untouched(func() {
				for _, bad := range []string{"X: ", "Destination: relative", "Destination: %zz", "Destination: /../x", "Destination: http://"} {
					s.want(400, "COPY", "/f", "", bad)
				}
			})
		}},
		{"13-multistatus-has-its-form", func(s *share) {
			s.put("/f", "x")
			a := s.want(207, "PROPFIND", "/f", "", "Depth: 0")
			if !strings.HasPrefix(a.body, `<?xml version="1.0" encoding="utf-8"?>`) || !strings.Contains(a.body, `<D:multistatus xmlns:D="DAV:">`) || !strings.Contains(a.body, "<D:status>HTTP/1.1 200 OK</D:status>") {
				s.Errorf("got %s", a.body)
			}
		}},
		{"19-utf-16-is-read", func(s *share) {
			s.put("/f", "x")
			for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
				var body []byte
				for _, unit := range utf16.Encode([]rune("\uFEFF" + `<?xml version="1.0" encoding="utf-16"?>` + propfind("<D:prop><D:getetag/></D:prop>"))) {
					body = order.AppendUint16(body, unit)
				}
				m := s.want(207, "PROPFIND", "/f", string(body), "Depth: 0").multistatus(s.T)
				if _, status := m.prop("/f", "DAV:", "getetag"); status != "HTTP/1.1 200 OK" {
					s.Errorf("%s: got %q", order, status)
				}
			}
		}},
		{"20.6-entities-are-refused", func(s *share) {
			s.want(400, "PROPFIND", "/", `<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><D:propfind xmlns:D="DAV:"><D:prop>&b;</D:prop></D:propfind>`, "Depth: 0")
			s.put("/f", "x")
			for _, doctype := range []string{
				`<!DOCTYPE p SYSTEM "file:///etc/passwd">`, `<!DOCTYPE p PUBLIC "p" "http://127.0.0.1/p">`, `<!DOCTYPE p [<!ENTITY e SYSTEM "file:///etc/passwd">]>`, `<!DOCTYPE p [<!ENTITY % e SYSTEM "file:///etc/passwd"> %e;]>`,
			} {
				for method, body := range map[string]string{"PROPFIND": propfind("<D:allprop/>"), "PROPPATCH": proppatch(setProp("<z:p>&e;</z:p>")), "LOCK": lockBody} {
					body = doctype + strings.TrimPrefix(strings.TrimPrefix(body, `<?xml version="1.0"?>`), `<?xml version="1.0" encoding="utf-8"?>`)
					if a := s.want(403, method, "/f", body, "Depth: 0"); !strings.Contains(a.body, `<D:error xmlns:D="DAV:"><D:no-external-entities/></D:error>`) {
						s.Errorf("%s %s: no condition in %s", method, doctype, a.body)
					}
				}
			}
			s.put("/f", "not locked")
		}},
	}
}
