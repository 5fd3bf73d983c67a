package webdav

import (
	"encoding/base64"
	"strings"
	"testing"
)

// as is the header of a request by a user of newShareOf.
func as(name string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"))
}

// TestUsersHaveRootsAndRights joins three users to one file system.
func TestUsersHaveRootsAndRights(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "MKCOL", "/home", "")
		s.want(201, "MKCOL", "/home/anna", "")
		s.put("/home/anna/f", "anna's")
		s.put("/secret", "secret")
		guarded := newShareOf(s.T, s.fs, []Principal{
			{Name: "anna", Root: "/home/anna"},
			{Name: "guest", Root: "home/anna/", ReadOnly: true},
			{Name: "root"},
			{Name: "lost", Root: "/home/../home/lost"},
		}, WithPrefix("/dav"))
		anna, guest, root := as("anna"), as("guest"), as("root")
		m := guarded.want(207, "PROPFIND", "/dav/", "", "Depth: 1", anna).multistatus(s.T)
		if got := strings.Join(m.hrefs(), " "); got != "/dav/ /dav/f" {
			s.Errorf("anna sees %s", got)
		}
		if _, status := m.prop("/dav/", "DAV:", "displayname"); status != "" {
			s.Error("the root has the name of its folder")
		}
		for _, at := range []string{"/dav/../secret", "/dav/..%2f..%2fsecret", "/dav/%2e%2e/%2e%2e/secret", "/dav/home/anna/f", "/dav/secret"} {
			if a := guarded.rawPath("GET", at, anna); a.status != 400 && a.status != 404 {
				s.Errorf("anna gets %s: %d %s", at, a.status, a.body)
			}
		}
		s.untouched(func() {
			guarded.want(403, "DELETE", "/dav/", "", anna)
			guarded.want(403, "MOVE", "/dav/", "", anna, "Destination: {server}/dav/x")
			for _, request := range [][]string{{"PUT", "/dav/f"}, {"DELETE", "/dav/f"}, {"MKCOL", "/dav/d"}, {"LOCK", "/dav/f"}, {"MOVE", "/dav/f", "Destination: /dav/g"}} {
				guarded.want(403, request[0], request[1], "", append(request[2:], guest)...)
			}
		})
		if a := guarded.want(200, "GET", "/dav/f", "", guest); a.body != "anna's" {
			s.Errorf("guest reads %q", a.body)
		}
		// A lock is its owner's, wherever the other user's root is.
		token := guarded.want(200, "LOCK", "/dav/f", lockBody, anna).header.Get("Lock-Token")
		guarded.want(423, "PUT", "/dav/home/anna/f", "x", root)
		guarded.want(423, "PUT", "/dav/home/anna/f", "x", root, "If: ("+token+")")
		if a := guarded.want(403, "UNLOCK", "/dav/home/anna/f", "", root, "Lock-Token: "+token); !strings.Contains(a.body, "another user") {
			s.Errorf("the reason is not told: %s", a.body)
		}
		guarded.want(204, "PUT", "/dav/f", "new", anna, "If: </dav/f> ("+token+")")
		guarded.want(201, "MOVE", "/dav/f", "", anna, "Destination: /dav/g", "If: ("+token+")")
		s.holds("/home/anna/g", "new")
		// A lock above the root of a user does not reveal names.
		guarded.want(200, "LOCK", "/dav/home", lockBody, root)
		a := guarded.want(207, "PROPFIND", "/dav/g", propfindOf("lockdiscovery"), "Depth: 0", anna)
		if strings.Contains(a.body, "home") {
			s.Errorf("anna is told of %s", a.body)
		}
		guarded.want(404, "PROPFIND", "/dav/", "", "Depth: 0", as("lost"))
	})
}
