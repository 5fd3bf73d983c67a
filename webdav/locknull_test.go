package webdav

import (
	"strings"
	"testing"
)

// davfs2 is how it names itself.
const davfs2 = "User-Agent: davfs2/1.6.1 neon/0.32.2"

// TestDavfs2SeesNothingWhereNothingIsStored: to davfs2, which would not set the
// executable bit of a new file otherwise, a name that is only locked is free. To
// all others it is an empty resource (RFC 4918 section 7.3).
func TestDavfs2SeesNothingWhereNothingIsStored(t *testing.T) {
	onEach(t, func(s *share) {
		name := escape("/" + hostile)
		a := s.want(200, "LOCK", name, lockBody, davfs2, "If-None-Match: *")
		token := "(" + a.header.Get("Lock-Token") + ")"
		for _, method := range []string{"GET", "HEAD", "PROPFIND"} {
			s.want(404, method, name, "", davfs2, "Depth: 0")
		}
		s.want(200, "HEAD", name, "")
		s.want(207, "PROPFIND", name, "", "Depth: 0")
		if got := s.want(207, "PROPFIND", "/", "", "Depth: 1", davfs2).body; strings.Contains(got, "%D0%96") {
			t.Errorf("davfs2 is shown %s", got)
		}
		if got := s.want(207, "PROPFIND", "/", "", "Depth: 1").body; !strings.Contains(got, "%D0%96") {
			t.Errorf("others are shown %s", got)
		}
		s.want(423, "PUT", name, "stolen", davfs2, "If-None-Match: *")
		s.want(423, "LOCK", name, lockBody, davfs2)
		s.want(201, "PUT", name, "content", davfs2, "If-None-Match: *", "If: "+token)
		s.want(412, "PUT", name, "again", davfs2, "If-None-Match: *", "If: "+token)
		s.want(207, "PROPPATCH", name, `<propertyupdate xmlns="DAV:"><set><prop><executable xmlns="http://apache.org/dav/props/">T</executable></prop></set></propertyupdate>`, davfs2, "If: "+token)
		s.holds(name, "content")
		s.want(423, "PUT", name, "stolen")
		s.want(200, "HEAD", name, "", davfs2)
	})
}

// TestDavfs2MeansEachNameExactly: two names that look the same are two files to
// davfs2, and one to others, macOS among them.
func TestDavfs2MeansEachNameExactly(t *testing.T) {
	s := newShare(t, newCapableFs())
	const composed, decomposed = "/%C3%A9", "/e%CC%81"
	s.want(201, "PUT", composed, "1", davfs2)
	s.want(404, "GET", decomposed, "", davfs2)
	if got := s.want(200, "GET", decomposed, "").body; got != "1" {
		t.Errorf("others get %q", got)
	}
	s.want(201, "PUT", decomposed, "2", davfs2)
	s.holds(composed, "1")
	s.holds(decomposed, "2")
}
