package s3

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// nth lets a fault happen to the nth request (from 1) that begins with a
// text, "HEAD f".
func (f *server) nth(n int, match string, fault faultFunc) {
	method, key, _ := strings.Cut(match, " ")
	var mu sync.Mutex
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
		if r.Method != method || r.URL.Path != "/bucket/"+key {
			return false
		}
		mu.Lock()
		n--
		hit := n == 0
		mu.Unlock()
		if hit {
			fault(w, r, next)
		}
		return hit
	}
}

// before lets another client do something before a request is carried out.
func (f *server) before(method, key, body string) faultFunc {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		f.do(method, key, body)
		next(w, r)
	}
}

// TestOtherClients: what another client stores or removes between two requests of
// a change is neither lost nor told as something else.
func TestOtherClients(t *testing.T) {
	move := func(s *store) error { return s.Move(t.Context(), "d", "n", backend.MoveOptions{}) }
	copies := func(s *store) error { return s.Copy(t.Context(), "d", "n", backend.CopyOptions{}) }
	for name, test := range map[string]struct {
		do   func(*store) error
		n    int
		at   string
		with func(*server) faultFunc
		err  error
		want map[string]string
	}{
		// The first HEAD of a source of a folder is the one before its removal.
		"a source of a folder is replaced before it is removed": {move, 1, "HEAD d/x",
			func(f *server) faultFunc { return f.before("PUT", "d/x", "another's") }, backend.ErrUncertain,
			map[string]string{"f": "old", "d/x": "another's", "n/": "", "n/x": "1"}},
		"a target of a folder appears before the copy": {move, 1, "HEAD n/x",
			func(f *server) faultFunc { return f.before("PUT", "n/x", "another's") }, fs.ErrExist,
			map[string]string{"f": "old", "d/": "", "d/x": "1", "n/x": "another's"}},
		"a file of the folder is removed before it is copied": {copies, 1, "HEAD n/x",
			func(f *server) faultFunc { return f.before("DELETE", "d/x", "") }, backend.ErrChanged,
			map[string]string{"f": "old", "d/": ""}},
		"a target appears before the copy": {func(s *store) error { return s.Copy(t.Context(), "f", "n", backend.CopyOptions{}) }, 2, "HEAD n",
			func(f *server) faultFunc { return f.before("PUT", "n", "another's") }, fs.ErrExist,
			map[string]string{"f": "old", "d/": "", "d/x": "1", "n": "another's"}},
		"a target is replaced before the move": {func(s *store) error { return s.Move(t.Context(), "f", "d/x", backend.MoveOptions{Overwrite: true}) }, 2, "HEAD d/x",
			func(f *server) faultFunc { return f.before("PUT", "d/x", "another's") }, backend.ErrChanged,
			map[string]string{"f": "old", "d/": "", "d/x": "another's"}},
		"a file is replaced before its folder is removed": {func(s *store) error { return s.Remove(t.Context(), "d", backend.RemoveOptions{}) }, 1, "HEAD d/x",
			func(f *server) faultFunc { return f.before("PUT", "d/x", "another's") }, backend.ErrNotEmpty,
			map[string]string{"f": "old", "d/x": "another's"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newServer(t, map[string]string{"f": "old", "d/": "", "d/x": "1"})
			s := f.open(t, Config{}, all)
			f.nth(test.n, test.at, test.with(f))
			err := test.do(s)
			if !errors.Is(err, test.err) {
				t.Errorf("%v, want %v", err, test.err)
			}
			f.holds(t, test.want)
		})
	}
}

