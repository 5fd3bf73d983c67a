package webdav

import (
	"strings"
)

// rfcLocking: sections 9.10, 9.11 and 10.4 to 10.7, how locks are asked for
// and shown.
func rfcLocking() []requirement {
	return []requirement{
		{"9.10.1-lock-answers-token-and-lockdiscovery", func(s *share) {
			s.put("/f", "x")
			a := s.want(200, "LOCK", "/f", lockBody)
			token := a.header.Get("Lock-Token")
			if !strings.HasPrefix(token, "<") || !strings.HasPrefix(a.header.Get("Content-Type"), "application/xml") {
				s.Errorf("token %q, type %q", token, a.header.Get("Content-Type"))
			}
			for _, want := range []string{"<D:prop ", "<D:lockdiscovery><D:activelock>", strings.Trim(token, "<>")} {
				if !strings.Contains(a.body, want) {
					s.Errorf("no %s in %s", want, a.body)
				}
			}
		}},
		{"9.10.1-owner-is-preserved", func(s *share) {
			for owner, want := range map[string]string{
				`<D:owner>anna &amp; &lt;bert&gt;</D:owner>`:                                                 `>anna &amp; &lt;bert&gt;</D:owner>`,
				`<D:owner><![CDATA[<anna>]]></D:owner>`:                                                      `>&lt;anna&gt;</D:owner>`,
				`<D:owner xml:lang="ru">Анна</D:owner>`:                                                      `xml:lang="ru"`,
				`<D:owner><who xmlns="urn:o" x:at="&quot;home&quot;" xmlns:x="urn:x">a<b/>c</who></D:owner>`: `x:at="&quot;home&quot;" xmlns:x="urn:x">a<b/>c</who></D:owner>`,
			} {
				body := strings.Replace(sharedLockBody, "</D:lockinfo>", owner+"</D:lockinfo>", 1)
				a := s.want(201, "LOCK", "/f", body)
				shown := s.want(207, "PROPFIND", "/f", "", "Depth: 0")
				if !strings.Contains(a.body, want) || !strings.Contains(shown.body, want) {
					s.Errorf("%s: no %s in %s or %s", owner, want, a.body, shown.body)
				}
				s.want(204, "UNLOCK", "/f", "", "Lock-Token: "+a.header.Get("Lock-Token"))
			}
		}},
		{"9.10.2-refresh-keeps-token-and-owner", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/f", "Timeout: Second-100")
			a := s.want(200, "LOCK", "/f", "", "If: ("+token+")", "Timeout: Second-200", "Depth: 0")
			if a.header.Get("Lock-Token") != "" {
				s.Error("a refresh answers a Lock-Token header")
			}
			for _, want := range []string{strings.Trim(token, "<>"), "http://a/&lt;me&gt;", "Second-200"} {
				if !strings.Contains(a.body, want) {
					s.Errorf("no %s in %s", want, a.body)
				}
			}
		}},
		{"9.10.2-refresh-of-no-lock-is-412", func(s *share) {
			s.put("/f", "x")
			s.put("/g", "x")
			token := s.lock("/g")
			for _, header := range []string{"(<urn:uuid:00000000-0000-4000-8000-000000000000>)", "(" + token + ")", "</g> (" + token + ")"} {
				if a := s.want(412, "LOCK", "/f", "", "If: "+header); !strings.Contains(a.body, "<D:lock-token-matches-request-uri/>") {
					s.Errorf("%s: no condition in %s", header, a.body)
				}
			}
			s.want(400, "LOCK", "/f", "")
		}},
		{"9.10.2-refresh-ignores-depth", func(s *share) {
			s.tree("/d")
			token := s.lock("/d")
			for _, depth := range []string{"0", "1", "nonsense"} {
				if a := s.want(200, "LOCK", "/d", "", "If: ("+token+")", "Depth: "+depth); !strings.Contains(a.body, "<D:depth>infinity</D:depth>") {
					s.Errorf("%s: %s", depth, a.body)
				}
			}
			s.want(423, "PUT", "/d/e/g", "y")
		}},
		{"9.10.2-refresh-by-a-member", func(s *share) {
			s.tree("/d")
			token := s.lock("/d")
			if a := s.want(200, "LOCK", "/d/e/g", "", "If: ("+token+")"); !strings.Contains(a.body, "<D:lockroot><D:href>/d/</D:href></D:lockroot>") {
				s.Errorf("got %s", a.body)
			}
		}},
		{"9.10.3-depth-is-0-or-infinity", func(s *share) {
			s.tree("/d")
			s.want(400, "LOCK", "/d", lockBody, "Depth: 1")
			s.lock("/d") // no header is infinity
			s.want(423, "PUT", "/d/e/g", "y")
		}},
		{"9.10.3-whole-tree-or-207", func(s *share) {
			s.tree("/d")
			s.lock("/d/f")
			m := s.want(207, "LOCK", "/d", lockBody).multistatus(s.T)
			statuses := map[string]string{}
			for _, r := range m.Responses {
				statuses[r.Href] = r.Status
			}
			if statuses["/d/f"] != "HTTP/1.1 423 Locked" || statuses["/d/"] != "HTTP/1.1 424 Failed Dependency" {
				s.Errorf("got %v", statuses)
			}
			s.put("/d/e/g", "not locked")
		}},
		{"9.10.4-lock-of-a-free-name-is-201", func(s *share) { s.want(201, "LOCK", "/"+escape(hostile), lockBody) }},
		{"9.10.6-no-parent-is-409", func(s *share) { s.want(409, "LOCK", "/no/f", lockBody) }},
		{"9.11-unlock-frees-all-that-was-locked", func(s *share) {
			s.tree("/d")
			token := s.lock("/d")
			s.want(204, "UNLOCK", "/d/e/g", "", "Lock-Token: "+token)
			for _, at := range []string{"/d", "/d/f", "/d/e/g"} {
				if got := s.properties(at, "lockdiscovery")["lockdiscovery"]; got != "" {
					s.Errorf("%s is still locked: %s", at, got)
				}
			}
			s.put("/d/f", "free")
		}},
		{"9.11.1-no-token-is-400", func(s *share) {
			s.put("/f", "x")
			s.lock("/f")
			s.want(400, "UNLOCK", "/f", "")
			s.want(423, "PUT", "/f", "y")
		}},
		{"9.11.1-token-of-another-resource-is-409", func(s *share) {
			s.put("/f", "x")
			s.put("/g", "x")
			token := s.lock("/f")
			a := s.want(409, "UNLOCK", "/g", "", "Lock-Token: "+token)
			if !strings.Contains(a.body, "<D:lock-token-matches-request-uri/>") {
				s.Errorf("no condition in %s", a.body)
			}
			s.want(423, "PUT", "/f", "y")
		}},
		{"10.4-false-condition-is-412", func(s *share) {
			tag := s.put("/f", "x").header.Get("ETag")
			s.untouched(func() {
				for _, header := range []string{`(["other"])`, "(Not [" + tag + "])", "(<DAV:no-lock>)", "([" + tag + "] <DAV:no-lock>)", `</g> ([` + tag + `])`} {
					for _, method := range []string{"PUT", "DELETE", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK"} {
						body := map[string]string{"PUT": "y", "PROPPATCH": proppatch(setProp("<z:p/>")), "LOCK": lockBody}[method]
						s.want(412, method, "/f", body, "If: "+header, "Destination: {server}/m")
					}
				}
			})
		}},
		{"10.4-true-condition-passes", func(s *share) {
			s.put("/f", "x")
			s.put("/g", "x")
			token := s.lock("/g")
			for _, header := range []string{"([{f}])", "(Not <DAV:no-lock>)", "(<DAV:no-lock>) ([{f}])", "</g> (" + token + ")", "<" + s.server.URL + "/g> (" + token + " [{g}])"} {
				for _, name := range []string{"f", "g"} {
					header = strings.ReplaceAll(header, "{"+name+"}", s.want(200, "HEAD", "/"+name, "").header.Get("ETag"))
				}
				s.want(204, "PUT", "/f", "x", "If: "+header)
			}
		}},
		{"10.4-malformed-header-is-400", func(s *share) {
			s.put("/f", "x")
			s.untouched(func() {
				for _, header := range []string{"()", "garbage", "(<a:b>", "([x])", "</f>"} {
					s.want(400, "PUT", "/f", "y", "If: "+header)
				}
			})
		}},
		{"10.4.1-a-token-is-submitted-in-any-list", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/f")
			s.want(204, "PUT", "/f", "y", "If: (<DAV:no-lock>) ("+token+")")
			s.want(204, "PUT", "/f", "z", "If: (Not <DAV:no-lock>) ("+token+")")
		}},
		{"10.4.5-untagged-lists-are-about-the-request-uri", func(s *share) {
			tag := s.put("/f", "x").header.Get("ETag")
			s.put("/g", "other")
			s.want(204, "MOVE", "/f", "", "Destination: {server}/g", "If: (["+tag+"])")
		}},
		{"10.6-no-overwrite-header-is-T", func(s *share) {
			s.put("/a", "a")
			s.put("/b", "b")
			s.want(204, "COPY", "/a", "", "Destination: {server}/b")
			s.want(204, "MOVE", "/b", "", "Destination: {server}/a")
			s.holds("/a", "a")
		}},
		{"10.7-timeouts-are-reported-and-bounded", func(s *share) {
			for at, c := range map[string][2]string{
				"/a": {"Timeout: Infinite, Second-4100000000", "Second-3600"}, "/b": {"Timeout: Second-60", "Second-60"}, "/c": {"X: ", "Second-3600"}, "/d": {"Timeout: nonsense", "Second-3600"},
			} {
				if a := s.want(201, "LOCK", at, lockBody, c[0]); !strings.Contains(a.body, "<D:timeout>"+c[1]+"<") {
					s.Errorf("%s: want %s in %s", c[0], c[1], a.body)
				}
			}
		}},
	}
}
