package webdav

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"testing"

	"github.com/spf13/afero"
	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/testlevel"
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

// TestLitmus018LockBomb is its suite lockbomb: twenty clients lock and unlock a
// file each, over and over, and nobody is in another's way.
func TestLitmus018LockBomb(t *testing.T) {
	times := 50
	if testlevel.Long() {
		times = 20_000
	}
	s := newShare(t, newCapableFs())
	var clients errgroup.Group
	for client := range 20 {
		at := fmt.Sprintf("/file-%d", client)
		s.put(at, "x")
		clients.Go(func() error {
			for i := range times {
				a := s.do("LOCK", at, lockBody)
				if a.status != http.StatusOK {
					return fmt.Errorf("LOCK %s, number %d: %d %v %s", at, i, a.status, a.err, a.body)
				}
				a = s.do("UNLOCK", at, "", "Lock-Token: "+a.header.Get("Lock-Token"))
				if a.status != http.StatusNoContent {
					return fmt.Errorf("UNLOCK %s, number %d: %d %v %s", at, i, a.status, a.err, a.body)
				}
			}
			return nil
		})
	}
	if err := clients.Wait(); err != nil {
		t.Fatal(err)
	}
	for client := range 20 {
		s.put(fmt.Sprintf("/file-%d", client), "y")
	}
}

// TestLitmus018Protected is its suite protected, which is about the folder in
// which mod_dav keeps properties, for the names that davdisk reserves: no method
// reads, makes, changes or removes what has one, or what is below.
func TestLitmus018Protected(t *testing.T) {
	s := newShare(t, afero.NewMemMapFs())
	folder := ownname.Sibling("/x", "folder")
	file := path.Join(folder, "file")
	if err := afero.WriteFile(s.fs, file, []byte("ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.put("/source", "x")
	s.want(201, "MKCOL", "/d", "")
	s.untouched(func() {
		for _, at := range []string{folder, folder + "/", file, folder + "/new", "/d" + folder} {
			for _, c := range [][]string{
				{"GET", at}, {"HEAD", at}, {"PUT", at}, {"MKCOL", at}, {"DELETE", at}, {"PROPFIND", at}, {"PROPPATCH", at}, {"LOCK", at},
				{"COPY", at, "Destination: /out"}, {"MOVE", at, "Destination: /out"},
				{"COPY", "/source", "Destination: " + at}, {"MOVE", "/source", "Destination: " + at},
				{"COPY", "/d", "Destination: " + at}, {"MOVE", "/d", "Destination: " + at},
			} {
				body := map[string]string{"PUT": "y", "LOCK": lockBody, "PROPPATCH": setProperty("p", "v")}[c[0]]
				if a := s.do(c[0], c[1], body, c[2:]...); a.status/100 != 4 {
					s.Errorf("%s: %d %v %s", c, a.status, a.err, a.body)
				}
			}
		}
	})
}
