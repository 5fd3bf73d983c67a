package webdav

import (
	"strings"
	"testing"
	"time"
)

// TestWhatAppearsMeanwhileIsKept: something else is stored between the moment
// when a request is judged and the moment when it takes effect, and the request
// had a condition on what was there.
func TestWhatAppearsMeanwhileIsKept(t *testing.T) {
	for _, c := range []struct {
		name, op, at string // overtaken by a file at this name when this begins
		request      []string
	}{
		{"PUT If-None-Match", "put", "/new", []string{"PUT", "/new", "If-None-Match: *"}},
		{"PUT If-Match", "put", "/f", []string{"PUT", "/f", "If-Match: {etag}"}},
		{"PUT If-Unmodified-Since", "put", "/f", []string{"PUT", "/f", "If-Unmodified-Since: Fri, 01 Jan 2100 00:00:00 GMT"}},
		{"DELETE If-Match", "delete", "/f", []string{"DELETE", "/f", "If-Match: {etag}"}},
		{"MOVE Overwrite F", "move", "/new", []string{"MOVE", "/f", "Destination: /new", "Overwrite: F"}},
		{"COPY Overwrite F", "copy", "/new", []string{"COPY", "/f", "Destination: /new", "Overwrite: F"}},
		{"PUT to a placeholder", "put", "/locked", []string{"PUT", "/locked", "If: ({token})"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShare(t, newCapableFs())
			etag := s.put("/f", "f").header.Get("ETag")
			token := s.lock("/locked")
			overtaken := false
			s.capable().setFail(func(op, _ string) error {
				if op == c.op && !overtaken {
					overtaken = true
					_, err := s.capable().Put(c.at, strings.NewReader("of another"), -1, time.Time{}, "", false)
					return err
				}
				return nil
			})
			var headers []string
			for _, header := range c.request[2:] {
				headers = append(headers, strings.NewReplacer("{etag}", etag, "{token}", token).Replace(header))
			}
			s.want(412, c.request[0], c.request[1], "", headers...)
			s.capable().setFail(nil)
			s.holds(c.at, "of another")
			if c.at != "/f" {
				s.holds("/f", "f")
			}
		})
	}
}