// TestProxies: a 404 that is no answer of S3 says nothing of the object, and half
// of a removal is told.
func TestProxies(t *testing.T) {
	remove := func(s *store) error { return s.Remove(t.Context(), "d", backend.RemoveOptions{}) }
	stored := map[string]string{"d/": "", "d/x": "1", "d/y": "2", "f": "old"}
	for name, test := range map[string]struct {
		do    func(*store) error
		match string
		fault faultFunc
		want  error
	}{
		"remove":        {func(s *store) error { return s.Remove(t.Context(), "f", backend.RemoveOptions{}) }, "DELETE", page(404), backend.ErrUnavailable},
		"copy":          {func(s *store) error { return s.Copy(t.Context(), "f", "n", backend.CopyOptions{}) }, "PUT", page(404), backend.ErrUnavailable},
		"put":           {func(s *store) error { return put(s, "f", "new", backend.PutOptions{}) }, "PUT", page(404), backend.ErrUnavailable},
		"put a version": {func(s *store) error { return put(s, "f", "new", backend.PutOptions{IfVersion: tagOf("old")}) }, "PUT", page(404), backend.ErrUnavailable},
		"removal of unknown outcome, then 404": {func(s *store) error { return s.Remove(t.Context(), "f", backend.RemoveOptions{}) }, "DELETE",
			nil, backend.ErrUncertain},
		"half of a folder": {remove, "DELETE /y", refuse(http.StatusInternalServerError, "InternalError"), backend.ErrUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			f := newServer(t, stored)
			s := f.open(t, Config{}, all)
			fault := test.fault
			if fault == nil { // the proxy loses its server
				fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
					f.mu.Lock()
					f.fault = first(1<<20, "HEAD", page(404))
					f.mu.Unlock()
					reset(w, r, next)
				}
			}
			f.mu.Lock()
			f.fault = first(1<<20, test.match, fault)
			f.mu.Unlock()
			if err := test.do(s); !errors.Is(err, test.want) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if name != "half of a folder" {
				f.holds(t, stored)
			}
		})
	}
}

// TestKilledMoveGivenUp: a killed move that the server does not let be finished is
// not finished once its names were changed again.
func TestKilledMoveGivenUp(t *testing.T) {
	for _, name := range []string{"a", "b", "c"} {
		f := newServer(t, map[string]string{"a": "1", "b": "1"})
		s := f.open(t, Config{}, all)
		if err := s.moves.set("a", intent{To: "b", Begun: time.Now()}); err != nil {
			t.Fatal(err)
		}
		s.left.Store("a", false)
		f.breaks(refusing(refuse(http.StatusForbidden, "AccessDenied"), "DELETE"))
		if err := put(s, name, "2", backend.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if left := len(s.moves.All()); (left == 0) != (name != "c") {
			t.Errorf("%s was stored, and %d moves are noted", name, left)
		}
	}
}

// TestUnreadableJournal: a journal that cannot be read is an error of New.
func TestUnreadableJournal(t *testing.T) {
	f := newServer(t, nil)
	for _, what := range []string{"moves", "uploads"} {
		cfg := f.config(Config{StateDir: t.TempDir()})
		name, _ := cfg.journalFile(what)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("no journal\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := New(t.Context(), cfg); err == nil {
			t.Errorf("%s: opened %v", what, b)
		}
	}
}

// TestNoTags: on a server without entity tags a version is the size and the time.
func TestNoTags(t *testing.T) {
	f := newServer(t, map[string]string{"f": "old"})
	s := f.open(t, Config{}, all)
	f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
		next(noTagWriter{w}, r)
		return true
	}
	info, err := s.Stat(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	f.do("PUT", "f", "another's")
	if err := put(s, "f", "new", backend.PutOptions{IfVersion: info.Version}); !errors.Is(err, backend.ErrChanged) {
		t.Errorf("put: %v", err)
	}
	f.holds(t, map[string]string{"f": "another's"})
}

// noTagWriter drops the entity tag of a response.
type noTagWriter struct{ http.ResponseWriter }

func (w noTagWriter) WriteHeader(status int) {
	w.Header().Del("ETag")
	w.ResponseWriter.WriteHeader(status)
}

func (w noTagWriter) Write(p []byte) (int, error) {
	w.Header().Del("ETag")
	return w.ResponseWriter.Write(p)
}
