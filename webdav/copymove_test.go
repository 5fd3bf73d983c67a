package webdav

import "testing"

// TestLocksWithinWhatIsReplacedEnd with it; that on the target itself stays
// (RFC 4918 section 7.6).
func TestLocksWithinWhatIsReplacedEnd(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		t.Run(method, func(t *testing.T) {
			s := newShare(t, newCapableFs())
			for _, folder := range []string{"/from", "/to"} {
				s.want(201, "MKCOL", folder, "")
				s.put(folder+"/f", folder)
			}
			inner := s.lock("/to/f")
			s.want(423, "PUT", "/to/f", "without the token")
			s.want(204, method, "/from", "", "Destination: /to", "If: </to/f> ("+inner+")")
			s.holds("/to/f", "/from")
			s.want(204, "PUT", "/to/f", "another file, which nobody has locked")

			whole := s.lock("/to", "Depth: 0")
			s.want(201, "MKCOL", "/again", "")
			s.want(204, method, "/again", "", "Destination: /to", "If: </to> ("+whole+")")
			s.want(423, "PUT", "/to/new", "a member of what is still locked")
			s.want(201, "PUT", "/to/new", "a member", "If: </to> ("+whole+")")
		})
	}
}
