package webdav

import (
	"regexp"
	"strings"
)

const sharedLockBody = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

// rfcLocks: sections 6 and 7, what a lock is and keeps from happening.
func rfcLocks() []requirement {
	return []requirement{
		{"6.2-shared-locks-are-compatible", func(s *share) {
			s.put("/f", "old")
			first := s.want(200, "LOCK", "/f", sharedLockBody).header.Get("Lock-Token")
			second := s.want(200, "LOCK", "/f", sharedLockBody).header.Get("Lock-Token")
			s.want(423, "LOCK", "/f", lockBody)
			s.want(423, "PUT", "/f", "new")
			s.want(204, "PUT", "/f", "new", "If: ("+second+")")
			s.want(204, "UNLOCK", "/f", "", "Lock-Token: "+second)
			s.want(423, "PUT", "/f", "newer")
			s.want(204, "PUT", "/f", "newer", "If: ("+first+")")
		}},
		{"6.2-exclusive-conflicts-with-every-lock", func(s *share) {
			s.put("/f", "x")
			s.lock("/f")
			for _, body := range []string{lockBody, sharedLockBody} {
				if a := s.want(423, "LOCK", "/f", body); !strings.Contains(a.body, "<D:no-conflicting-lock><D:href>/f</D:href>") {
					s.Errorf("no condition in %s", a.body)
				}
			}
		}},
		{"6.5-tokens-are-unique-uris", func(s *share) {
			form := regexp.MustCompile(`^<urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}>$`)
			seen := map[string]bool{}
			for _, at := range []string{"/a", "/b", "/c"} {
				token := s.lock(at)
				if !form.MatchString(token) || seen[token] {
					s.Errorf("token %s", token)
				}
				seen[token] = true
			}
		}},
		{"6.7-supportedlock-lists-the-kinds-of-locks", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/f", "x")
			for _, at := range []string{"/d/", "/d/f"} {
				got := s.properties(at, "supportedlock")["supportedlock"]
				if strings.Count(got, "<D:lockentry>") != 2 || !strings.Contains(got, "<D:exclusive/>") || !strings.Contains(got, "<D:shared/>") {
					s.Errorf("%s: %s", at, got)
				}
			}
		}},
		{"6.8-lockdiscovery-lists-the-locks", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/f", "x")
			token := s.lock("/d")
			for _, at := range []string{"/d/", "/d/f"} {
				got := s.properties(at, "lockdiscovery")["lockdiscovery"]
				for _, want := range []string{"<D:exclusive/>", "<D:write/>", "<D:depth>infinity</D:depth>", "http://a/&lt;me&gt;", "<D:timeout>Second-", strings.Trim(token, "<>"), "<D:lockroot><D:href>/d/</D:href></D:lockroot>"} {
					if !strings.Contains(got, want) {
						s.Errorf("%s: no %s in %s", at, want, got)
					}
				}
			}
		}},
		{"15.8-lockdiscovery-is-there-and-empty-without-locks", func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/f", "x")
			for _, at := range []string{"/d/", "/d/f"} {
				if got, ok := s.properties(at, "lockdiscovery")["lockdiscovery"]; !ok || got != "" {
					s.Errorf("%s: %q, %v", at, got, ok)
				}
			}
		}},
		{"7-lock-guards-content-properties-and-name", func(s *share) {
			s.put("/f", "x")
			s.put("/g", "x")
			token := s.lock("/f")
			s.untouched(func() {
				s.want(423, "PUT", "/f", "y")
				s.want(423, "PROPPATCH", "/f", proppatch(setProp("<z:p/>")))
				s.want(423, "DELETE", "/f", "")
				s.want(423, "MOVE", "/f", "", "Destination: {server}/m")
				s.want(423, "MOVE", "/g", "", "Destination: {server}/f")
				s.want(423, "COPY", "/g", "", "Destination: {server}/f")
			})
			s.want(207, "PROPPATCH", "/f", proppatch(setProp("<z:p/>")), "If: ("+token+")")
			s.want(204, "PUT", "/f", "y", "If: ("+token+")")
		}},
		{"7.1-reading-is-free", func(s *share) {
			s.put("/f", "x")
			s.lock("/f")
			s.holds("/f", "x")
			s.want(207, "PROPFIND", "/f", "", "Depth: 0")
			s.want(201, "COPY", "/f", "", "Destination: {server}/c")
		}},
		{"7.3-lock-of-a-free-name-makes-an-empty-file", func(s *share) {
			a := s.want(201, "LOCK", "/new", lockBody)
			h := s.want(200, "HEAD", "/new", "").header
			if h.Get("Content-Length") != "0" || h.Get("ETag") == "" {
				s.Errorf("length %q, tag %q", h.Get("Content-Length"), h.Get("ETag"))
			}
			s.holds("/new", "")
			if got := s.want(207, "PROPFIND", "/", "", "Depth: 1").multistatus(s.T).hrefs(); len(got) != 2 || got[1] != "/new" {
				s.Errorf("the folder shows %q", got)
			}
			if got, ok := s.properties("/new", "resourcetype")["resourcetype"]; !ok || got != "" {
				s.Errorf("its type is %q", got)
			}
			s.want(405, "MKCOL", "/new", "", "If: ("+a.header.Get("Lock-Token")+")")
			s.want(204, "PUT", "/new", "content", "If: ("+a.header.Get("Lock-Token")+")")
			s.holds("/new", "content")
		}},
		{"7.3-it-is-copied-moved-and-deleted-like-any-other", func(s *share) {
			token := s.lock("/new")
			s.want(201, "COPY", "/new", "", "Destination: {server}/c")
			s.holds("/c", "")
			s.want(201, "MOVE", "/new", "", "Destination: {server}/m", "If: ("+token+")")
			s.holds("/m", "")
			s.gone("/new")
			token = s.lock("/new")
			s.want(204, "DELETE", "/new", "", "If: ("+token+")")
			s.gone("/new")
			token = s.lock("/new")
			s.want(412, "COPY", "/m", "", "Destination: {server}/new", "If: </new> ("+token+")", "Overwrite: F")
			s.want(204, "COPY", "/m", "", "Destination: {server}/new", "If: </new> ("+token+")")
			s.want(423, "PUT", "/new", "still locked")
		}},
		{"7.3-it-has-properties-of-its-own", func(s *share) {
			for _, want := range []string{"first", ""} {
				token := s.lock("/new")
				if want != "" {
					s.want(207, "PROPPATCH", "/new", proppatch(setProp("<z:p>"+want+"</z:p>")), "If: ("+token+")")
				}
				if got := s.properties("/new", "{urn:z}p")["{urn:z}p"]; got != want {
					s.Errorf("the property is %q, want %q", got, want)
				}
				s.want(204, "UNLOCK", "/new", "", "Lock-Token: "+token)
			}
			token := s.lock("/new")
			s.want(207, "PROPPATCH", "/new", proppatch(setProp("<z:p>kept</z:p>")), "If: ("+token+")")
			s.want(204, "PUT", "/new", "content", "If: ("+token+")")
			if got := s.properties("/new", "{urn:z}p")["{urn:z}p"]; got != "kept" {
				s.Errorf("after the PUT the property is %q", got)
			}
		}},
		{"7.4-depth-0-guards-the-members-names", func(s *share) {
			s.tree("/d")
			token := s.lock("/d", "Depth: 0")
			s.put("/o", "x")
			s.untouched(func() {
				s.want(423, "PUT", "/d/new", "x")
				s.want(423, "MKCOL", "/d/new", "")
				s.want(423, "DELETE", "/d/f", "")
				s.want(423, "MOVE", "/d/f", "", "Destination: {server}/m")
				s.want(423, "MOVE", "/o", "", "Destination: {server}/d/o")
				s.want(423, "COPY", "/o", "", "Destination: {server}/d/o")
				s.want(423, "LOCK", "/d/new", lockBody)
			})
			s.want(204, "PUT", "/d/f", "content") // what a member holds is its own
			s.want(201, "PUT", "/d/new", "x", "If: </d> ("+token+")")
		}},
		{"7-replacing-a-member-changes-the-folder", func(s *share) {
			s.tree("/d")
			s.put("/o", "x")
			token := s.lock("/d", "Depth: 0")
			s.untouched(func() {
				s.want(423, "MOVE", "/o", "", "Destination: {server}/d/f")
				s.want(423, "COPY", "/o", "", "Destination: {server}/d/f")
			})
			s.want(204, "MOVE", "/o", "", "Destination: {server}/d/f", "If: </d> ("+token+")")
		}},
		{"7.4-infinity-covers-members-and-new-ones", func(s *share) {
			s.tree("/d")
			token := s.lock("/d")
			s.want(423, "PUT", "/d/e/g", "y")
			s.want(201, "PUT", "/d/e/new", "x", "If: ("+token+")")
			s.want(423, "PUT", "/d/e/new", "y")
			s.want(201, "MOVE", "/d/e/new", "", "Destination: {server}/out", "If: </d> ("+token+")")
			s.put("/out", "free again")
		}},
		{"7.4-infinity-conflicts-with-locks-below", func(s *share) {
			s.tree("/d")
			s.lock("/d/e/g")
			for _, body := range []string{lockBody, sharedLockBody} {
				if a := s.want(207, "LOCK", "/d", body); !strings.Contains(a.body, "<D:no-conflicting-lock><D:href>/d/e/g</D:href>") {
					s.Errorf("no condition in %s", a.body)
				}
			}
			s.put("/d/f", "not locked")
			s.lock("/d", "Depth: 0") // which conflicts with none of them
		}},
		{"7.5-token-counts-in-the-if-header-only", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/f")
			s.want(423, "PUT", "/f", "y", "Lock-Token: "+token)
			s.want(204, "PUT", "/f", "y", "If: </f> ("+token+")")
		}},
		{"7.6-copies-are-not-locked", func(s *share) {
			s.put("/f", "x")
			s.lock("/f")
			s.want(201, "COPY", "/f", "", "Destination: {server}/c")
			s.put("/c", "free")
		}},
		{"7.6-locks-do-not-move", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/f")
			s.want(201, "MOVE", "/f", "", "Destination: {server}/m", "If: ("+token+")")
			s.put("/m", "free")
			s.put("/f", "free")
		}},
		{"7.6-new-member-of-a-locked-folder-is-locked", func(s *share) {
			s.tree("/d")
			s.put("/f", "x")
			token := s.lock("/d")
			s.want(201, "MOVE", "/f", "", "Destination: {server}/d/m", "If: </d> ("+token+")")
			s.want(423, "PUT", "/d/m", "y")
		}},
		{"7.7-refresh-needs-no-body", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/f")
			s.want(423, "LOCK", "/f", lockBody, "If: ("+token+")") // a second exclusive lock is none
			s.want(200, "LOCK", "/f", "", "If: ("+token+")")
		}},
	}
}
