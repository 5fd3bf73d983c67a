package webdav

import (
	"net/http"
	"strings"
	"testing"
)

// A member that goes while a folder is being looked at is not there; the folder
// and the others are.
func TestMemberThatVanishes(t *testing.T) {
	const named = `<propfind xmlns="DAV:"><prop><colour xmlns="urn:x"/></prop></propfind>`
	for what, test := range map[string]struct{ op, at, depth string }{
		"a file, when its properties are read":      {"properties", "/d/file?", "1"},
		"a folder, when its own members are listed": {"open", "/d/sub", "infinity"},
	} {
		t.Run(what, func(t *testing.T) {
			s := newShare(t, newCapableFs(), WithDepthInfinity(100))
			for _, folder := range []string{"/d", "/d/sub"} {
				if a := s.do("MKCOL", folder, ""); a.status != http.StatusCreated {
					t.Fatal(a)
				}
			}
			for _, file := range []string{"/d/file%3F", "/d/other"} {
				if a := s.do("PUT", file, "x"); a.status != http.StatusCreated {
					t.Fatal(a)
				}
			}
			s.capable().setFail(func(op, name string) error {
				if op == test.op && name == test.at {
					return missing(op, name)
				}
				return nil
			})
			a := s.do("PROPFIND", "/d", named, "Depth: "+test.depth)
			if a.status != http.StatusMultiStatus || strings.Contains(a.body, escape(test.at)) || !strings.Contains(a.body, "/d/other") {
				t.Errorf("the folder was answered %d: %s", a.status, a.body)
			}
		})
	}
}
