package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/dav"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

// davFailures are the ways in which a WebDAV server, or what is between, fails.
var davFailures = map[string]failure{
	"reset":                  {},
	"reset in the call":      {before: inCall},
	"reset after a while":    {before: late},
	"reset after the effect": {after: true},
	"half an answer":         {before: inAnswer, after: true},
	"401":                    {status: 401},
	"403":                    {status: 403},
	"404 of a proxy":         {status: 404, text: "<html>nothing here</html>", lasts: true}, // once it cannot be told from a true one
	"423":                    {status: 423},
	"429":                    {status: 429},
	"500":                    {status: 500},
	"500 after the effect":   {status: 500, after: true},
	"502":                    {status: 502, text: "<html>bad gateway</html>"},
	"503":                    {status: 503},
	"504 after the effect":   {status: 504, text: "<html>timeout</html>", after: true},
	"507":                    {status: 507},
	"a redirect to nowhere":  {status: 302},
	"a page to log in":       {status: 200, text: "<html>who are you?</html>"},
	"an empty listing":       {status: 207, text: `<multistatus xmlns="DAV:"/>`},
}

// davServers have little in common: one stores whole files and checks every
// condition, one writes over files and checks none.
var davServers = map[string]struct {
	serve   func(t *testing.T, dir string) http.Handler
	renames bool // in one step
}{
	"davdisk": {func(t *testing.T, dir string) http.Handler {
		t.Helper()
		store, err := local.New(dir, local.Options{})
		if err != nil {
			t.Fatal(err)
		}
		files, err := vfs.New(store, vfs.WithPollInterval(0))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { files.Close() })
		handler, err := webdav.NewHandler(files)
		if err != nil {
			t.Fatal(err)
		}
		return handler
	}, true},
	"x/net": {func(_ *testing.T, dir string) http.Handler {
		return &xdav.Handler{FileSystem: xdav.Dir(dir), LockSystem: xdav.NewMemLS()}
	}, false},
}

// TestEveryFaultOverDav is TestEveryFault over WebDAV servers.
func TestEveryFaultOverDav(t *testing.T) {
	testlevel.NeedMore(t)
	for name, kind := range davServers {
		t.Run(name, func(t *testing.T) {
			// Servers are tried out once; the address that what was found is kept
			// for is one for all, and the transport knows where they are.
			known := t.TempDir()
			var trial sync.Once
			start := func(t *testing.T, files map[string]string) *faultyServer {
				keeps := &folder{dir: t.TempDir(), aside: "~davdisk.", litter: "~davdisk-"} // what may be the only copy is never removed
				f := newFaultyServer(t, keeps, files)
				method := func(r *http.Request) string { return r.Method }
				web := httptest.NewServer(breaking(f, method, kind.serve(t, keeps.dir)))
				t.Cleanup(web.Close)
				transport := &http.Transport{MaxIdleConnsPerHost: 16}
				t.Cleanup(transport.CloseIdleConnections)
				cfg := dav.Config{
					URL: "http://dav.example/", AtomicMove: kind.renames, StateDir: known, RetryWait: time.Microsecond,
					Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
						r = r.Clone(r.Context())
						r.URL.Host, r.Host = strings.TrimPrefix(web.URL, "http://"), "dav.example"
						return transport.RoundTrip(r)
					}),
				}
				trial.Do(func() {
					if _, err := dav.New(t.Context(), cfg); err != nil {
						t.Error(err)
					}
				})
				cfg.After = func(wait time.Duration) <-chan time.Time { return time.After(min(wait, time.Millisecond)) }
				f.connect = func() (backend.Backend, error) { return dav.New(t.Context(), cfg) }
				return f
			}
			everyFault(t, scenarios, start, 97, davFailures)
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// breaking lets requests of a kind fail as the faultyServer says.
func breaking(f *faultyServer, kind func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer f.works()()
		how := f.hit(kind(r))
		if how == nil {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		switch {
		case how.before == late:
			time.Sleep(20 * time.Millisecond)
		case how.before == inCall && r.ContentLength > 1:
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), brokenBody{}))
			next.ServeHTTP(answer, r)
		case how.after:
			next.ServeHTTP(answer, r)
		case how.status != 0:
			_, _ = io.Copy(io.Discard, r.Body)
		}
		switch {
		case how.before == never:
			_, _ = io.Copy(io.Discard, r.Body) // or the end of the connection is not noticed
			f.gaveUp(r)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		case how.before == inAnswer && r.Method != http.MethodHead: // which has no body
			for name, values := range answer.Header() {
				w.Header()[name] = values
			}
			if answer.Body.Len() == 0 || w.Header().Get("Content-Length") == "" {
				w.Header().Set("Content-Length", "100000")
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case how.status == 0:
			panic(http.ErrAbortHandler)
		}
		if how.status == http.StatusFound {
			w.Header().Set("Location", "/nowhere/")
		}
		for name, value := range how.header {
			w.Header().Set(name, value)
		}
		if strings.HasPrefix(how.text, "<html") {
			w.Header().Set("Content-Type", "text/html")
		}
		w.WriteHeader(how.status)
		_, _ = io.WriteString(w, how.text)
	})
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
