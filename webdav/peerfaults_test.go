package webdav

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// The tests of this file are faults that were provoked in another server of
// cloud disks; each destroyed something or told an untruth.

func TestPeerFault01BrokenPutKeepsTheOldFile(t *testing.T) {
	onEach(t, func(s *share) {
		old := strings.Repeat("old ", 25_000)
		s.put("/f", old)
		for name, head := range map[string]string{
			"length":          "Content-Length: 100000",
			"chunked":         "Transfer-Encoding: chunked",
			"chunked, length": "Transfer-Encoding: chunked\r\nX-Expected-Entity-Length: 100000",
		} {
			s.Run(name, func(t *testing.T) {
				part := strings.Repeat("new", 200)
				if strings.HasPrefix(head, "Transfer") {
					part = "258\r\n" + part + "\r\n"
				}
				s.untouched(func() {
					s.cutPut("/f", head, part)
					s.cutPut("/new", head, part)
				})
				s.holds("/f", old)
				s.gone("/new")
			})
		}
	})
}

func TestPeerFault02RootIsNotDeleted(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/a", "a")
		s.untouched(func() {
			for _, at := range []string{"/", "//", "///"} {
				s.want(403, "DELETE", at, "")
			}
			if a := s.rawPath("DELETE", "/x/.."); a.status != 400 {
				t.Errorf("DELETE /x/..: %d", a.status)
			}
			s.want(403, "MOVE", "/", "", "Destination: {server}/b")
		})
	})
}

func TestPeerFault03MoveOfNothingKeepsTheTarget(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/target", "precious")
		s.untouched(func() {
			for _, method := range []string{"MOVE", "COPY"} {
				s.want(404, method, "/missing", "", "Destination: {server}/target", "Overwrite: T")
			}
		})
		s.holds("/target", "precious")
	})
}

func TestPeerFault04MoveOntoAnAncestorIsRefused(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "MKCOL", "/p", "")
		s.want(201, "MKCOL", "/p/q", "")
		s.put("/p/q/f", "f")
		s.put("/p/g", "g")
		s.untouched(func() {
			for _, method := range []string{"MOVE", "COPY"} {
				s.want(403, method, "/p/q", "", "Destination: {server}/p")
				s.want(403, method, "/p/q/", "", "Destination: {server}/p/")
				s.want(403, method, "/p/g", "", "Destination: {server}/p")
				s.want(403, method, "/p", "", "Destination: {server}/")
			}
		})
	})
}

func TestPeerFault05LockNeverTouchesContent(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "content")
	s.untouched(func() {
		s.capable().failOn(503, "stat", "open", "list")
		a := s.want(503, "LOCK", "/f", lockBody)
		if a.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		s.capable().setFail(nil)
		if n := s.handler.locks.Len(); n != 0 {
			t.Errorf("%d locks", n)
		}
		s.lock("/f")
		s.lock("/missing")
	})
	if n := s.capable().count("put"); n != 1 {
		t.Errorf("%d files were stored, want the first only", n)
	}
}

func TestPeerFault06CopyIntoItselfIsRefused(t *testing.T) {
	onEach(t, func(s *share) {
		s.want(201, "MKCOL", "/e", "")
		s.put("/e/f", "f")
		s.untouched(func() {
			for _, to := range []string{"/e/sub", "/e/sub/", "/e/f/x", "/e"} {
				for _, method := range []string{"MOVE", "COPY"} {
					s.want(403, method, "/e", "", "Destination: {server}"+to)
				}
			}
		})
		s.want(201, "COPY", "/e", "", "Destination: {server}/eagle")
	})
}

func TestPeerFault07NoSpaceIsTold(t *testing.T) {
	for _, op := range []string{"put", "commit"} {
		t.Run(op, func(t *testing.T) {
			s := newShare(t, newCapableFs())
			s.put("/f", "old")
			s.untouched(func() {
				s.capable().failOn(507, op)
				s.want(507, "PUT", "/f", "new")
				s.want(507, "PUT", "/g", "new")
			})
			s.capable().setFail(nil)
			s.holds("/f", "old")
			s.gone("/g")
		})
	}
}

