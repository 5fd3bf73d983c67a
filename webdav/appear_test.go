package webdav

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// What comes to the target of a COPY or MOVE past the handler, after it was
// looked at, is treated like what had been there before: replaced, or not if it
// must be kept.
func TestTargetThatAppears(t *testing.T) {
	for _, method := range []string{"COPY", "MOVE"} {
		for overwrite, want := range map[string]struct {
			status int
			holds  string
		}{
			"T": {http.StatusNoContent, "source"},
			"F": {http.StatusPreconditionFailed, "appeared"},
		} {
			t.Run(method+" Overwrite "+overwrite, func(t *testing.T) {
				s := newShare(t, newCapableFs())
				if a := s.do("PUT", "/source", "source"); a.status != http.StatusCreated {
					t.Fatal(a)
				}
				there := false
				s.capable().setFail(func(op, _ string) error {
					if !there && (op == "move" || op == "copy") {
						there = true
						_, err := s.capable().Put("/target", strings.NewReader("appeared"), -1, time.Time{}, "", false)
						if err != nil {
							t.Error(err)
						}
					}
					return nil
				})
				a := s.do(method, "/source", "", "Destination: "+s.server.URL+"/target", "Overwrite: "+overwrite)
				if a.status != want.status || !there {
					t.Errorf("it was answered %d, want %d: %s", a.status, want.status, a.body)
				}
				if a := s.do("GET", "/target", ""); a.body != want.holds {
					t.Errorf("the target holds %q, want %q", a.body, want.holds)
				}
			})
		}
	}
}
