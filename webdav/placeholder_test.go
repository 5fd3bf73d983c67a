package webdav

import (
	"strings"
	"testing"
)

// What a lock made goes where it, or its folder, is moved or copied, and who
// locked it can write there on condition of its entity tag.
func TestPlaceholderGoesAlong(t *testing.T) {
	name := escape("/" + hostile)
	for what, test := range map[string]struct{ method, at, to, found string }{
		"MOVE of the folder":          {"MOVE", "/d", "/n", "/n" + name},
		"MOVE of the folder's folder": {"MOVE", "/up", "/n", "/n/d" + name},
		"MOVE over a folder":          {"MOVE", "/d", "/e", "/e" + name},
		"MOVE":                        {"MOVE", "/d" + name, "/e/n", "/e/n"},
		"COPY of the folder":          {"COPY", "/d", "/n", "/n" + name},
		"COPY over a folder":          {"COPY", "/d", "/e", "/e" + name},
		"COPY":                        {"COPY", "/d" + name, "/e/n", "/e/n"},
	} {
		t.Run(what, func(t *testing.T) {
			onEach(t, func(s *share) {
				folder := "/d"
				if test.at == "/up" {
					folder = "/up/d"
					s.want(201, "MKCOL", "/up", "")
				}
				s.want(201, "MKCOL", folder, "")
				s.want(201, "MKCOL", "/e", "")
				s.put(folder+"/there", "there")
				token := s.lock(folder + name)
				etag := s.properties(folder+name, "getetag")["getetag"]
				if !strings.HasPrefix(etag, `"empty-`) {
					t.Fatalf("a lock made something with the entity tag %s", etag)
				}
				a := s.do(test.method, test.at, "", "Destination: "+test.to, "If: <"+folder+name+"> ("+token+")")
				if a.status != 201 && a.status != 204 {
					t.Fatal(a)
				}
				if got := s.properties(test.found, "getetag")["getetag"]; got != etag {
					t.Errorf("it has the entity tag %s, want %s", got, etag)
				}
				s.holds(test.found, "")
				if test.method == "MOVE" {
					s.gone(folder + name)
				}
				s.want(412, "PUT", test.found, "x", `If-Match: "other"`)
				s.want(204, "PUT", test.found, "content", "If-Match: "+etag)
				s.holds(test.found, "content")
				s.want(412, "PUT", test.found, "x", "If-Match: "+etag)
				s.want(204, "DELETE", test.found, "")
				s.gone(test.found)
			})
		})
	}
}

// A folder that is deleted takes along what a lock made in it, and is not empty
// before.
func TestPlaceholderIsDeletedWithItsFolder(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.want(201, "MKCOL", "/d", "")
	token := s.lock("/d/new")
	s.want(201, "MOVE", "/d", "", "Destination: /e", "If: </d/new> ("+token+")")
	s.want(400, "DELETE", "/e", "", "Depth: 0")
	s.want(204, "DELETE", "/e", "")
	s.want(201, "MKCOL", "/e", "")
	s.gone("/e/new")
}

// A second shared lock leaves what the first one made as it is.
func TestPlaceholderWithTwoLocks(t *testing.T) {
	s := newShare(t, newCapableFs())
	shared := strings.Replace(lockBody, "exclusive", "shared", 1)
	s.want(201, "LOCK", "/new", shared)
	etag := s.properties("/new", "getetag")["getetag"]
	s.want(200, "LOCK", "/new", shared)
	if got := s.properties("/new", "getetag")["getetag"]; got != etag {
		t.Errorf("it has the entity tag %s, want %s", got, etag)
	}
}
