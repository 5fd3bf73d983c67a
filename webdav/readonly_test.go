package webdav

import (
	"strings"
	"testing"
)

// TestReadOnlyOffersNothingElse has a share, and a user of one, that may be read
// alone: nothing says that anything could be changed or locked.
func TestReadOnlyOffersNothingElse(t *testing.T) {
	const reading = "GET, HEAD, OPTIONS, PROPFIND"
	onEach(t, func(s *share) {
		s.put("/f", "x")
		whole := newShare(t, s.fs, WithReadOnly())
		user := newShareOf(t, s.fs, []Principal{{Name: "guest", ReadOnly: true}, {Name: "anna"}})
		for _, c := range []struct {
			*share
			headers []string
		}{{whole, nil}, {user, []string{as("guest")}}} {
			for _, at := range []string{"/f", "/"} {
				m := c.want(207, "PROPFIND", at, propfindOf("supportedlock"), append(c.headers, "Depth: 0")...)
				if strings.Contains(m.body, "lockentry") || !strings.Contains(m.body, "supportedlock") {
					t.Errorf("supportedlock of %s: %s", at, m.body)
				}
			}
			if a := c.want(405, "PATCH", "/f", "", c.headers...); a.header.Get("Allow") != reading {
				t.Errorf("405 allows %q", a.header.Get("Allow"))
			}
			c.untouched(func() { c.want(403, "LOCK", "/f", lockBody, c.headers...) })
		}
		if a := whole.want(200, "OPTIONS", "/", ""); a.header.Get("DAV") != "1" || a.header.Get("Allow") != reading {
			t.Errorf("OPTIONS tells %q, %q", a.header.Get("DAV"), a.header.Get("Allow"))
		}
		if a := user.want(200, "OPTIONS", "/", ""); a.header.Get("DAV") != "1, 2" { // OPTIONS is answered without a user
			t.Errorf("OPTIONS of a share with users tells %q", a.header.Get("DAV"))
		}
		if m := user.want(207, "PROPFIND", "/f", propfindOf("supportedlock"), "Depth: 0", as("anna")); strings.Count(m.body, "lockentry>") != 4 {
			t.Errorf("supportedlock of a user who may write: %s", m.body)
		}
	})
}
