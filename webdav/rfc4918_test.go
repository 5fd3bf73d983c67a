package webdav

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// A requirement is one thing that RFC 4918 asks of a server, with the number of
// the section in its name. docs/rfc4918.md lists them all.
type requirement struct {
	name string
	test func(s *share)
}

func requirements() []requirement {
	return slices.Concat(rfcProperties(), rfcNamespace(), rfcCopyMove(), rfcLocks(), rfcLocking(), rfcMessages())
}

// TestRFC4918 has one test for each MUST and SHOULD that touches a server.
func TestRFC4918(t *testing.T) {
	for _, r := range requirements() {
		t.Run(r.name, func(t *testing.T) {
			for name, newFs := range map[string]func(t *testing.T) afero.Fs{
				"capable": func(*testing.T) afero.Fs { return newCapableFs() },
				"memory":  func(*testing.T) afero.Fs { return afero.NewMemMapFs() },
				"vfs":     newVFS,
			} {
				t.Run(name, func(t *testing.T) { r.test(newShare(t, newFs(t))) })
			}
		})
	}
}

// TestRFC4918Users has what needs more than one user.
func TestRFC4918Users(t *testing.T) {
	anna, bert := as("anna"), as("bert")
	t.Run("6.4-token-of-another-user", func(t *testing.T) {
		s := newShareOf(t, afero.NewMemMapFs(), []Principal{{Name: "anna"}, {Name: "bert"}})
		s.want(201, "PUT", "/f", "old", anna)
		token := s.lock("/f", anna)
		s.want(423, "PUT", "/f", "new", bert, "If: ("+token+")")
		s.want(403, "UNLOCK", "/f", "", bert, "Lock-Token: "+token)
		s.want(204, "PUT", "/f", "new", anna, "If: ("+token+")")
	})
	t.Run("8.3-locks-are-told-in-the-paths-that-a-user-knows", func(t *testing.T) {
		s := newShareOf(t, newVFS(t), []Principal{{Name: "anna", Root: "/anna"}, {Name: "bert"}}, WithPrefix("/dav"))
		s.want(201, "MKCOL", "/dav/anna", "", bert)
		s.want(201, "MKCOL", "/dav/d", "", anna)
		s.want(201, "PUT", "/dav/d/f", "x", anna)
		token := s.lock("/dav/d", anna)
		tells := func(href string, a answer) {
			t.Helper()
			if !strings.Contains(a.body, "<D:href>"+href+"</D:href>") {
				t.Errorf("no %s in %s", href, a.body)
			}
		}
		tells("/dav/d/", s.want(423, "PUT", "/dav/d/f", "y", anna))
		tells("/dav/anna/d/", s.want(207, "PROPFIND", "/dav/anna/d/f", "", "Depth: 0", bert))
		tells("/dav/anna/d/", s.want(423, "PUT", "/dav/anna/d/f", "y", bert, "If: ("+token+")"))
		tells("/dav/anna/d/", s.want(207, "DELETE", "/dav/anna", "", bert))
		s.want(403, "LOCK", "/dav/anna/d", "", bert, "If: ("+token+")")
		s.want(204, "PUT", "/dav/d/f", "y", anna, "If: <"+s.server.URL+"/dav/d/> ("+token+")")
		s.want(412, "PUT", "/dav/d/f", "z", anna, "If: </d/> ("+token+")")
		// What is above a user's root is not revealed.
		s.lock("/dav/anna", bert, "Depth: 0")
		tells("/dav/", s.want(423, "PUT", "/dav/new", "x", anna))
		if a := s.want(207, "PROPFIND", "/dav/", "", "Depth: 0", anna); strings.Contains(a.body, "/dav/anna") {
			t.Errorf("the name of his root is told: %s", a.body)
		}
	})
}

// TestRFC4918Timeouts has what needs a clock: sections 6.6, 9.10.2 and 10.7.
func TestRFC4918Timeouts(t *testing.T) {
	newTimed := func(t *testing.T) (*share, *time.Time) {
		now := time.Date(2026, 6, 22, 10, 0, 0, 0, time.UTC)
		return newShare(t, afero.NewMemMapFs(), WithClock(func() time.Time { return now })), &now
	}
	t.Run("6.6-lock-ends-with-its-time", func(t *testing.T) {
		s, now := newTimed(t)
		s.put("/f", "old")
		s.lock("/f", "Timeout: Second-60")
		s.lock("/missing", "Timeout: Second-60")
		*now = now.Add(60 * time.Second)
		s.put("/f", "new")
		s.gone("/missing")
	})
	t.Run("6.6-refresh-starts-the-time-anew", func(t *testing.T) {
		s, now := newTimed(t)
		s.put("/f", "old")
		token := s.lock("/f", "Timeout: Second-60")
		*now = now.Add(50 * time.Second)
		s.want(200, "LOCK", "/f", "", "If: ("+token+")", "Timeout: Second-60")
		*now = now.Add(50 * time.Second)
		s.want(423, "PUT", "/f", "new")
	})
	t.Run("9.10.2-refresh-without-a-time-is-for-as-long-as-before", func(t *testing.T) {
		s, now := newTimed(t)
		s.put("/f", "old")
		token := s.lock("/f", "Timeout: Second-60")
		*now = now.Add(50 * time.Second)
		if a := s.want(200, "LOCK", "/f", "", "If: ("+token+")"); !strings.Contains(a.body, "<D:timeout>Second-60<") {
			t.Errorf("got %s", a.body)
		}
		*now = now.Add(60 * time.Second)
		s.put("/f", "new")
	})
}
