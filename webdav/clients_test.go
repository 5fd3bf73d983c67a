package webdav

import "testing"

// TestFinderIsToldBusyInsteadOfGone: what Finder reads must not vanish from
// its windows because the cloud is in trouble.
func TestFinderIsToldBusyInsteadOfGone(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "f")
	s.capable().failOn(503, "stat", "open", "read", "list", "put", "usage")
	for _, request := range [][]string{{"GET", "/f"}, {"HEAD", "/f"}, {"PROPFIND", "/f", "Depth: 0"}, {"PROPFIND", "/", "Depth: 1"}} {
		s.want(423, request[0], request[1], "", append(request[2:], finder)...)
		s.want(503, request[0], request[1], "", request[2:]...)
	}
	s.want(503, "PUT", "/f", "x", finder)
	s.capable().setFail(nil)
	s.want(404, "GET", "/none", "", finder)
	s.want(200, "GET", "/f", "", finder)
}
