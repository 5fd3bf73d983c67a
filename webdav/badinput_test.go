package webdav

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/spf13/afero"
)

// TestBadNames: what no file system takes is refused in the words of HTTP, and
// nothing is lost by it.
func TestBadNames(t *testing.T) {
	s := newShare(t, afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()))
	s.put("/f", "f")
	long := "/" + strings.Repeat("%C3%A9", 128) // 256 bytes
	s.untouched(func() {
		for _, method := range []string{"PUT", "GET", "DELETE", "MKCOL", "PROPFIND", "PROPPATCH", "LOCK"} {
			s.want(400, method, long, "", "Depth: 0")
		}
		for _, method := range []string{"MOVE", "COPY"} {
			s.want(400, method, "/f", "", "Destination: "+long)
		}
	})
	colon := escape("/a:b|c*?<>\"\\ .")
	s.want(201, "PUT", colon, "a name that Windows does not take")
	s.holds(colon, "a name that Windows does not take")
}

// TestNamesThatTheStoreRefuses: a store says 400 to a name it cannot have.
func TestNamesThatTheStoreRefuses(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f")
	s.capable().setFail(func(op, name string) error {
		if strings.HasSuffix(name, ":") && op != "stat" || op == "move" || op == "copy" {
			return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
		}
		return nil
	})
	s.untouched(func() {
		s.want(400, "PUT", "/a:", "x")
		s.want(400, "MKCOL", "/a:", "")
		s.want(400, "MOVE", "/f", "", "Destination: /a:")
		s.want(400, "COPY", "/f", "", "Destination: /a:")
	})
}

// TestBadHeaders: 400, and nothing is changed.
func TestBadHeaders(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/f", "f")
		s.want(201, "MKCOL", "/d", "")
		token := s.lock("/d")
		s.untouched(func() {
			for _, c := range []struct{ method, at, header string }{
				{"PROPFIND", "/f", "Depth: one"}, {"DELETE", "/f", "Depth: two"}, {"COPY", "/d", "Depth: 1"}, {"MOVE", "/d", "Depth: 0"},
				{"COPY", "/f", "Overwrite: X"}, {"LOCK", "/f", "Depth: 1"}, {"GET", "/f", "If: ("}, {"PUT", "/f", "If: <no-list>"},
				{"PUT", "/f", "Content-Range: bytes 0-0/1"}, {"UNLOCK", "/d", "Lock-Token: <"}, {"PUT", "/f", "Content-MD5: !"},
				{"PROPFIND", "/f", "If: " + strings.Repeat("(<urn:x>)", 10_000)},
			} {
				body := map[string]string{"PUT": "x", "LOCK": lockBody}[c.method]
				a := s.do(c.method, c.at, body, c.header, "Destination: /g")
				if a.status != 400 {
					s.Errorf("%s %s with %.40s: %d", c.method, c.at, c.header, a.status)
				}
			}
		})
		s.want(204, "UNLOCK", "/d", "", "Lock-Token: "+token)
	})
}

// TestOptionsThatMakeNoSense are reported at the start.
func TestOptionsThatMakeNoSense(t *testing.T) {
	for name, option := range map[string]Option{
		"prefix": WithPrefix("/a/../b"), "prefix with a query": WithPrefix("/a?b"), "public address": WithPublicURL("disk.example"),
		"public scheme": WithPublicURL("ftp://disk.example/"), "state": WithState(""), "depth": WithDepthInfinity(0),
		"state in a file": WithState("badinput_test.go"), "XML": WithMaxXML(0), "page": WithPage(nil),
	} {
		if h, err := NewHandler(afero.NewMemMapFs(), option); err == nil {
			h.Close()
			t.Errorf("%s: no error", name)
		}
	}
	for _, prefix := range []string{"", "/", "dav", "/dav/", "/a/b"} {
		h, err := NewHandler(afero.NewMemMapFs(), WithPrefix(prefix))
		if err != nil {
			t.Errorf("prefix %q: %v", prefix, err)
			continue
		}
		if p := h.publicPrefix(); strings.HasSuffix(p, "/") || p != "" && p[0] != '/' {
			t.Errorf("prefix %q became %q", prefix, p)
		}
		h.Close()
	}
}
