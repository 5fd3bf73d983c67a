package webdav

import (
	"strings"
)

// tree makes a folder with a file and a folder in it, and a dead property on
// each of the first two.
func (s *share) tree(at string) {
	s.Helper()
	s.want(201, "MKCOL", at, "")
	s.put(at+"/f", "content")
	s.want(201, "MKCOL", at+"/e", "")
	s.put(at+"/e/g", "deep")
	for _, name := range []string{at, at + "/f"} {
		s.want(207, "PROPPATCH", name, proppatch(setProp("<z:p>of "+name+"</z:p>")))
	}
}

// rfcCopyMove: sections 9.8 and 9.9.
func rfcCopyMove() []requirement {
	return []requirement{
		{"9.8-copy-leaves-the-source-alone", func(s *share) {
			s.tree("/d")
			s.want(201, "COPY", "/d/f", "", "Destination: {server}/c")
			s.holds("/d/f", "content")
			s.holds("/c", "content")
			s.put("/c", "changed")
			s.holds("/d/f", "content")
		}},
		{"9.8.2-copy-takes-properties-along", func(s *share) {
			s.tree("/d")
			s.want(201, "COPY", "/d", "", "Destination: {server}/c")
			for at, want := range map[string]string{"/c": "of /d", "/c/f": "of /d/f", "/d/f": "of /d/f"} {
				if got := s.properties(at, "{urn:z}p")["{urn:z}p"]; got != want {
					s.Errorf("%s: %q, want %q", at, got, want)
				}
			}
		}},
		{"9.8.3-copy-of-a-folder-is-of-all-in-it", func(s *share) {
			s.tree("/d")
			s.want(201, "COPY", "/d", "", "Destination: {server}/c")
			s.want(201, "COPY", "/d", "", "Destination: {server}/i", "Depth: infinity")
			s.holds("/c/e/g", "deep")
			s.holds("/i/e/g", "deep")
		}},
		{"9.8.3-copy-depth-0-is-of-the-folder-alone", func(s *share) {
			s.tree("/d")
			s.want(201, "COPY", "/d", "", "Destination: {server}/c", "Depth: 0")
			if got := s.want(207, "PROPFIND", "/c", "", "Depth: 1").multistatus(s.T).hrefs(); len(got) != 1 {
				s.Errorf("it holds %q", got)
			}
			if got := s.properties("/c", "{urn:z}p")["{urn:z}p"]; got != "of /d" {
				s.Errorf("its property is %q", got)
			}
			if got := s.properties("/c", "resourcetype")["resourcetype"]; got != "<D:collection/>" {
				s.Errorf("its type is %q", got)
			}
		}},
		{"9.8.3-copy-depth-1-is-400", func(s *share) {
			s.tree("/d")
			s.untouched(func() { s.want(400, "COPY", "/d", "", "Destination: {server}/c", "Depth: 1") })
		}},
		{"9.8.4-copy-does-not-merge", func(s *share) {
			s.tree("/d")
			s.want(201, "MKCOL", "/c", "")
			s.put("/c/old", "x")
			s.want(204, "COPY", "/d", "", "Destination: {server}/c", "Overwrite: T")
			s.gone("/c/old")
			s.holds("/c/e/g", "deep")
		}},
		{"9.8.4-overwrite-F-is-412", func(s *share) {
			s.tree("/d")
			s.put("/c", "old")
			s.untouched(func() {
				for _, method := range []string{"COPY", "MOVE"} {
					s.want(412, method, "/d/f", "", "Destination: {server}/c", "Overwrite: F")
					s.want(412, method, "/d", "", "Destination: {server}/c", "Overwrite: F")
				}
			})
		}},
		{"9.8.5-onto-itself-is-403", func(s *share) {
			s.tree("/d")
			s.untouched(func() {
				for _, method := range []string{"COPY", "MOVE"} {
					s.want(403, method, "/d/f", "", "Destination: {server}/d/f")
					s.want(403, method, "/d", "", "Destination: {server}/d/")
				}
			})
		}},
		{"9.8.5-no-parent-is-409", func(s *share) {
			s.tree("/d")
			s.untouched(func() {
				for _, method := range []string{"COPY", "MOVE"} {
					s.want(409, method, "/d/f", "", "Destination: {server}/no/c")
					s.want(409, method, "/d/e", "", "Destination: {server}/d/f/c")
				}
			})
		}},
		{"9.8.5-locked-target-is-423", func(s *share) {
			s.tree("/d")
			s.put("/c", "old")
			s.lock("/c")
			s.untouched(func() {
				for _, method := range []string{"COPY", "MOVE"} {
					a := s.want(423, method, "/d/f", "", "Destination: {server}/c")
					if !strings.Contains(a.body, "<D:lock-token-submitted><D:href>/c</D:href>") {
						s.Errorf("%s: no condition in %s", method, a.body)
					}
				}
			})
		}},
		{"9.8.5-another-server-is-502", func(s *share) {
			s.put("/f", "x")
			s.untouched(func() {
				s.want(502, "COPY", "/f", "", "Destination: http://other.example/f")
				s.want(502, "MOVE", "/f", "", "Destination: http://other.example/f")
			})
		}},
		{"9.9-move-is-atomic-copy-and-delete", func(s *share) {
			s.tree("/d")
			s.want(201, "MOVE", "/d", "", "Destination: {server}/m")
			s.gone("/d")
			s.gone("/d/e/g")
			s.holds("/m/e/g", "deep")
		}},
		{"9.9.1-move-takes-properties-along", func(s *share) {
			s.tree("/d")
			s.want(201, "MOVE", "/d", "", "Destination: {server}/m")
			for at, want := range map[string]string{"/m": "of /d", "/m/f": "of /d/f"} {
				if got := s.properties(at, "{urn:z}p")["{urn:z}p"]; got != want {
					s.Errorf("%s: %q, want %q", at, got, want)
				}
			}
			s.want(201, "MKCOL", "/d", "")
			s.put("/d/f", "another")
			if got := s.properties("/d/f", "{urn:z}p"); len(got) > 0 {
				s.Errorf("the old name still has %v", got)
			}
		}},
		{"9.9.2-move-of-a-folder-is-of-all-in-it", func(s *share) {
			s.tree("/d")
			s.untouched(func() {
				s.want(400, "MOVE", "/d", "", "Destination: {server}/m", "Depth: 0")
				s.want(400, "MOVE", "/d", "", "Destination: {server}/m", "Depth: 1")
			})
			s.want(201, "MOVE", "/d", "", "Destination: {server}/m", "Depth: infinity")
			s.holds("/m/e/g", "deep")
		}},
		{"9.9.3-move-replaces-as-if-deleted-first", func(s *share) {
			s.tree("/d")
			s.want(201, "MKCOL", "/m", "")
			s.put("/m/old", "x")
			s.want(204, "MOVE", "/d", "", "Destination: {server}/m", "Overwrite: T")
			s.gone("/m/old")
			s.holds("/m/e/g", "deep")
		}},
		{"9.9.4-locked-source-is-423", func(s *share) {
			s.put("/f", "x")
			token := s.lock("/f")
			s.untouched(func() { s.want(423, "MOVE", "/f", "", "Destination: {server}/m") })
			s.want(201, "COPY", "/f", "", "Destination: {server}/c") // reading is free
			s.want(201, "MOVE", "/f", "", "Destination: {server}/m", "If: ("+token+")")
		}},
		{"9.8.3-no-424-or-201-in-a-207", func(s *share) {
			s.tree("/d")
			s.want(201, "MKCOL", "/o", "")
			s.lock("/d/e/g")
			s.untouched(func() {
				for _, a := range []answer{
					s.want(207, "MOVE", "/d", "", "Destination: {server}/m"),
					s.want(207, "MOVE", "/o", "", "Destination: {server}/d"), s.want(207, "COPY", "/o", "", "Destination: {server}/d"),
				} {
					if got := a.multistatus(s.T).Responses; len(got) != 1 || got[0].Href != "/d/e/g" || got[0].Status != "HTTP/1.1 423 Locked" {
						s.Errorf("got %+v", got)
					}
				}
			})
		}},
	}
}
