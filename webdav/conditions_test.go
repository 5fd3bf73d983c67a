package webdav

import (
	"io/fs"
	"net/http"
	"testing"
	"testing/fstest"
	"time"
)

const (
	longAgo   = "Mon, 01 Jan 2001 00:00:00 GMT"
	farFuture = "Fri, 01 Jan 2100 00:00:00 GMT"
)

// TestConditions has what RFC 9110 section 13 says beyond what is shown by
// TestServerMust/09-conditions-on-every-method.
func TestConditions(t *testing.T) {
	for name, test := range map[string]func(s *share){
		"13.1.2-any-within-a-list-still-spares-the-file": func(s *share) {
			s.put("/f", "x")
			s.untouched(func() {
				for _, headers := range [][]string{
					{"If-None-Match: *", "If-None-Match: *"}, {`If-None-Match: "a", *`}, {"If-None-Match: *, *"}, {`If-None-Match: * , "a"`},
				} {
					s.want(412, "PUT", "/f", "overwritten", headers...)
					s.want(412, "DELETE", "/f", "", headers...)
				}
			})
			s.want(200, "GET", "/f", "", `If-None-Match: "a,*,b"`) // a tag
			s.want(201, "PUT", "/new", "x", "If-None-Match: *", "If-None-Match: *")
		},
		"13.1.3-several-dates-do-not-count": func(s *share) {
			s.put("/f", "x")
			s.want(304, "GET", "/f", "", "If-Modified-Since: "+farFuture)
			s.want(200, "GET", "/f", "", "If-Modified-Since: "+farFuture, "If-Modified-Since: "+farFuture)
			s.want(200, "GET", "/f", "", "If-Modified-Since: "+farFuture+", "+farFuture)
		},
		"13.1.4-several-dates-do-not-count": func(s *share) {
			s.put("/f", "x")
			s.want(412, "GET", "/f", "", "If-Unmodified-Since: "+longAgo)
			s.want(200, "GET", "/f", "", "If-Unmodified-Since: "+longAgo, "If-Unmodified-Since: "+longAgo)
			s.want(204, "PUT", "/f", "y", "If-Unmodified-Since: "+longAgo+", "+longAgo)
		},
		"13.1.4-obsolete-forms-of-dates-are-read": func(s *share) {
			s.put("/f", "x")
			for _, date := range []string{"Monday, 01-Jan-01 00:00:00 GMT", "Mon Jan  1 00:00:00 2001"} {
				s.want(412, "PUT", "/f", "y", "If-Unmodified-Since: "+date)
			}
		},
		"13.2.1-what-would-fail-anyway-does": func(s *share) {
			s.want(201, "MKCOL", "/d", "")
			s.put("/f", "x")
			s.untouched(func() {
				for _, header := range []string{"If-Match: *", `If-Match: "x"`, "If-None-Match: *"} {
					s.want(405, "MKCOL", "/d", "", header)
					s.want(405, "MKCOL", "/f", "", header)
					s.want(409, "MKCOL", "/none/d", "", header)
					s.want(405, "PUT", "/d", "x", header)
					s.want(409, "PUT", "/none/f", "x", header)
					s.want(404, "DELETE", "/none", "", header)
					s.want(404, "PROPPATCH", "/none", windowsTimes, header)
					s.want(409, "MOVE", "/f", "", header, "Destination: {server}/none/f")
					s.want(404, "COPY", "/none", "", header, "Destination: {server}/f")
				}
				s.want(412, "MKCOL", "/new", "", "If-Match: *")
			})
			s.want(201, "MKCOL", "/new", "", "If-None-Match: *")
		},
		"13.2.2-in-the-order-given": func(s *share) {
			tag := s.put("/f", "content").header.Get("ETag")
			for _, c := range []struct {
				status  int
				headers []string
			}{
				{200, []string{"If-Match: " + tag, "If-Unmodified-Since: " + longAgo}},                  // step 2 is for those without If-Match
				{412, []string{`If-Match: "x"`, "If-None-Match: " + tag}},                               // 1 before 3
				{412, []string{"If-Unmodified-Since: " + longAgo, "If-None-Match: " + tag}},             // 2 before 3
				{304, []string{"If-Match: " + tag, "If-None-Match: " + tag}},                            // 3 after 1
				{200, []string{`If-None-Match: "x"`, "If-Modified-Since: " + farFuture}},                // 4 is for those without If-None-Match
				{304, []string{"If-None-Match: " + tag, "Range: bytes=0-0"}},                            // 3 before 5
				{304, []string{"If-None-Match: " + tag, "Range: bytes=100-"}},                           // also where 416 would come
				{206, []string{`If-None-Match: "x"`, "Range: bytes=0-0", "If-Range: " + tag}},           // 5
				{200, []string{`If-None-Match: "x"`, "Range: bytes=0-0", `If-Range: "x"`}},              // 5
				{200, []string{"If-Match: " + tag, "Range: bytes=0-0", "If-Range: no tag and no date"}}, // 5
				{412, []string{`If-Match: "x"`, "Range: bytes=0-0", "If-Range: " + tag}},                // 1 before 5
				{200, []string{"If-Range: \"x\""}},                                                      // counts beside a Range only
			} {
				s.want(c.status, "GET", "/f", "", c.headers...)
			}
		},
		"14.2-any-range-of-an-empty-file-is-the-whole": func(s *share) {
			s.put("/empty", "")
			for _, header := range []string{"bytes=0-", "bytes=0-0", "bytes=-5", "bytes=7-"} {
				a := s.want(200, "GET", "/empty", "", "Range: "+header)
				if a.body != "" || a.header.Get("Content-Range") != "" {
					s.Errorf("%s: %q, %v", header, a.body, a.header)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) { onEach(t, test) })
	}
}

// TestConditionsWithoutADate: a file that nobody knows the age of is not "not
// modified" (RFC 9110 section 13.1.3).
func TestConditionsWithoutADate(t *testing.T) {
	info, err := fs.Stat(fstest.MapFS{"f": {Data: []byte("x")}}, "f")
	if err != nil || !info.ModTime().IsZero() {
		t.Fatalf("%v, %v", info, err)
	}
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		r := &request{Request: &http.Request{Method: http.MethodGet, Header: http.Header{name: {time.Unix(0, 0).UTC().Format(http.TimeFormat)}}}}
		if _, err := r.conditions(info); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
