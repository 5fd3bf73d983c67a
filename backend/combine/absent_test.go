package combine_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/combine"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

// late is a driver whose store cannot be opened as long as it has an error.
type late struct {
	err   error
	store backend.Backend
	opens int
}

// combined opens two folders: up, and down, which is the store of late.
func (l *late) combined(t *testing.T, now *time.Time) (backend.Backend, error) {
	t.Helper()
	r := backend.NewRegistry(backend.Env{Now: func() time.Time { return *now }})
	r.Register(combine.Driver())
	r.Register(memory.Driver())
	r.Register(backend.Driver{Name: "late", Open: func(context.Context, string, map[string]string, backend.Env) (backend.Backend, error) {
		l.opens++
		return l.store, l.err
	}})
	if err := r.Remote("all", "combine", map[string]string{"mounts": "/up=memory:,/down=late:"}); err != nil {
		t.Fatal(err)
	}
	return r.Open(t.Context(), "all:")
}

// TestAStoreThatIsDownAtTheStart is 503 in its own folder, over WebDAV, until it
// can be reached; and is not asked again and again.
func TestAStoreThatIsDownAtTheStart(t *testing.T) {
	now := time.Now()
	l := &late{err: &backend.Error{Kind: backend.ErrUnavailable, Message: "connection refused"}, store: memory.New(memory.Options{})}
	b, err := l.combined(t, &now)
	if err != nil {
		t.Fatal(err)
	}
	files, err := vfs.New(b, vfs.WithPollInterval(0))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	handler, err := webdav.NewHandler(files)
	if err != nil {
		t.Fatal(err)
	}
	answers := func(method, path string, want int) {
		t.Helper()
		req := httptest.NewRequest(method, path, strings.NewReader("content"))
		if method != http.MethodPut {
			req = httptest.NewRequest(method, path, nil)
		}
		req.Header.Set("Depth", "1")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("%s %s is answered %d, want %d: %s", method, path, w.Code, want, w.Body)
		}
	}
	answers("PROPFIND", "/", 207)
	answers(http.MethodPut, "/up/f", 201)
	answers(http.MethodGet, "/up/f", 200)
	answers("PROPFIND", "/down/", 503)
	answers(http.MethodGet, "/down/f", 503)
	answers(http.MethodPut, "/down/f", 503)
	answers(http.MethodDelete, "/down/f", 503)
	answers("MKCOL", "/down/d", 503)
	if got := quota(t, handler, "/", "1"); got["/down/"] != "503" || got["/"] != "404" || !strings.HasSuffix(got["/up/"], " 7") {
		t.Errorf("the space is told as %v", got)
	}
	if l.opens != 1 {
		t.Errorf("it was opened %d times within an instant", l.opens)
	}
	now = now.Add(time.Minute)
	answers(http.MethodPut, "/down/f", 503)
	l.err = nil
	answers(http.MethodPut, "/down/f", 503)
	now = now.Add(time.Minute)
	answers(http.MethodPut, "/down/f", 201)
	answers(http.MethodGet, "/down/f", 200)
	answers("PROPFIND", "/down/", 207)
	if l.opens != 3 {
		t.Errorf("it was opened %d times, want 3", l.opens)
	}
}

// TestAStoreThatComesWithLess: what was not declared at the start is not served.
func TestAStoreThatComesWithLess(t *testing.T) {
	now := time.Now()
	l := &late{err: backend.ErrUnavailable, store: lacking{memory.New(memory.Options{})}}
	b, err := l.combined(t, &now)
	if err != nil {
		t.Fatal(err)
	}
	l.err, now = nil, now.Add(time.Minute)
	if _, err := b.Stat(t.Context(), "down/f"); !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), "restart") {
		t.Errorf("%v", err)
	}
}

type lacking struct{ backend.Backend }

func (lacking) Capabilities() backend.Capabilities {
	return backend.Capabilities{NoAtomicOverwrite: "made up"}
}

// TestAStoreThatRefuses is an error when davdisk starts.
func TestAStoreThatRefuses(t *testing.T) {
	for _, kind := range []error{backend.ErrUnauthorized, fs.ErrNotExist, fs.ErrPermission} {
		now := time.Now()
		if _, err := (&late{err: kind}).combined(t, &now); !errors.Is(err, kind) {
			t.Errorf("%v, want %v", err, kind)
		}
	}
}
