package webdav

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/internal/testclock"
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
	clock := testclock.At(time.Time{})
	content := strings.Repeat("x", litterBound/8)
	for i := range 12 {
		if _, err := store.Put(fmt.Sprintf("/._%d", i), strings.NewReader(content), int64(len(content)), clock.Now(), "", false); err != nil {
			t.Fatal(err)
		}
	}
	if kept := keptLitter(t, store); kept != 7 { // each takes a little more than its content
		t.Errorf("%d files are kept, want 7", kept)
	}
	if _, err := store.Stat("/._11"); err != nil {
		t.Errorf("the newest: %v", err)
	}
	tooLarge := strings.Repeat("x", litterBound/4+1)
	if _, err := store.Put("/._large", strings.NewReader(tooLarge), -1, clock.Now(), "", false); err == nil {
		t.Error("one file may take all the room")
	}
}

// keptLitter counts files, and sees to it that no empty folder stays behind.
func keptLitter(t *testing.T, store *litterStore) (files int) {
	t.Helper()
	err := afero.Walk(store.Fs, "/", func(name string, info fs.FileInfo, err error) error {
		if err != nil || !info.IsDir() {
			files++
			return err
		}
		if inside, err := afero.ReadDir(store.Fs, name); err != nil || len(inside) == 0 && path.Clean(filepath.ToSlash(name)) != "/" {
			t.Errorf("the folder %s is empty: %v", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestEmptyLitterIsBounded: the number has a bound, also where nothing is in
// the files, and so have the folders.
func TestEmptyLitterIsBounded(t *testing.T) {
	store, err := newLitterStore("")
	if err != nil {
		t.Fatal(err)
	}
	const most = litterBound / litterCost
	folder := hashed("/d")
	if err := store.Fs.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range most {
		if err := afero.WriteFile(store.Fs, fmt.Sprintf("%s/%d", folder, i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Put("/one/more/._x", http.NoBody, 0, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	if kept := keptLitter(t, store); kept != most {
		t.Errorf("%d files are kept, want %d", kept, most)
	}
	if err := store.Delete("/one/more/._x", ""); err != nil {
		t.Fatal(err)
	}
	keptLitter(t, store)
}

// TestSlowLitterHoldsNobodyUp: while one client sends its litter, another
// stores its own.
func TestSlowLitterHoldsNobodyUp(t *testing.T) {
	store, err := newLitterStore("")
	if err != nil {
		t.Fatal(err)
	}
	body, slow := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := store.Put("/._slow", body, 4, time.Time{}, "", false)
		sent <- err
	}()
	if _, err := slow.Write([]byte("sl")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put("/._quick", strings.NewReader("quick"), 5, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	if _, err := slow.Write([]byte("ow")); err != nil {
		t.Fatal(err)
	}
	slow.Close()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// TestLitterFollowsItsFolder, by whichever method it is moved, replaced or
// deleted.
func TestLitterFollowsItsFolder(t *testing.T) {
	onEach(t, func(s *share) {
		long := "/" + strings.Repeat("Ж", 100)
		s.want(201, "MKCOL", "/a", "")
		s.want(201, "MKCOL", "/a/deep", "")
		s.want(201, "MKCOL", escape(long), "")
		s.want(201, "PUT", "/a/.DS_Store", "of a", finder)
		s.want(201, "PUT", "/a/deep/._f", "of f", finder)
		s.want(201, "PUT", "/._a", "of the folder", finder)
		reads := func(at, content string) {
			s.Helper()
			if a := s.want(200, "GET", at, "", finder); a.body != content {
				s.Errorf("%s has %q", at, a.body)
			}
		}
		s.want(201, "MOVE", "/a", "", "Destination: {server}"+escape(long+"/b"))
		reads(escape(long+"/b/.DS_Store"), "of a")
		reads(escape(long+"/b/deep/._f"), "of f")
		reads("/._a", "of the folder")
		s.want(404, "GET", "/a/.DS_Store", "", finder)
		s.want(201, "MOVE", escape(long), "", finder, "Destination: {server}/c")
		reads("/c/b/deep/._f", "of f")

		// A new folder of the old name begins without any.
		s.want(201, "MKCOL", "/a", "")
		s.want(404, "GET", "/a/.DS_Store", "", finder)
		s.want(201, "PUT", "/a/Thumbs.db", "of the new a", finder)

		// Over another folder: what that had is gone.
		s.want(204, "MOVE", "/a", "", "Destination: {server}/c/b")
		reads("/c/b/Thumbs.db", "of the new a")
		s.want(404, "GET", "/c/b/.DS_Store", "", finder)
		s.want(201, "MKCOL", "/d", "")
		s.want(204, "COPY", "/d", "", "Destination: {server}/c/b")
		s.want(404, "GET", "/c/b/Thumbs.db", "", finder)

		s.want(201, "PUT", "/c/b/._g", "of g", finder)
		s.want(204, "DELETE", "/c", "")
		s.want(201, "MKCOL", "/c", "")
		s.want(201, "MKCOL", "/c/b", "")
		s.want(404, "GET", "/c/b/._g", "", finder)
		reads("/._a", "of the folder")
		if kept := keptLitter(s.T, s.handler.litter); kept != 1 {
			s.Errorf("%d files are kept, want 1", kept)
		}
	}, WithLitter(LitterLocal))
}

// TestLitterOfOthersIsNotShownToFileManagers, who could not open it: what they
// ask for by such a name is their own.
func TestLitterOfOthersIsNotShownToFileManagers(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "MKCOL", "/d", "")
		s.put("/d/f", "f")
		s.want(201, "PUT", "/d/desktop.ini", "by a backup", "User-Agent: rclone/v1.60.1")
		for agent, want := range map[string]string{finder: "/d/ /d/f", "User-Agent: other": "/d/ /d/desktop.ini /d/f"} {
			m := s.want(207, "PROPFIND", "/d", "", "Depth: 1", agent).multistatus(s.T)
			if got := strings.Join(m.hrefs(), " "); got != want {
				s.Errorf("%s sees %s, want %s", agent, got, want)
			}
		}
		// The two do not touch each other.
		s.want(201, "PUT", "/d/desktop.ini", "Explorer's", finder)
		s.want(204, "DELETE", "/d/desktop.ini", "", finder)
		s.holds("/d/desktop.ini", "by a backup")
		s.want(201, "PUT", "/d/desktop.ini", "Explorer's", finder)
		s.want(204, "DELETE", "/d/desktop.ini", "")
		s.want(200, "GET", "/d/desktop.ini", "", finder)
		s.want(403, "MKCOL", "/d/._folder", "", finder)
	}, WithLitter(LitterLocal))
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
