package webdav

import (
	"strings"
	"testing"
)

// TestUnescapedNamesChangeNothingElse: what follows a ? or # that a client did
// not escape is no part of the path, and without it the address would be that
// of another file.
func TestUnescapedNamesChangeNothingElse(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/what", "kept")
		s.put("/f", "f")
		s.want(201, "MKCOL", "/d", "")
		s.untouched(func() {
			for _, at := range []string{"/what?.txt", "/what?", "/d/what?x=1"} {
				for _, method := range []string{"PUT", "DELETE", "MKCOL", "LOCK", "MOVE", "COPY", "PROPPATCH", "UNLOCK"} {
					if a := s.rawPath(method, at, "Content-Length: 0", "Destination: /g"); a.status != 400 {
						s.Errorf("%s %s: %d", method, at, a.status)
					}
				}
			}
			for _, to := range []string{"/what?.txt", "/what#1.txt", "{server}/what?", "{server}/what#"} {
				s.want(400, "MOVE", "/f", "", "Destination: "+to)
				s.want(400, "COPY", "/f", "", "Destination: "+to)
			}
			s.want(400, "MOVE", "/f", "", "Destination: /g", "Destination: /h")
		})
		s.holds("/what?from=a-browser", "kept")
		s.put("/what%3F.txt", "new")
		s.want(201, "MOVE", "/f", "", "Destination: {server}/what%231.txt")
		s.holds("/what", "kept")
	})
}

// TestPublicAddressAndOwn: where the proxy takes a prefix off or puts one on, a
// Destination is read by the address that its client uses.
func TestPublicAddressAndOwn(t *testing.T) {
	for name, c := range map[string]struct {
		prefix, public string
		hrefs          string
		lands          map[string]string // Destination to where the file is, from here
	}{
		"taken off": {"", "https://disk.example/files", "/files/", map[string]string{
			"https://disk.example/files/a": "/a", "http://disk.example:80/files/b": "/b", "/files/c": "/c",
			"{server}/files/d": "/files/d", "{server}/e": "/e",
		}},
		"changed": {"/dav", "https://disk.example/files/", "/files/", map[string]string{
			"https://disk.example/files/a": "/dav/a", "/files/b": "/dav/b", "/dav/c": "/dav/c",
			"{server}/dav/d": "/dav/d", "{server}/dav/files/e": "/dav/files/e",
		}},
		"passed on": {"/dav", "https://disk.example/dav", "/dav/", map[string]string{
			"https://disk.example/dav/a": "/dav/a", "{server}/dav/dav/b": "/dav/dav/b",
		}},
		"host alone": {"/dav", "https://disk.example", "/dav/", map[string]string{
			"https://disk.example/dav/a": "/dav/a", "{server}/dav/dav/b": "/dav/dav/b",
		}},
		"host alone, with a slash": {"/dav", "https://disk.example/", "/dav/", map[string]string{
			"https://disk.example/dav/a": "/dav/a", "{server}/dav/dav/b": "/dav/dav/b",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShare(t, newCapableFs(), WithPrefix(c.prefix), WithPublicURL(c.public))
			s.want(201, "MKCOL", c.prefix+"/files", "")
			s.want(201, "MKCOL", c.prefix+"/dav", "")
			if m := s.want(207, "PROPFIND", c.prefix+"/", "", "Depth: 0").multistatus(t); m.hrefs()[0] != c.hrefs {
				t.Errorf("it writes %s, want %s", m.hrefs()[0], c.hrefs)
			}
			for to, at := range c.lands {
				s.put(c.prefix+"/f", to)
				s.want(201, "MOVE", c.prefix+"/f", "", "Destination: "+to)
				s.holds(at, to)
			}
			s.put(c.prefix+"/f", "f")
			s.untouched(func() {
				s.want(502, "MOVE", c.prefix+"/f", "", "Destination: https://other.example/files/x")
				s.want(502, "MOVE", c.prefix+"/f", "", "Destination: https://disk.example/elsewhere/x")
			})
		})
	}
}

// TestRootInTheOtherForm: the root of a user is found in both Unicode forms,
// and is the root whichever it is kept in.
func TestRootInTheOtherForm(t *testing.T) {
	const composed, decomposed = "/\u0439 caf\u00e9", "/\u0438\u0306 cafe\u0301"
	for _, names := range [][2]string{{composed, decomposed}, {decomposed, composed}} {
		onEach(t, func(s *share) {
			s.want(201, "MKCOL", escape(names[0]), "")
			s.put(escape(names[0]+"/f"), "f")
			s.put("/outside", "x")
			guarded := newShareOf(s.T, s.fs, []Principal{{Name: "anna", Root: names[1]}})
			anna := as("anna")
			s.untouched(func() {
				guarded.want(403, "DELETE", "/", "", anna)
				guarded.want(403, "MOVE", "/", "", anna, "Destination: /x")
				guarded.want(404, "GET", "/outside", "", anna)
			})
			m := guarded.want(207, "PROPFIND", "/", "", "Depth: 1", anna).multistatus(s.T)
			if got := strings.Join(m.hrefs(), " "); got != "/ /f" {
				s.Errorf("anna sees %s", got)
			}
			guarded.want(201, "MOVE", "/f", "", anna, "Destination: /g")
			s.holds(escape(names[0]+"/g"), "f")
		})
	}
}
