package webdav

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// A member that goes while a folder is being looked at is not there; the folder
// and the others are.
func TestMemberThatVanishes(t *testing.T) {
	const named = `<propfind xmlns="DAV:"><prop><color xmlns="urn:x"/></prop></propfind>`
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

// A folder from which a member is moved, or that is deleted, while the properties
// of its members are read is told as it was before or afterwards, and not
// without those that the change concerns.
func TestChangedWhilePropertiesAreRead(t *testing.T) {
	for method, want := range map[string]string{"MOVE": "/d/ /d/f%3F /d/new", "DELETE": ""} {
		t.Run(method, func(t *testing.T) {
			s := newShare(t, newCapableFs())
			if a := s.do("MKCOL", "/d", ""); a.status != http.StatusCreated {
				t.Fatal(a)
			}
			for _, file := range []string{"/d/f%3F", "/d/g%3F"} {
				if a := s.do("PUT", file, "x"); a.status != http.StatusCreated {
					t.Fatal(a)
				}
			}
			at := map[string]string{"MOVE": "/d/g?", "DELETE": "/d/f?"}[method]
			changed := false
			s.capable().setFail(func(op, name string) error {
				if op != "properties" || name != at || changed {
					return nil
				}
				changed = true
				var a answer
				if method == "MOVE" {
					a = s.do("MOVE", "/d/g%3F", "", "Destination: /d/new")
				} else {
					a = s.do("DELETE", "/d", "")
				}
				if a.status/100 != 2 {
					t.Error(a)
				}
				return missing(op, name)
			})
			a := s.do("PROPFIND", "/d", "", "Depth: 1")
			var told []string
			for _, href := range regexp.MustCompile(`<D:href>([^<]*)</D:href>`).FindAllStringSubmatch(a.body, -1) {
				told = append(told, href[1])
			}
			if got := strings.Join(told, " "); got != want || !changed || (a.status == http.StatusNotFound) != (want == "") {
				t.Errorf("it was answered %d with %q, want %q", a.status, got, want)
			}
		})
	}
}

// A folder that is replaced by a file between being opened and being listed is
// not said to be missing, nor to be no folder.
func TestFolderBecomesAFile(t *testing.T) {
	for method, want := range map[string]int{"PROPFIND": http.StatusMultiStatus, "GET": http.StatusServiceUnavailable} {
		t.Run(method, func(t *testing.T) {
			s := newShare(t, newCapableFs())
			if a := s.do("MKCOL", "/d", ""); a.status != http.StatusCreated {
				t.Fatal(a)
			}
			replaced := false
			s.capable().setFail(func(op, name string) error {
				if op != "list" || replaced {
					return nil
				}
				replaced = true
				if a := s.do("DELETE", "/d", ""); a.status != http.StatusNoContent {
					t.Error(a)
				}
				if a := s.do("PUT", "/d", "a file"); a.status != http.StatusCreated {
					t.Error(a)
				}
				return failing(op, name, http.StatusConflict)
			})
			a := s.do(method, "/d", "", "Depth: 1")
			if a.status != want || !replaced {
				t.Errorf("it was answered %d: %s", a.status, a.body)
			}
		})
	}
}
