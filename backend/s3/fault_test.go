package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// TestFaults lets requests fail once or always. A change is made or not, as it is
// told, and what was there before stays where it is not replaced.
func TestFaults(t *testing.T) {
	const always = 1 << 20
	old := map[string]string{"f": "old", "d/": "", "d/x": "1", "e/y": "2"}
	with := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for key, content := range old {
			m[key] = content
		}
		for i := 0; i < len(pairs); i += 2 {
			if m[pairs[i]] = pairs[i+1]; pairs[i+1] == "gone" {
				delete(m, pairs[i])
			}
		}
		return m
	}
	large := strings.Repeat("0123456789abcdef", 4<<10) // three parts
	ctx := context.Background()
	stat := func(s *store) error { _, err := s.Stat(ctx, "f"); return err }
	missing := func(s *store) error { _, err := s.Stat(ctx, "missing"); return err }
	list := func(s *store) error {
		_, children, err := s.List(ctx, ".")
		if err != nil {
			return err
		}
		n := 0
		for range children {
			n++
		}
		if n != 3 {
			return fmt.Errorf("%d entries", n)
		}
		return nil
	}
	reads := func(s *store) error {
		got, err := read(s, "f")
		if err == nil && got != "old" {
			return fmt.Errorf("read %q", got)
		}
		return err
	}
	replace := func(s *store) error { return put(s, "f", "new", backend.PutOptions{}) }
	create := func(s *store) error { return put(s, "n", "new", backend.PutOptions{IfAbsent: true}) }
	ifVersion := func(s *store) error { return put(s, "f", "new", backend.PutOptions{IfVersion: tagOf("old")}) }
	parts := func(s *store) error { return put(s, "f", large, backend.PutOptions{}) }
	mkdir := func(s *store) error { return s.Mkdir(ctx, "n") }
	remove := func(s *store) error { return s.Remove(ctx, "f", backend.RemoveOptions{}) }
	removeDir := func(s *store) error { return s.Remove(ctx, "d", backend.RemoveOptions{}) }
	move := func(s *store) error { return s.Move(ctx, "f", "n", backend.MoveOptions{}) }
	moveOver := func(s *store) error { return s.Move(ctx, "f", "d/x", backend.MoveOptions{Overwrite: true}) }
	moveDir := func(s *store) error { return s.Move(ctx, "d", "n", backend.MoveOptions{}) }
	copies := func(s *store) error { return s.Copy(ctx, "f", "n", backend.CopyOptions{}) }
	copyDir := func(s *store) error { return s.Copy(ctx, "d", "n", backend.CopyOptions{}) }
	noConditions := features{WholePut: true, MD5Tags: true}
	noTags := all
	noTags.MD5Tags = false
	cut := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("ETag", `"`+tagOf("old")+`"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.Header().Set("Content-Length", "3")
		_, _ = io.WriteString(w, "ol")
	}
	answer := func(text string) faultFunc {
		return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("ETag", `"`+tagOf("old")+`"`)
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, text)
		}
	}
	shortList := func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		rec := httptest.NewRecorder()
		next(rec, r)
		w.Header().Set("Content-Type", "application/xml")
		_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()-40])
	}
	noToken := func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		rec := httptest.NewRecorder()
		next(rec, r)
		w.Header().Set("Content-Type", "application/xml")
		_, _ = io.WriteString(w, strings.ReplaceAll(rec.Body.String(), "<IsTruncated>false", "<IsTruncated>true"))
	}
	for _, test := range []struct {
		name  string
		can   features
		do    func(*store) error
		times int
		match string
		fault func(f *server) faultFunc
		err   error
		want  map[string]string
		calls int // of the matched ones by method and key, 0: not counted
	}{
		{"stat, reset once", all, stat, 1, "HEAD", same(reset), nil, old, 2},
		{"stat, 500 always", all, stat, always, "HEAD", same(refuse(500, "InternalError")), backend.ErrUnavailable, old, maxTries},
		{"stat, 403", all, stat, always, "HEAD", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 1},
		{"stat, a 404 of a proxy", all, stat, always, "HEAD", same(page(404)), backend.ErrUnavailable, old, 1},
		{"stat, slow down", all, stat, 2, "HEAD", same(refuse(503, "SlowDown")), nil, old, 3},
		{"stat, slow down for long", all, stat, always, "HEAD", same(refuse(503, "SlowDown", "Retry-After", "3600")), backend.ErrUnavailable, old, 1},
		{"missing, and the listing fails", all, missing, always, "GET", same(page(502)), backend.ErrUnavailable, old, 0},
		{"missing, and the listing is a 404 of a proxy", all, missing, always, "GET", same(page(404)), backend.ErrUnavailable, old, 0},
		{"missing, and the listing is a page", all, missing, always, "GET", same(page(200)), backend.ErrUnavailable, old, 0},
		{"missing, and no bucket", all, missing, always, "GET", same(refuse(404, "NoSuchBucket")), backend.ErrUnavailable, old, 0},
		{"missing", all, missing, 0, "GET", same(reset), fs.ErrNotExist, old, 0},
		{"list, reset", all, list, 1, "GET", same(reset), nil, old, 2},
		{"list, short", all, list, always, "GET", same(shortList), backend.ErrUnavailable, old, 0},
		{"list, more and no token", all, list, always, "GET", same(noToken), backend.ErrUnavailable, old, 0},
		{"list, page to log in", all, list, always, "GET", same(page(200)), backend.ErrUnavailable, old, 0},

		{"read, slow down for long", all, reads, always, "GET f", same(refuse(503, "SlowDown", "Retry-After", "3600")), backend.ErrRateLimited, old, 1},
		{"read, reset", all, reads, 2, "GET", same(reset), nil, old, 3},
		{"read, cut", all, reads, 1, "GET", same(cut), nil, old, 2},
		{"read, cut always", all, reads, always, "GET", same(cut), backend.ErrUnavailable, old, 0},
		{"read, chunked and short", all, reads, always, "GET", same(answer("ol")), backend.ErrUnavailable, old, 0},
		{"read, chunked and long", all, reads, always, "GET", same(answer("old and more")), backend.ErrChanged, old, 0},
		{"read, gone", all, reads, always, "GET f", same(refuse(404, "NoSuchKey")), backend.ErrUnavailable, old, 1},
		{"read, refused condition", all, reads, always, "GET f", same(refuse(412, "PreconditionFailed")), backend.ErrUnavailable, old, 1},
		{"read, archived", all, reads, always, "GET f", same(refuse(403, "InvalidObjectState")), fs.ErrPermission, old, 1},

		{"put, reset before", all, replace, 1, "PUT", same(reset), nil, with("f", "new"), 2},
		{"put, reset always", all, replace, always, "PUT", same(reset), backend.ErrUncertain, old, uploadTries},
		{"put, reset and no conditions", noConditions, replace, always, "PUT", same(reset), backend.ErrUncertain, old, 1},
		{"put, stored and reset", all, replace, 1, "PUT", same(after), nil, with("f", "new"), 1},
		{"put, stored and reset, tags no hashes", noTags, replace, 1, "PUT", same(after), nil, with("f", "new"), 1},
		{"put, 500", all, replace, 1, "PUT", same(refuse(500, "InternalError")), nil, with("f", "new"), 2},
		{"put, slow down", all, replace, 2, "PUT", same(refuse(503, "SlowDown")), nil, with("f", "new"), 3},
		{"put, slow down always", all, replace, always, "PUT", same(refuse(503, "SlowDown")), backend.ErrRateLimited, old, uploadTries},
		{"put, 503 of a proxy", all, replace, always, "PUT", same(page(503)), backend.ErrUncertain, old, uploadTries},
		{"put, damaged on the way", all, replace, 1, "PUT", same(refuse(400, "BadDigest")), nil, with("f", "new"), 2},
		{"put, full", all, replace, always, "PUT", same(refuse(507, "XMinioStorageFull")), backend.ErrQuota, old, 1},
		{"put, too large", all, replace, always, "PUT", same(refuse(400, "EntityTooLarge")), backend.ErrTooLarge, old, 1},
		{"put, 403", all, replace, always, "PUT", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 1},
		{"put, page to log in", all, replace, always, "PUT", same(page(200)), backend.ErrUncertain, old, 1},
		{"put, reset and then 403", all, replace, always, "PUT", same(then(reset, refuse(403, "AccessDenied"))), backend.ErrUncertain, old, 2},
		{"put, reset and then full", all, replace, always, "PUT", same(then(reset, refuse(507, "XMinioStorageFull"))), backend.ErrUncertain, old, 2},
		{"put, stored half and said so", all, replace, always, "PUT", same(half), backend.ErrUncertain, with("f", "n"), 1},
		{"put, replaced at once", all, replace, 1, "PUT", func(f *server) faultFunc { return f.also("PUT", "f", "another's") }, nil, with("f", "another's"), 1},
		{"put, removed at once", all, replace, 1, "PUT", func(f *server) faultFunc { return f.also("DELETE", "f", "") }, backend.ErrUncertain, with("f", "gone"), 1},
		{"put, stored and not seen", all, replace, always, "HEAD", same(refuse(500, "InternalError")), backend.ErrUncertain, with("f", "new"), 0},
		{"put if absent, stored and reset", all, create, 1, "PUT", same(after), nil, with("n", "new"), 1},
		{"put if absent, reset", all, create, 1, "PUT", same(reset), nil, with("n", "new"), 2},
		{"put if absent, 412", all, create, always, "PUT", same(refuse(412, "PreconditionFailed")), fs.ErrExist, old, 1},
		{"put if absent, at the same time", all, create, 1, "PUT", same(refuse(409, "ConditionalRequestConflict")), nil, with("n", "new"), 2},
		{"put of a version, stored and reset", all, ifVersion, 1, "PUT", same(after), nil, with("f", "new"), 1},
		{"put of a version, reset", all, ifVersion, 1, "PUT", same(reset), nil, with("f", "new"), 2},
		{"put of a version, gone", all, ifVersion, always, "PUT", same(refuse(404, "NoSuchKey")), backend.ErrChanged, old, 1},
		{"put of a version, reset and replaced", all, ifVersion, 1, "PUT", func(f *server) faultFunc {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				f.do("PUT", "f", "another's")
				reset(w, r, next)
			}
		}, backend.ErrUncertain, with("f", "another's"), 1},
		{"put without a parent that can be seen", all, func(s *store) error { return put(s, "d/n", "new", backend.PutOptions{}) }, always, "GET", same(page(404)), backend.ErrUnavailable, old, 0},

		{"parts", all, parts, 0, "PUT", same(reset), nil, with("f", large), 3},
		{"parts, a part reset", all, parts, 2, "PUT partNumber=2", same(reset), nil, with("f", large), 5},
		{"parts, a part stored half", all, parts, 1, "PUT partNumber=3", same(half), nil, with("f", large), 4},
		{"parts, a part stored half always", all, parts, always, "PUT partNumber=3", same(half), backend.ErrUnavailable, old, 2 + uploadTries},
		{"parts, refused", all, parts, always, "PUT partNumber=2", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 2},
		{"parts, not begun", all, parts, always, "POST uploads=", same(reset), backend.ErrUnavailable, old, 0},
		{"parts, completed and reset", all, parts, 1, "POST uploadId=", same(after), nil, with("f", large), 2},
		{"parts, reset when completed", all, parts, 1, "POST uploadId=", same(reset), nil, with("f", large), 3},
		{"parts, never completed", all, parts, always, "POST uploadId=", same(reset), backend.ErrUncertain, old, 1 + uploadTries},
		{"parts, error in a success", all, parts, 1, "POST uploadId=", same(refuse(200, "InternalError")), nil, with("f", large), 3},
		{"parts, completed and then slow", all, parts, always, "POST uploadId=", same(refuse(503, "SlowDown")), backend.ErrRateLimited, old, 1 + uploadTries},

		{"parts, a page when begun", all, parts, always, "POST uploads=", same(page(200)), backend.ErrUnavailable, old, 0},
		{"parts, a page when completed", all, parts, 1, "POST uploadId=", same(page(200)), nil, with("f", large), 3},
		{"mkdir, made and reset", all, mkdir, 1, "PUT", same(after), nil, with("n/", ""), 1},
		{"mkdir, reset", all, mkdir, 1, "PUT", same(reset), nil, with("n/", ""), 2},
		{"mkdir, a page to log in", all, mkdir, 1, "PUT", same(page(200)), nil, with("n/", ""), 2},
		{"mkdir, a page to log in always", all, mkdir, always, "PUT", same(page(200)), backend.ErrUncertain, old, uploadTries},
		{"mkdir, error in a success", all, mkdir, 1, "PUT", same(refuse(200, "InternalError")), nil, with("n/", ""), 2},
		{"mkdir, made and without an entity tag", all, mkdir, 1, "PUT", same(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			next(httptest.NewRecorder(), r)
		}), nil, with("n/", ""), 1},
		{"mkdir, 403", all, mkdir, always, "PUT", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 1},
		{"put of a version, a 404 of a proxy", all, ifVersion, 1, "HEAD", same(page(404)), backend.ErrUnavailable, old, 1},
		{"mkdir, a 404 of a proxy", all, func(s *store) error { return s.Mkdir(ctx, "f") }, 1, "HEAD", same(page(404)), backend.ErrUnavailable, old, 1},
		{"copy in parts, a 404 of a proxy", all, func(s *store) error {
			_, err := s.copyInParts(ctx, entry{key: "f"}, "n", entry{})
			return linkError("copy", "f", "n", err)
		}, always, "HEAD", same(page(404)), backend.ErrUnavailable, old, 1},
		{"remove, removed and reset", all, remove, 1, "DELETE", same(after), nil, with("f", "gone"), 1},
		{"remove, reset", all, remove, 1, "DELETE", same(reset), nil, with("f", "gone"), 2},
		{"remove, reset always", all, remove, always, "DELETE", same(reset), backend.ErrUncertain, old, maxTries},
		{"remove, a page to log in", all, remove, 1, "DELETE", same(page(200)), nil, with("f", "gone"), 2},
		{"remove, a page to log in always", all, remove, always, "DELETE", same(page(200)), backend.ErrUncertain, old, maxTries},
		{"remove, error in a success", all, remove, 1, "DELETE", same(refuse(200, "InternalError")), nil, with("f", "gone"), 2},
		{"remove, 403", all, remove, always, "DELETE", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 1},
		{"remove, slow down", all, remove, 1, "DELETE", same(refuse(503, "SlowDown")), nil, with("f", "gone"), 2},
		{"remove, reset and replaced", all, remove, 1, "DELETE", func(f *server) faultFunc {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				f.do("PUT", "f", "another's")
				reset(w, r, next)
			}
		}, backend.ErrUncertain, with("f", "another's"), 1},
		{"remove a folder, one stored meanwhile", all, removeDir, 1, "DELETE /x", func(f *server) faultFunc { return f.also("PUT", "d/new", "another's") }, backend.ErrNotEmpty,
			with("d/", "gone", "d/x", "gone", "d/new", "another's"), 0},

		{"move, copied and reset", all, move, 1, "PUT", same(after), nil, with("f", "gone", "n", "old"), 0},
		{"move, reset", all, move, 1, "PUT", same(reset), nil, with("f", "gone", "n", "old"), 0},
		{"move, copy refused", all, move, always, "PUT", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 0},
		{"move, removal refused", all, move, 1, "DELETE", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 0},
		{"move, no removal at all", all, move, always, "DELETE", same(refuse(403, "AccessDenied")), backend.ErrUncertain, with("n", "old"), 0},
		{"move, source replaced", all, move, 1, "PUT", func(f *server) faultFunc { return f.also("PUT", "f", "newer") }, backend.ErrChanged, with("f", "newer"), 0},
		{"move over, a page in place of the copy", all, func(s *store) error {
			if err := put(s, "d/x", "the", backend.PutOptions{}); err != nil {
				return err
			}
			return moveOver(s)
		}, always, "PUT d/x", same(then(pass, page(200))), backend.ErrUncertain, with("d/x", "the"), 0},
		{"move over, copied and reset", all, moveOver, 1, "PUT", same(after), nil, with("f", "gone", "d/x", "old"), 0},
		{"move over, removal refused", all, moveOver, always, "DELETE", same(refuse(403, "AccessDenied")), backend.ErrUncertain, with("d/x", "old"), 0},
		{"move over, half copied and said so", all, moveOver, always, "PUT", func(f *server) faultFunc {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				next(w, r)
				f.do("PUT", "d/x", "ol")
			}
		}, backend.ErrUncertain, with("d/x", "ol"), 0},
		{"move a folder", all, moveDir, 0, "PUT", same(reset), nil, with("d/", "gone", "d/x", "gone", "n/", "", "n/x", "1"), 0},
		{"move a folder, one copy refused", all, moveDir, always, "PUT n/x", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 0},
		{"move a folder, one copy lost", all, moveDir, always, "PUT n/x", same(reset), backend.ErrUncertain, old, 0},
		{"move a folder, a removal refused", all, moveDir, always, "DELETE d/x", same(refuse(403, "AccessDenied")), backend.ErrUncertain, with("n/", "", "n/x", "1"), 0},
		{"move a folder, one stored meanwhile", all, moveDir, 1, "PUT n/x", func(f *server) faultFunc { return f.also("PUT", "d/new", "another's") }, nil,
			with("d/", "gone", "d/x", "gone", "n/", "", "n/x", "1", "n/new", "another's"), 0},
		{"move a folder, one stored at the last moment", all, moveDir, 1, "DELETE d/x", func(f *server) faultFunc { return f.also("PUT", "d/new", "another's") }, backend.ErrUncertain,
			with("d/", "gone", "d/x", "gone", "n/", "", "n/x", "1", "d/new", "another's"), 0},
		{"copy, copied and reset", all, copies, 1, "PUT", same(after), nil, with("n", "old"), 1},
		{"copy, refused", all, copies, always, "PUT", same(refuse(403, "AccessDenied")), fs.ErrPermission, old, 1},
		{"copy a folder, one refused", all, copyDir, always, "PUT n/x", same(refuse(507, "XMinioStorageFull")), backend.ErrQuota, old, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, old)
			s := f.open(t, Config{PartSize: 24 << 10}, test.can)
			f.mu.Lock()
			f.fault = first(test.times, test.match, test.fault(f))
			f.mu.Unlock()
			err := test.do(s)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("%v, want %v", err, test.err)
			}
			var one *fs.PathError
			if err != nil && !errors.As(err, &one) && !strings.HasPrefix(test.name, "move") && !strings.HasPrefix(test.name, "copy") {
				t.Errorf("%T is not the error of the contract", err)
			}
			if err != nil && (strings.Contains(err.Error(), "se-cret") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("the error tells a secret, or has two lines: %v", err)
			}
			method, _, _ := strings.Cut(test.match, " ")
			if got := f.count(method + " "); test.calls > 0 && got != test.calls {
				t.Errorf("%d %s, want %d: %q", got, method, test.calls, f.calls)
			}
			f.holds(t, test.want)
			if n := f.uploads(); n > 0 {
				t.Errorf("%d uploads in parts are left", n)
			}
			if uncertain := errors.Is(err, backend.ErrUncertain); len(s.moves.All()) > 0 && !uncertain || len(s.uploads.All()) > 0 {
				t.Errorf("still noted: %v, %v", s.moves.All(), s.uploads.All())
			}
		})
	}
}

// same is a fault that does not depend on the server.
func same(fault faultFunc) func(*server) faultFunc {
	return func(*server) faultFunc { return fault }
}
