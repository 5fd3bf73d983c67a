package webdav

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/afero"
)

const finder = "User-Agent: WebDAVFS/3.0.0 (03008000) Darwin/23.0.0 (arm64)"

func TestLitterIsKnownByName(t *testing.T) {
	for name, want := range map[string]bool{
		"/a/._b": true, "/.DS_Store": true, "/x/Thumbs.db": true, "/Desktop.ini": true,
		"/a": false, "/.hidden": false, "/._d/f": false, "/desktop.ini.txt": false, "/x.DS_Store": false,
	} {
		if isLitter(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestLitterLocal(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "MKCOL", "/d", "")
		s.untouched(func() {
			at := escape("/d/._" + hostile)
			s.want(404, "PROPFIND", at, "", finder, "Depth: 0")
			s.want(201, "PUT", at, "fork", finder)
			s.want(204, "PUT", at, "resource fork", finder)
			if a := s.want(200, "GET", at, "", finder); a.body != "resource fork" {
				s.Errorf("GET: %q", a.body)
			}
			m := s.want(207, "PROPFIND", at, "", finder, "Depth: 0").multistatus(s.T)
			if p, _ := m.prop(at, "DAV:", "displayname"); p.Text != "._"+hostile {
				s.Errorf("displayname %q", p.Text)
			}
			// For Finder alone.
			s.want(404, "GET", at, "", "User-Agent: rclone/v1.60.1")
			s.want(404, "GET", at, "")
			if a := s.want(207, "PROPFIND", "/d", "", finder, "Depth: 1"); strings.Contains(a.body, "._") {
				s.Errorf("listed: %s", a.body)
			}
			s.want(409, "PUT", "/none/._f", "x", finder)
			s.want(201, "MOVE", at, "", finder, "Destination: {server}/d/._b")
			s.want(404, "GET", at, "", finder)
			s.want(200, "GET", "/d/._b", "", finder)
			s.want(403, "MOVE", "/d/._b", "", finder, "Destination: {server}/d/b")
			s.want(403, "COPY", "/d/._b", "", finder, "Destination: {server}/d/b")
			s.want(204, "DELETE", "/d/._b", "", finder)
			s.want(404, "GET", "/d/._b", "", finder)
		})
		s.want(201, "PUT", "/d/._kept", "by a backup", "User-Agent: rclone/v1.60.1")
		s.holds("/d/._kept", "by a backup")
		s.want(204, "DELETE", "/d", "", finder)
	}, WithLitter(LitterLocal))
}

func TestLitterLocalOutlivesARestartInTheStateFolder(t *testing.T) {
	state := t.TempDir()
	first := newShare(t, afero.NewMemMapFs(), WithLitter(LitterLocal), WithState(state))
	first.want(201, "PUT", "/.DS_Store", "layout", finder)
	second := newShare(t, first.fs, WithLitter(LitterLocal), WithState(t.TempDir()))
	second.want(404, "GET", "/.DS_Store", "", finder)
	first.server.Close()
	if err := first.handler.Close(); err != nil {
		t.Fatal(err)
	}
	third := newShare(t, first.fs, WithLitter(LitterLocal), WithState(state))
	third.want(200, "GET", "/.DS_Store", "", finder)
}

func TestLitterLocalIsBounded(t *testing.T) {
	store, err := newLitterStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	clock := &testClock{}
	content := strings.Repeat("x", litterBound/8)
	for i := range 12 {
		if _, err := store.Put(fmt.Sprintf("/._%d", i), strings.NewReader(content), int64(len(content)), clock.Now(), "", false); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := afero.ReadDir(store.Fs, "/")
	if err != nil || len(kept) > 8 {
		t.Errorf("%d of 8 files are kept: %v", len(kept), err)
	}
	if _, err := store.Stat("/._11"); err != nil {
		t.Errorf("the newest: %v", err)
	}
	tooLarge := strings.Repeat("x", litterBound/4+1)
	if _, err := store.Put("/._large", strings.NewReader(tooLarge), -1, clock.Now(), "", false); err == nil {
		t.Error("one file may take all the room")
	}
}

func TestLitterRefuse(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/f", "f")
		s.untouched(func() {
			for _, agent := range []string{finder, "User-Agent: other"} {
				for _, at := range []string{"/._f", "/.DS_Store", "/Thumbs.db", "/desktop.ini"} {
					s.want(403, "PUT", at, "x", agent)
					s.want(403, "MKCOL", at, "", agent)
					s.want(403, "LOCK", at, lockBody, agent)
					s.want(403, "COPY", "/f", "", agent, "Destination: {server}"+at)
					s.want(403, "MOVE", "/f", "", agent, "Destination: {server}"+at)
					s.want(404, "GET", at, "", agent)
				}
			}
		})
	}, WithLitter(LitterRefuse))
}

func TestParseLitterMode(t *testing.T) {
	for text, want := range map[string]LitterMode{"store": LitterStore, "local": LitterLocal, "refuse": LitterRefuse} {
		if got, err := ParseLitterMode(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	if _, err := ParseLitterMode("keep"); err == nil {
		t.Error("keep is no mode")
	}
}