func TestPeerFault08MkcolTellsTheTruth(t *testing.T) {
	for _, code := range []int{507, 423, 429, 500} {
		s := newShare(t, newCapableFs())
		s.capable().failOn(code, "mkdir")
		want := 503
		if code == 507 || code == 500 {
			want = code
		}
		s.want(want, "MKCOL", "/d", "")
		s.capable().setFail(nil)
		s.gone("/d")
	}
}

func TestPeerFault09PassingTroubleIs503(t *testing.T) {
	for _, code := range []int{429, 423, 503} {
		s := newShare(t, newCapableFs())
		s.put("/f", "old")
		s.untouched(func() {
			s.capable().setFail(func(op, name string) error {
				if op == "delete" || op == "move" || op == "copy" {
					return &codeError{code, 7 * time.Second}
				}
				return nil
			})
			for _, a := range []answer{
				s.want(503, "DELETE", "/f", ""),
				s.want(503, "MOVE", "/f", "", "Destination: {server}/g"),
				s.want(503, "COPY", "/f", "", "Destination: {server}/g"),
			} {
				if got := a.header.Get("Retry-After"); got != "7" {
					t.Errorf("Retry-After %q", got)
				}
			}
		})
	}
}

func TestPeerFault10UpstreamLoginIsNotNotFound(t *testing.T) {
	s := newShare(t, newCapableFs())
	s.put("/f", "old")
	for _, code := range []int{401, 402, 403, 407, 301} {
		s.capable().failOn(code, "stat", "open", "list", "put", "delete", "move", "copy", "mkdir", "read")
		for _, request := range [][]string{
			{"GET", "/f"}, {"HEAD", "/f"}, {"PROPFIND", "/f", "Depth: 0"}, {"PROPFIND", "/", "Depth: 1"},
			{"PUT", "/f"}, {"DELETE", "/f"}, {"MKCOL", "/d"}, {"LOCK", "/f"}, {"PROPPATCH", "/f"},
			{"MOVE", "/f", "Destination: /g"}, {"COPY", "/f", "Destination: /g"},
		} {
			a := s.do(request[0], request[1], "", request[2:]...)
			want := 503
			if code == 403 {
				want = 403
			}
			if a.status != want {
				t.Errorf("%v with %d upstream: %d", request, code, a.status)
			}
		}
	}
}

func TestPeerFault11ConditionsOfPutAreKept(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/f", "old")
		s.untouched(func() {
			s.want(412, "PUT", "/f", "new", "If-None-Match: *")
			s.want(412, "PUT", "/f", "new", `If-Match: "other"`)
			s.want(412, "PUT", "/missing", "new", "If-Match: *")
			s.want(412, "PUT", "/missing", "new", `If-Match: "other"`)
		})
		s.want(201, "PUT", "/g", "new", "If-None-Match: *")
	})
}

func TestPeerFault12ForeignChangesAreSeen(t *testing.T) {
	onEach(t, func(s *share) {
		s.gone("/f")
		if p, ok := s.fs.(Putter); ok {
			if _, err := p.Put("/f", strings.NewReader("elsewhere"), -1, time.Time{}, "", false); err != nil {
				t.Fatal(err)
			}
		} else if err := afero.WriteFile(s.fs, "/f", []byte("elsewhere"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.holds("/f", "elsewhere")
		m := s.want(207, "PROPFIND", "/", "", "Depth: 1").multistatus(s.T)
		if !slices.Contains(m.hrefs(), "/f") {
			t.Errorf("not listed: %v", m.hrefs())
		}
	})
}

func TestPeerFault13LocksOutliveARestart(t *testing.T) {
	state := t.TempDir()
	fs := newCapableFs()
	first := newShare(t, fs, WithState(state))
	first.put("/f", "old")
	token := strings.Trim(first.lock("/f"), "<>")
	if u, err := url.Parse(token); err != nil || u.Scheme != "urn" || !strings.HasPrefix(token, "urn:uuid:") {
		t.Errorf("the token %q is no urn:uuid", token)
	}
	first.want(http.StatusLocked, "PUT", "/f", "new")
	first.server.Close()
	if err := first.handler.Close(); err != nil {
		t.Fatal(err)
	}
	second := newShare(t, fs, WithState(state))
	second.want(http.StatusLocked, "PUT", "/f", "new")
	second.want(http.StatusNoContent, "PUT", "/f", "new", "If: (<"+token+">)")
}
