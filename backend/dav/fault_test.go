package dav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/davdisk/davdisk/backend"
)

// TestFaults lets requests fail once or always. A change is made or not, as it
// is told, and what was there before stays where it is not replaced.
func TestFaults(t *testing.T) {
	const always = 1 << 20
	old := map[string]string{"/": "/", "/f": "old", "/d": "/"}
	with := func(name, content string) map[string]string {
		return map[string]string{"/": "/", "/f": "old", "/d": "/", name: content}
	}
	noConditions := features{WholePut: true}
	stat := func(s *store) error { _, err := s.Stat(context.Background(), "f"); return err }
	read := func(s *store) error {
		c, err := s.Open(context.Background(), "f", "")
		if err != nil {
			return err
		}
		r, err := c.Range(context.Background(), 0, -1)
		if err != nil {
			return err
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err == nil && string(data) != "old" {
			return fmt.Errorf("read %q", data)
		}
		return err
	}
	replace := func(s *store) error { return put(s, "f", "new", backend.PutOptions{}) }
	create := func(s *store) error { return put(s, "n", "new", backend.PutOptions{IfAbsent: true}) }
	ifVersion := func(s *store) error {
		return put(s, "f", "new", backend.PutOptions{IfVersion: strings.Trim(tagOf("old"), `"`)})
	}
	mkdir := func(s *store) error { return s.Mkdir(context.Background(), "n") }
	remove := func(s *store) error { return s.Remove(context.Background(), "f", backend.RemoveOptions{}) }
	move := func(s *store) error { return s.Move(context.Background(), "f", "n", backend.MoveOptions{}) }
	moveOnce := func(s *store) error {
		return s.Move(context.Background(), "f", "n", backend.MoveOptions{Once: true})
	}
	copies := func(s *store) error { return s.Copy(context.Background(), "f", "n", backend.CopyOptions{}) }
	twice := func(s *store) error {
		if err := put(s, "f", "new", backend.PutOptions{}); err != nil {
			return err
		}
		return put(s, "f", "newer", backend.PutOptions{})
	}
	// The rest of the body does not come until the server has answered.
	slow := func(s *store) error {
		over := make(chan struct{})
		defer close(over)
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", 64<<10)), readerFunc(func([]byte) (int, error) {
			<-over
			return 0, io.ErrUnexpectedEOF
		}))
		_, err := s.Put(context.Background(), "f", body, backend.PutOptions{Size: 1 << 20})
		return err
	}
	waits := func(s *store) error {
		var waited atomic.Bool
		after := s.client.cfg.After
		s.client.cfg.After = func(d time.Duration) <-chan time.Time {
			if d == time.Second {
				waited.Store(true)
			}
			return after(d)
		}
		err := put(s, "f", "new", backend.PutOptions{})
		if err == nil && !waited.Load() {
			err = errors.New("it did not wait")
		}
		return err
	}
	caseless := features{WholePut: true, IgnoreCase: true}
	lower := func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		r.URL.Path = strings.ToLower(r.URL.Path)
		r.Header.Set("Destination", strings.ToLower(r.Header.Get("Destination")))
		next(w, r)
	}
	moveCase := func(s *store) error {
		return s.Move(context.Background(), "f", "F", backend.MoveOptions{Overwrite: true})
	}
	moveCaseThrough := func(s *store) error {
		s.cfg.AtomicMove = false
		return moveCase(s)
	}
	moveThrough := func(s *store) error {
		s.cfg.AtomicMove = false
		if err := put(s, "n", "before", backend.PutOptions{}); err != nil {
			return err
		}
		return s.Move(context.Background(), "f", "n", backend.MoveOptions{Overwrite: true})
	}
	without := map[string]string{"/": "/", "/d": "/"}
	moved := map[string]string{"/": "/", "/d": "/", "/n": "old"}
	for _, test := range []struct {
		name   string
		can    features
		do     func(*store) error
		times  int
		method string
		fault  faultFunc
		err    error
		want   map[string]string
		calls  int // of the method, 0: not counted
	}{
		{"stat, reset once", all, stat, 1, "PROPFIND", reset, nil, old, 2},
		{"stat, 500 always", all, stat, always, "PROPFIND", status(500), backend.ErrUnavailable, old, maxTries},
		{"stat, 404 of a proxy", all, stat, always, "PROPFIND", status(404), backend.ErrUnavailable, old, 2},
		{"stat, 401", all, stat, always, "PROPFIND", status(401), backend.ErrUnauthorized, old, 1},
		{"stat, 403", all, stat, always, "PROPFIND", status(403), fs.ErrPermission, old, 1},
		{"stat, 507", all, stat, always, "PROPFIND", status(507), backend.ErrUnavailable, old, 1},
		{"stat, 429", all, stat, 2, "PROPFIND", status(429), nil, old, 3},
		{"stat, 503 for a short time", all, stat, 2, "PROPFIND", status(503, "Retry-After", "2"), nil, old, 3},
		{"stat, 503 for long", all, stat, always, "PROPFIND", status(503, "Retry-After", "3600"), backend.ErrUnavailable, old, 1},
		{"stat, login page", all, stat, always, "PROPFIND", loginPage, backend.ErrUnavailable, old, 1},
		{"stat, redirected elsewhere", all, stat, always, "PROPFIND", status(302, "Location", "https://login.example/?token=se-cret"), backend.ErrUnavailable, old, 1},
		{"stat, redirected for ever", all, stat, always, "PROPFIND", status(301, "Location", "/f"), backend.ErrUnavailable, old, maxRedirects + 1},
		{"read, reset", all, read, 2, "GET", reset, nil, old, 3},
		{"read, cut", all, read, 1, "GET", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("ETag", tagOf("old"))
			w.Header().Set("Content-Length", "3")
			_, _ = io.WriteString(w, "ol")
		}, nil, old, 2},
		{"read, chunked and short", all, read, always, "GET", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("ETag", tagOf("old"))
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "ol")
		}, backend.ErrUnavailable, old, 0},
		{"read, chunked and long", all, read, always, "GET", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("ETag", tagOf("old"))
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "old and more")
		}, backend.ErrChanged, old, 0},
		{"read, another length", all, read, always, "GET", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("ETag", tagOf("old"))
			_, _ = io.WriteString(w, "older")
		}, backend.ErrChanged, old, 1},
		{"read, login page", all, read, always, "GET", loginPage, backend.ErrChanged, old, 1},
		{"read, gone", all, read, always, "GET", status(404), backend.ErrUnavailable, old, 1},
		{"read, weak for the server", all, read, 1, "GET", status(412), nil, old, 2},
		{"read, compressed", all, read, always, "GET", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "old")
		}, backend.ErrUnavailable, old, 1},

		{"put, reset before", all, replace, 1, "PUT", reset, nil, with("/f", "new"), 2},
		{"put, reset always", all, replace, always, "PUT", reset, backend.ErrUncertain, old, uploadTries},
		{"put, reset and no conditions", noConditions, replace, always, "PUT", reset, backend.ErrUncertain, old, 1},
		{"put, stored and reset", all, replace, 1, "PUT", after, nil, with("/f", "new"), 1},
		{"put, stored and 502", all, replace, 1, "PUT", badGateway, nil, with("/f", "new"), 1},
		{"put, 502", all, replace, 1, "PUT", status(502), nil, with("/f", "new"), 2},
		{"put, 423", all, replace, always, "PUT", status(423), backend.ErrLocked, old, uploadTries},
		{"put, 423 once", all, replace, 1, "PUT", status(423), nil, with("/f", "new"), 2},
		{"put, 503 for a short time", all, replace, 1, "PUT", status(503, "Retry-After", "1"), nil, with("/f", "new"), 2},
		{"put, 507", all, replace, always, "PUT", status(507), backend.ErrQuota, old, 1},
		{"put, 413", all, replace, always, "PUT", status(413), backend.ErrTooLarge, old, 1},
		{"put, 401", all, replace, always, "PUT", status(401), backend.ErrUnauthorized, old, 1},
		{"put, 403", all, replace, always, "PUT", status(403), fs.ErrPermission, old, 1},
		{"put, 404", all, replace, always, "PUT", status(404), backend.ErrUnavailable, old, 1},
		{"put, redirected", all, replace, always, "PUT", status(302, "Location", "/login"), backend.ErrUnavailable, old, 1},
		{"put, login page", all, replace, always, "PUT", loginPage, backend.ErrUncertain, old, 1},
		{"put, stored and then a login page", all, replace, always, "PROPFIND", loginPage, backend.ErrUncertain, with("/f", "new"), 0},
		{"put, reset and then 423", all, replace, always, "PUT", then(reset, status(423)), backend.ErrUncertain, old, uploadTries},
		{"put, reset and then 507", all, replace, always, "PUT", then(reset, status(507)), backend.ErrUncertain, old, 2},
		{"put, reset and then 403", all, replace, always, "PUT", then(reset, status(403)), backend.ErrUncertain, old, 2},
		{"put, reset and then 412", all, ifVersion, always, "PUT", then(reset, func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			other := httptest.NewRequest("PUT", "/f", strings.NewReader("another's"))
			next(httptest.NewRecorder(), other)
			next(w, r)
		}), backend.ErrUncertain, with("/f", "another's"), 2},
		{"put, answered before it was sent", all, slow, always, "PUT", tooEarly, backend.ErrUncertain, with("/f", strings.Repeat("x", 64<<10)), 1},
		{"put, another tag than listed", all, replace, always, "PUT", tagged("other"), backend.ErrUncertain, with("/f", "other"), 1},
		{"put, replaced at once", all, twice, always, "PUT", then(tagged(""), tagged("other")), nil, with("/f", "other"), 2},
		{"put, coarse tags and no date", features{WholePut: true, CoarseTags: true}, waits, always, "PROPFIND", func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			w.Header()["Date"] = nil
			next(w, r)
		}, nil, with("/f", "new"), 0},
		{"put, stored half and said so", all, replace, always, "PUT", func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			r.Body = io.NopCloser(io.LimitReader(r.Body, 2))
			next(w, r)
		}, backend.ErrUncertain, with("/f", "ne"), 1},
		{"put if absent, stored and reset", all, create, 1, "PUT", after, nil, with("/n", "new"), 1},
		{"put if absent, reset", all, create, 1, "PUT", reset, nil, with("/n", "new"), 2},
		{"put if absent, 412", all, create, always, "PUT", status(412), fs.ErrExist, old, 1},
		{"put of a version, stored and reset", all, ifVersion, 1, "PUT", after, nil, with("/f", "new"), 1},
		{"put of a version, reset", all, ifVersion, 1, "PUT", reset, nil, with("/f", "new"), 2},
		{"put of a version, weak for the server", all, ifVersion, 1, "PUT", status(412), nil, with("/f", "new"), 2},

		{"put by a temporary name", features{}, replace, 0, "PUT", nil, nil, with("/f", "new"), 1},
		{"put by a temporary name, reset", features{}, replace, 1, "PUT", reset, nil, with("/f", "new"), 2},
		{"put by a temporary name, stored half", features{}, replace, always, "PUT", func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			r.Body = io.NopCloser(io.LimitReader(r.Body, 2))
			next(w, r)
		}, backend.ErrUnavailable, old, 1},
		{"put by a temporary name, 507", features{}, replace, always, "PUT", status(507), backend.ErrQuota, old, 1},
		{"put by a temporary name, MOVE refused", features{}, replace, always, "MOVE", status(403), fs.ErrPermission, old, 1},
		{"put by a temporary name, moved and reset", features{}, replace, 1, "MOVE", after, nil, with("/f", "new"), 1},
		{"put by a temporary name, MOVE lost", features{}, replace, 1, "MOVE", reset, backend.ErrUncertain, with(leftTemp, "new"), 1},
		{"put by a temporary name, MOVE 504", features{}, replace, 1, "MOVE", status(504), backend.ErrUncertain, with(leftTemp, "new"), 1},
		{"put by a temporary name, MOVE 500", features{}, replace, 1, "MOVE", status(500), backend.ErrUnavailable, old, 1},
		{"put of a new file by a temporary name, MOVE lost", features{}, create, always, "MOVE", reset, backend.ErrUncertain, with(leftTemp, "new"), 0},
		{"put by a temporary name, answered before it was sent", features{}, slow, always, "PUT", tooEarly, backend.ErrUnavailable, old, 1},

		{"mkdir, made and reset", all, mkdir, 1, "MKCOL", after, nil, with("/n", "/"), 1},
		{"mkdir, reset", all, mkdir, 1, "MKCOL", reset, nil, with("/n", "/"), 2},
		{"mkdir, login page once", all, mkdir, 1, "MKCOL", loginPage, nil, with("/n", "/"), 2},
		{"mkdir, login page", all, mkdir, always, "MKCOL", loginPage, backend.ErrUncertain, old, 0},
		{"mkdir, 507", all, mkdir, always, "MKCOL", status(507), backend.ErrQuota, old, 1},
		{"remove, removed and reset", all, remove, 1, "DELETE", after, nil, without, 1},
		{"remove, reset", all, remove, 1, "DELETE", reset, nil, without, 2},
		{"remove, reset and no conditions", noConditions, remove, 1, "DELETE", reset, backend.ErrUncertain, old, 1},
		{"remove, reset and then 404", all, remove, always, "DELETE", then(reset, func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			next(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusNotFound)
		}), nil, without, 2},
		{"remove, reset and then 403", all, remove, always, "DELETE", then(reset, status(403)), backend.ErrUncertain, old, 2},
		{"remove, login page", all, remove, always, "DELETE", loginPage, backend.ErrUncertain, old, 0},
		{"remove, removed and 200", all, remove, 1, "DELETE", func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			next(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusOK)
		}, nil, without, 1},
		{"remove, 404 of a proxy", all, remove, always, "DELETE", status(404), backend.ErrUnavailable, old, 1},
		{"remove, 423", all, remove, always, "DELETE", status(423), backend.ErrLocked, old, maxTries},
		{"remove, weak for the server", all, remove, 1, "DELETE", status(412), nil, without, 2},
		{"move, moved and reset", all, move, 1, "MOVE", after, nil, moved, 1},
		{"move, reset", all, move, 1, "MOVE", reset, nil, moved, 2},
		{"move once, reset", all, moveOnce, 1, "MOVE", reset, backend.ErrUncertain, old, 1},
		{"move once, 503 for a short time", all, moveOnce, 1, "MOVE", status(503, "Retry-After", "1"), backend.ErrUncertain, old, 1},
		{"move, 503 for a short time", all, move, 1, "MOVE", status(503, "Retry-After", "1"), nil, moved, 2},
		{"move once, moved and reset", all, moveOnce, 1, "MOVE", after, nil, moved, 1},
		{"move, 502 always", all, move, always, "MOVE", status(502), backend.ErrUncertain, old, 0},
		{"move, login page once", all, move, 1, "MOVE", loginPage, nil, moved, 2},
		{"move, login page", all, move, always, "MOVE", loginPage, backend.ErrUncertain, old, 0},
		{"move, empty multistatus", all, move, always, "MOVE", status(207), backend.ErrUncertain, old, 0},
		{"move, 423 once", all, move, 1, "MOVE", status(423), nil, moved, 2},
		{"move, reset and then 403", all, move, always, "MOVE", then(reset, status(403)), backend.ErrUncertain, old, 0},
		{"move, one name for the server", caseless, moveCase, always, "", lower, fs.ErrExist, old, 0},
		{"move through, one name for the server", caseless, moveCaseThrough, always, "", lower, fs.ErrExist, old, 0},
		{"move, one form for the server", features{WholePut: true, IgnoreForm: true}, func(s *store) error {
			if err := put(s, "\u00e9", "new", backend.PutOptions{}); err != nil {
				return err
			}
			return s.Move(context.Background(), "\u00e9", "e\u0301", backend.MoveOptions{Overwrite: true})
		}, always, "", func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			r.URL.Path = norm.NFC.String(r.URL.Path)
			to, _ := url.PathUnescape(r.Header.Get("Destination"))
			r.Header.Set("Destination", norm.NFC.String(to))
			next(w, r)
		}, fs.ErrExist, with("/\u00e9", "new"), 0},
		{"move through", noConditions, moveThrough, 0, "", nil, nil, moved, 0},
		{"move through, source replaced", noConditions, moveThrough, 1, "GET", also("PUT", "/f", "newer"), backend.ErrChanged,
			map[string]string{"/": "/", "/d": "/", "/f": "newer", "/n": "old"}, 0},
		{"move through, source removed", noConditions, moveThrough, 1, "GET", also("DELETE", "/f", ""), nil, moved, 0},
		{"move through, source not seen", noConditions, moveThrough, always, "PROPFIND", func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			n := httptest.NewRecorder()
			next(n, httptest.NewRequest("GET", "/n", nil))
			if r.URL.Path == "/f" && n.Body.String() == "old" {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			next(w, r)
		}, backend.ErrUncertain, with("/n", "old"), 0},
		{"copy, copied and reset", all, copies, 1, "COPY", after, backend.ErrUnavailable, old, 1},
		{"copy, login page", all, copies, always, "COPY", loginPage, backend.ErrUnavailable, old, 1},
		{"copy, 507", all, copies, always, "COPY", status(507), backend.ErrQuota, old, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			s := f.open(t, test.can)
			f.fault = first(test.times, test.method, test.fault)
			err := test.do(s)
			s.tidy.Wait()
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("%v, want %v", err, test.err)
			}
			var pathErr *fs.PathError
			if err != nil && !errors.As(err, &pathErr) && !strings.HasPrefix(test.name, "move") && !strings.HasPrefix(test.name, "copy") {
				t.Errorf("%T is not the error of the contract", err)
			}
			if err != nil && (strings.Contains(err.Error(), "se-cret") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error tells a secret, or has two lines: %v", err)
			}
			if got := f.count(test.method); test.calls > 0 && got != test.calls {
				t.Errorf("%d %s, want %d: %v", got, test.method, test.calls, f.calls)
			}
			f.has(t, test.want)
		})
	}
}
