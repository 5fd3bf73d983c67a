package webdav

import (
	"net/http"
	"net/url"
	"testing"
)

// TestLitmus018 is what litmus has tested since 0.13, which is the one that
// Debian has.
func TestLitmus018(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(409, "PUT", "/nonesuch/noparent.txt", "x") // basic: put_no_parent
		s.gone("/nonesuch")

		a := s.want(201, "PUT", "/location", "x") // basic: put_location
		if location := a.header.Get("Location"); location != "" {
			u, err := url.Parse(location)
			if err != nil || u.Path != "/location" {
				s.Errorf("PUT is told to be at %s", location)
			}
		}

		s.want(201, "COPY", "/location", "", "Destination: /abspath") // copymove: copy_abspath
		s.holds("/abspath", "x")

		s.want(201, "MKCOL", "/source", "") // copymove: copy_shallow
		s.put("/source/member", "x")
		s.want(201, "COPY", "/source", "", "Destination: {server}/shallow", "Depth: 0")
		s.gone("/shallow/member")

		got := s.properties("/location", "getlastmodified") // props: propget
		if _, err := http.ParseTime(got["getlastmodified"]); err != nil {
			s.Errorf("getlastmodified %v", got)
		}

		s.want(207, "PROPPATCH", "/location", setProperty("p", "v")) // props: removing twice
		for range 2 {
			m := s.want(207, "PROPPATCH", "/location", removeProperty("p")).multistatus(s.T)
			if _, status := m.prop("/location", "urn:n", "p"); status != "HTTP/1.1 200 OK" {
				s.Errorf("removing a property: %s", status)
			}
		}

		a = s.want(201, "LOCK", "/unmapped", lockBody) // locks: unmapped_lock
		s.want(204, "UNLOCK", "/unmapped", "", "Lock-Token: "+a.header.Get("Lock-Token"))
	})
}
