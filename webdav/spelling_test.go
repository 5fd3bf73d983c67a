package webdav

import (
	"slices"
	"strings"
	"testing"
)

// TestAddressesBeginAsTheClientSpelledThem asks for names in spellings other than
// the handler's own, by every method that answers with addresses.
func TestAddressesBeginAsTheClientSpelledThem(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "MKCOL", "/dav/a+b&c%D0%96", "")
		s.want(201, "PUT", "/dav/a+b&c%D0%96/x+y", "x")
		for _, at := range []string{"/dav/a%2Bb%26c%D0%96", "/dav/%61%2bb&c%d0%96", "/d%61v/a+b&c%D0%96"} {
			m := s.want(207, "PROPFIND", at, "", "Depth: 1").multistatus(s.T)
			if want := []string{at + "/", at + "/x+y"}; !slices.Equal(m.hrefs(), want) {
				s.Errorf("PROPFIND tells %q, want %q", m.hrefs(), want)
			}
			if m := s.want(207, "PROPFIND", at+"/", "", "Depth: 0").multistatus(s.T); !slices.Equal(m.hrefs(), []string{at + "/"}) {
				s.Errorf("PROPFIND tells %q, want %s/", m.hrefs(), at)
			}
			file := at + "/%78%2By"
			if m := s.want(207, "PROPPATCH", file, windowsTimes).multistatus(s.T); !slices.Equal(m.hrefs(), []string{file}) {
				s.Errorf("PROPPATCH tells %q, want %s", m.hrefs(), file)
			}
			a := s.want(200, "LOCK", file, lockBody)
			if want := "<D:lockroot><D:href>" + strings.ReplaceAll(file, "&", "&amp;") + "</D:href></D:lockroot>"; !strings.Contains(a.body, want) {
				s.Errorf("LOCK tells %s, want %s", a.body, want)
			}
			d := s.want(207, "DELETE", at, "").multistatus(s.T)
			if want := []string{at + "/x+y"}; !slices.Equal(d.hrefs(), want) {
				s.Errorf("DELETE tells %q, want %q", d.hrefs(), want)
			}
			s.want(204, "UNLOCK", file, "", "Lock-Token: "+a.header.Get("Lock-Token"))
		}
		for _, at := range []string{"//dav/a+b&c%D0%96", "/dav//a+b&c%D0%96//"} { // a name that is not told like that
			if a := s.rawPath("PROPFIND", at, "Depth: 0"); a.status != 207 || !slices.Equal(a.multistatus(s.T).hrefs(), []string{"/dav/a+b&c%D0%96/"}) {
				s.Errorf("%s: %d %s", at, a.status, a.body)
			}
		}
	}, WithPrefix("/dav"))
}

// TestSlashesBeforeAPathAreOne joins an address that ends in a slash with a path
// that begins with one, as Windows and others do.
func TestSlashesBeforeAPathAreOne(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "PUT", "/drive/a", "x")
		for _, at := range []string{"//drive/", "///drive//"} {
			a := s.rawPath("PROPFIND", at, "Depth: 1")
			if a.status != 207 || !slices.Equal(a.multistatus(s.T).hrefs(), []string{"/drive/", "/drive/a"}) {
				s.Errorf("%s: %d %s", at, a.status, a.body)
			}
		}
		s.want(201, "COPY", "/drive/a", "", "Destination: {server}//drive/b")
		s.want(201, "MOVE", "/drive/b", "", "Destination: {server}///drive//c")
		s.holds("/drive/c", "x")
		s.want(502, "COPY", "/drive/a", "", "Destination: //drive/b") // another host, by RFC 3986
		s.want(502, "COPY", "/drive/a", "", "Destination: {server}//drivel/b")
		for _, at := range []string{"//drivel/", "//"} {
			if a := s.rawPath("GET", at); a.status != 404 {
				s.Errorf("GET %s: %d", at, a.status)
			}
		}
	}, WithPrefix("/drive"))
}

// TestFoldersAboveTheShare are empty, and have no properties of the share.
func TestFoldersAboveTheShare(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "PUT", "/a b/c/f", "x")
		s.want(200, "LOCK", "/a%20b/c/", lockBody)
		for at, href := range map[string]string{"/": "/", "/a%20b": "/a%20b/", "/a%20b/": "/a%20b/"} {
			for _, depth := range []string{"0", "1", "infinity"} {
				for _, body := range []string{"", propfindOf("resourcetype", "lockdiscovery", "supportedlock", "quota-available-bytes", "getcontentlength")} {
					a := s.want(207, "PROPFIND", at, body, "Depth: "+depth)
					m := a.multistatus(s.T)
					if !slices.Equal(m.hrefs(), []string{href}) {
						s.Errorf("%s, depth %s: %q, want %s", at, depth, m.hrefs(), href)
					}
					if !strings.Contains(a.body, "<D:collection/>") || strings.Contains(a.body, "locktoken") || strings.Contains(a.body, "lockentry") {
						s.Errorf("%s is %s", at, a.body)
					}
				}
			}
			s.want(400, "PROPFIND", at, "", "Depth: 2")
			s.want(400, "PROPFIND", at, "<x")
			for _, method := range []string{"GET", "PUT", "DELETE", "MKCOL", "PROPPATCH", "LOCK"} {
				s.want(404, method, at, "")
			}
		}
		for _, at := range []string{"/a", "/a%20b/d", "/a%20b/cc", "/b"} {
			s.want(404, "PROPFIND", at, "", "Depth: 0")
		}
	}, WithPrefix("/a b/c"))
}
