package webdav

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/spf13/afero"
)

// setProperty is the body of a PROPPATCH.
func setProperty(name, value string) string {
	return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><n:` + name + ` xmlns:n="urn:n">` + value + `</n:` + name + `></D:prop></D:set></D:propertyupdate>`
}

func removeProperty(name string) string {
	return `<D:propertyupdate xmlns:D="DAV:"><D:remove><D:prop><n:` + name + ` xmlns:n="urn:n"/></D:prop></D:remove></D:propertyupdate>`
}

// TestDeadPropertiesFollowTheirResource, in the file system's store and in the
// handler's own.
func TestDeadPropertiesFollowTheirResource(t *testing.T) {
	refusing := newCapableFs()
	refusing.noProperties = true
	tooLarge := newCapableFs()
	tooLarge.failOn(413, "setproperties")
	for name, fs := range map[string]afero.Fs{
		"capable": newCapableFs(), "refusing": refusing, "too large": tooLarge, "memory": afero.NewMemMapFs(),
	} {
		t.Run(name, func(t *testing.T) {
			s := newShare(t, fs)
			has := func(at, want string) {
				t.Helper()
				if got := s.properties(at, "{urn:n}p")["{urn:n}p"]; got != want {
					t.Errorf("%s has %q, want %q", at, got, want)
				}
			}
			s.want(201, "MKCOL", "/d", "")
			f := escape("/d/" + hostile)
			s.put(f, "f")
			s.want(207, "PROPPATCH", f, setProperty("p", "1 &lt; 2"))
			s.want(207, "PROPPATCH", "/d", setProperty("p", "folder"))
			has(f, "1 &lt; 2")
			m := s.want(207, "PROPFIND", "/d", "", "Depth: 1").multistatus(t)
			if p, _ := m.prop(f, "urn:n", "p"); p.Inner != "1 &lt; 2" {
				t.Errorf("listed with %q", p.Inner)
			}
			s.want(204, "PUT", f, "new content")
			has(f, "1 &lt; 2")
			s.want(201, "COPY", "/d", "", "Destination: /e")
			s.want(201, "COPY", "/d", "", "Destination: /shallow", "Depth: 0")
			has("/e", "folder")
			has("/shallow", "folder")
			has("/e/"+escape(hostile), "1 &lt; 2")
			s.want(201, "MOVE", "/d", "", "Destination: /g")
			has("/g/"+escape(hostile), "1 &lt; 2")
			s.want(207, "PROPPATCH", "/g", removeProperty("p"))
			has("/g", "")
			s.put("/plain", "no properties")
			s.want(204, "COPY", "/plain", "", "Destination: /e")
			has("/e", "")
			s.want(204, "DELETE", "/g", "")
			s.want(201, "MKCOL", "/g", "")
			s.put("/g/"+escape(hostile), "another")
			has("/g/"+escape(hostile), "")
		})
	}
}

func TestDeadPropertiesOfTheHandlerOutliveARestart(t *testing.T) {
	state := t.TempDir()
	first := newShare(t, afero.NewMemMapFs(), WithState(state))
	first.put("/f", "f")
	first.want(207, "PROPPATCH", "/f", setProperty("p", "kept"))
	first.server.Close()
	if err := first.handler.Close(); err != nil {
		t.Fatal(err)
	}
	second := newShare(t, first.fs, WithState(state))
	if got := second.properties("/f", "{urn:n}p"); got["{urn:n}p"] != "kept" {
		t.Errorf("after a restart: %v", got)
	}
}

// TestDeadPropertiesHaveOneValue: what did not fit into the file system's
// store does not leave an old value there.
func TestDeadPropertiesHaveOneValue(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f")
	s.want(207, "PROPPATCH", "/f", setProperty("p", "small"))
	s.capable().setFail(func(op, name string) error {
		if op == "setproperties" && s.capable().count(op) == 2 {
			return failing(op, name, 413)
		}
		return nil
	})
	s.want(207, "PROPPATCH", "/f", setProperty("p", strings.Repeat("large", 500)))
	if props := s.capable().nodes["/f"].props; len(props) != 0 {
		t.Errorf("the file system still has %v", props)
	}
	if got := s.properties("/f", "{urn:n}p"); len(got["{urn:n}p"]) != 2500 {
		t.Errorf("%v", got)
	}
}

// TestDeadPropertiesStayIfTheyCannotMove: a value that cannot be taken out of
// the file system's store does not get a second one in the handler's.
func TestDeadPropertiesStayIfTheyCannotMove(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f")
	s.want(207, "PROPPATCH", "/f", setProperty("p", "old"))
	s.capable().noProperties = true
	s.want(207, "PROPPATCH", "/f", setProperty("own", "kept by the handler"))
	s.capable().noProperties = false
	s.capable().failOn(503, "setproperties")
	s.want(503, "PROPPATCH", "/f", setProperty("p", "new"))
	s.capable().setFail(nil)
	got := s.properties("/f", "{urn:n}p", "{urn:n}own")
	if got["{urn:n}p"] != "old" || got["{urn:n}own"] != "kept by the handler" {
		t.Errorf("%v", got)
	}
}

// wantPropstats checks what a PROPPATCH answers for some of its properties, by
// their local names.
func (s *share) wantPropstats(at, body string, want map[string]int, headers ...string) {
	s.Helper()
	m := s.want(207, "PROPPATCH", at, body, headers...).multistatus(s.T)
	for _, ps := range m.Responses[0].Propstats {
		for _, p := range ps.Prop.Props {
			status, ok := want[p.XMLName.Local]
			if ok && ps.Status != fmt.Sprintf("HTTP/1.1 %d %s", status, http.StatusText(status)) {
				s.Errorf("%s: %s, want %d", p.XMLName.Local, ps.Status, status)
			}
			delete(want, p.XMLName.Local)
		}
	}
	if len(want) > 0 {
		s.Errorf("nothing about %v", want)
	}
}

// TestProppatchIsAllOrNothing: the time is put back when the properties cannot
// be stored, and an upstream fault is told.
func TestProppatchIsAllOrNothing(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f", "X-OC-Mtime: 1600000000")
	s.capable().failOn(503, "setproperties")
	s.want(503, "PROPPATCH", "/f", windowsTimes)
	s.capable().failOn(503, "times")
	s.want(503, "PROPPATCH", "/f", windowsTimes)
	s.capable().setFail(nil)
	got := s.properties("/f", "getlastmodified", "{urn:schemas-microsoft-com:}Win32FileAttributes")
	if got["getlastmodified"] != "Sun, 13 Sep 2020 12:26:40 GMT" || len(got) != 1 {
		t.Errorf("half was done: %v", got)
	}
	s.capable().noTimes = true
	s.wantPropstats("/f", windowsTimes, map[string]int{"Win32LastModifiedTime": 403, "Win32FileAttributes": 424})
	s.capable().noTimes = false
	s.capable().failOn(507, "setproperties")
	s.wantPropstats("/f", windowsTimes, map[string]int{"Win32LastModifiedTime": 424, "Win32FileAttributes": 507})
	s.capable().setFail(nil)
	if again := s.properties("/f", "getlastmodified", "{urn:schemas-microsoft-com:}Win32FileAttributes"); !maps.Equal(again, got) {
		t.Errorf("half was done: %v", again)
	}
}

// TestProppatchOfAPlaceholder keeps the properties until there is content.
func TestProppatchOfAPlaceholder(t *testing.T) {
	onEach(t, func(s *share) {
		token := s.lock("/new")
		s.want(207, "PROPPATCH", "/new", setProperty("p", "early"), "If: ("+token+")")
		s.wantPropstats("/new", windowsTimes, map[string]int{"Win32LastModifiedTime": 409, "Win32FileAttributes": 424}, "If: ("+token+")")
		s.want(204, "PUT", "/new", "content", "If: ("+token+")")
		if got := s.properties("/new", "{urn:n}p"); got["{urn:n}p"] != "early" {
			s.Errorf("%v", got)
		}
	})
}

func TestChecksumsAreToldWhenKnown(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "123")
	got := s.properties("/f", "{http://owncloud.org/ns}checksums")
	if !strings.Contains(got["{http://owncloud.org/ns}checksums"], "MD5:202cb962ac59075b964b07152d234b70") {
		t.Errorf("%v", got)
	}
	if a := s.want(207, "PROPFIND", "/f", "", "Depth: 0"); strings.Contains(a.body, "checksum") {
		t.Error("allprop has the checksums")
	}
}

// TestDeadPropertiesDoNotComeBack: a file deleted by somebody else leaves none
// to the next of its name.
func TestDeadPropertiesDoNotComeBack(t *testing.T) {
	s := newShare(t, afero.NewMemMapFs())
	s.put("/f", "f")
	s.want(207, "PROPPATCH", "/f", setProperty("p", "old"))
	if err := s.fs.Remove("/f"); err != nil {
		t.Fatal(err)
	}
	s.want(201, "PUT", "/f", "another")
	if got := s.properties("/f", "{urn:n}p"); len(got) != 0 {
		t.Errorf("the new file has %v", got)
	}
}
