package dav

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

const secret = "se-cret"

// openDriver opens a server as the command line does.
func openDriver(t *testing.T, opts map[string]string) (backend.Backend, error) {
	t.Helper()
	r := backend.NewRegistry(backend.Env{StateDir: t.TempDir()})
	r.Register(Driver())
	if err := r.Remote("nas", "webdav", opts); err != nil {
		t.Fatal(err)
	}
	return r.Open(t.Context(), "nas:")
}

// TestWrongOptions: what cannot be opened is told in one line, without secrets.
func TestWrongOptions(t *testing.T) {
	locked := func(challenge string) http.Handler {
		f := newFake()
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "anna" || password != secret {
				w.Header().Set("WWW-Authenticate", challenge)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			f.ServeHTTP(w, r)
		})
	}
	basic, digest := httptest.NewServer(locked(`Basic realm="x"`)), httptest.NewServer(locked(`Digest realm="x", nonce="y"`))
	tlsServer := httptest.NewTLSServer(locked(`Basic realm="x"`))
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { loginPage(w, r, nil) }))
	elsewhere := httptest.NewServer(http.RedirectHandler("https://login.example/page?session="+secret, http.StatusFound))
	nothing := httptest.NewServer(http.NotFoundHandler())
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, srv := range []*httptest.Server{basic, digest, tlsServer, page, elsewhere, nothing} {
		t.Cleanup(srv.Close)
	}
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		opts map[string]string
		kind error
		text string
	}{
		{"no address", nil, nil, "option url"},
		{"no server", map[string]string{"url": "nas"}, nil, "https://host/path/"},
		{"a secret in the address", map[string]string{"url": "https://anna:" + secret + "@nas/"}, nil, "options of their own"},
		{"a query", map[string]string{"url": "https://nas/?" + secret}, nil, "folder"},
		{"atomic-move", map[string]string{"url": basic.URL, "atomic-move": "perhaps"}, nil, "neither true nor false"},
		{"no user", map[string]string{"url": basic.URL}, backend.ErrUnauthorized, "set user and password"},
		{"a wrong password", map[string]string{"url": basic.URL, "user": "anna", "password": "x" + secret}, backend.ErrUnauthorized, "wrong"},
		{"a wrong token", map[string]string{"url": basic.URL, "token": secret}, backend.ErrUnauthorized, "wrong"},
		{"Digest", map[string]string{"url": digest.URL, "user": "anna", "password": "x" + secret}, backend.ErrUnauthorized, "Digest"},
		{"a certificate of its own", map[string]string{"url": tlsServer.URL, "user": "anna", "password": secret}, backend.ErrUnavailable, "certificate"},
		{"no file of certificates", map[string]string{"url": tlsServer.URL, "ca-file": "/nonexistent"}, nil, "ca-file"},
		{"no certificate in the file", map[string]string{"url": tlsServer.URL, "ca-file": notPEM}, nil, "no certificate"},
		{"a page to log in", map[string]string{"url": page.URL}, backend.ErrUnavailable, "text/html"},
		{"a redirect", map[string]string{"url": elsewhere.URL}, backend.ErrUnavailable, "https://login.example/page;"},
		{"a wrong path", map[string]string{"url": nothing.URL + "/dav"}, backend.ErrUnavailable, "url is wrong"},
		{"nobody listens", map[string]string{"url": closed.URL}, backend.ErrUnavailable, "refused"},
		{"no such host", map[string]string{"url": "http://davdisk.invalid/"}, backend.ErrUnavailable, "davdisk.invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := openDriver(t, test.opts)
			if err == nil || test.kind != nil && !errors.Is(err, test.kind) || !strings.Contains(err.Error(), test.text) {
				t.Fatalf("%v, want %v with %q", err, test.kind, test.text)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it tells a secret, or has two lines: %v", err)
			}
		})
	}
}

// TestCertificateFile trusts a server's own certificate by a file, and keeps the
// password to that server.
func TestCertificateFile(t *testing.T) {
	f := newFake()
	srv := httptest.NewTLSServer(f)
	defer srv.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := openDriver(t, map[string]string{"url": srv.URL, "ca-file": file})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := b.Stat(t.Context(), "f"); err != nil || info.Size != 3 {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestPasswordStaysHere: a redirect to another server is not followed, and a
// password is sent to its own host alone.
func TestPasswordStaysHere(t *testing.T) {
	var asked []string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Authorization"))
	}))
	defer other.Close()
	f := newFake()
	s := f.open(t, all)
	f.fault = func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		http.Redirect(w, r, other.URL+"/f", http.StatusTemporaryRedirect)
		return true
	}
	for what, err := range map[string]error{
		"stat": func() error { _, err := s.Stat(t.Context(), "f"); return err }(),
		"put":  put(s, "f", "new", backend.PutOptions{}), "remove": s.Remove(t.Context(), "f", backend.RemoveOptions{}),
	} {
		if !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the other server was asked with %q", asked)
	}
}

// retimed adds a time to properties, and with a size replaces the entity tag by
// one that is made of both.
func retimed(props string, second, size int) string {
	if strings.Contains(props, "collection") {
		return props
	}
	if before, _, ok := strings.Cut(props, "<D:getetag>"); ok && size >= 0 {
		props = before + fmt.Sprintf(`<D:getetag>"%d-%d"</D:getetag>`, second, size)
	}
	when := time.Date(2026, 11, 29, 12, 0, second, 0, time.UTC)
	return props + "<D:getlastmodified>" + when.Format(http.TimeFormat) + "</D:getlastmodified>"
}

// TestTryOut tries out servers that lack one thing each, and leaves nothing.
func TestTryOut(t *testing.T) {
	whole := features{WholePut: true, Conditions: true, AtomicConditions: true}
	with := func(change func(*features)) features {
		f := whole
		change(&f)
		return f
	}
	// The handler of an upload that is held has to get somewhere within one pause.
	const short, long = 20 * time.Millisecond, 300 * time.Millisecond
	for name, test := range map[string]struct {
		pause time.Duration
		fault func(f *fake) func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool
		want  features
	}{
		"it can do all": {short, nil, whole},
		"an upload is written to the file while it arrives": {short, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				if r.Method != http.MethodPut || r.ContentLength < trialSize {
					return false
				}
				half := make([]byte, 100)
				_, _ = io.ReadFull(r.Body, half)
				f.mu.Lock()
				f.files[clean(r.URL.Path)] = string(half)
				f.mu.Unlock()
				_, err := io.Copy(io.Discard, r.Body)
				if err != nil {
					panic(http.ErrAbortHandler)
				}
				return true
			}
		}, with(func(f *features) { f.WholePut, f.AtomicConditions = false, false })},
		"what breaks off is stored": {short, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				if r.Method != http.MethodPut || r.ContentLength < trialSize {
					return false
				}
				got, err := io.ReadAll(r.Body)
				if err == nil {
					r.Body = io.NopCloser(strings.NewReader(string(got)))
					return false
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				f.files[clean(r.URL.Path)] = string(got)
				panic(http.ErrAbortHandler)
			}
		}, with(func(f *features) { f.WholePut, f.AtomicConditions = false, false })},
		"conditions are ignored": {short, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				r.Header.Del("If-Match")
				r.Header.Del("If-None-Match")
				return false
			}
		}, with(func(f *features) { f.Conditions, f.AtomicConditions = false, false })},
		"conditions are checked at the beginning": {long, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				f.mu.Lock()
				fits := r.Header.Get("If-Match") == tagOf(f.files[clean(r.URL.Path)])
				f.mu.Unlock()
				if fits {
					r.Header.Del("If-Match")
				}
				return false
			}
		}, with(func(f *features) { f.AtomicConditions = false })},
		"it refuses what is large": {long, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				if r.Method != http.MethodPut || r.ContentLength < trialSize {
					return false
				}
				_ = http.NewResponseController(w).EnableFullDuplex()
				w.Header().Set("Connection", "close")
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				w.(http.Flusher).Flush()
				return true
			}
		}, with(func(f *features) { f.WholePut, f.AtomicConditions = false, false })},
		"tags are of size and second": {short, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			f.describe = func(path, props string) string {
				puts := 0
				for _, call := range f.calls {
					if strings.HasPrefix(call, "PUT ") {
						puts++
					}
				}
				return retimed(props, puts/3, len(f.files[path]))
			}
			return nil
		}, with(func(f *features) { f.CoarseTags, f.AtomicConditions = true, false })},
		"it never stores twice in a second": {short, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			n := 0
			f.describe = func(path, props string) string {
				n++
				return retimed(props, n, -1)
			}
			return nil
		}, with(func(f *features) { f.CoarseTags = true })},
		"folders are made twice": {short, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				return r.Method == "MKCOL"
			}
		}, with(func(f *features) { f.MakesTwice = true })},
		"it refuses to be written to": {short, func(f *fake) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				if r.Method == "PROPFIND" {
					return false
				}
				w.WriteHeader(http.StatusForbidden)
				return true
			}
		}, features{Refused: "the server refuses to be written to: it answered 403 to a test file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			if test.fault != nil {
				f.fault = test.fault(f)
			}
			srv := httptest.NewServer(f)
			defer srv.Close()
			cfg := Config{URL: srv.URL, After: func(time.Duration) <-chan time.Time {
				return time.After(test.pause)
			}}.withDefaults()
			base, err := cfg.base()
			if err != nil {
				t.Fatal(err)
			}
			got, err := newClient(cfg, base, "").tryOut(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			got.Tried = time.Time{}
			if got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			f.has(t, newFake().files)
		})
	}
}

// TestFeaturesAreKept: a server is tried out once, and again after a week, or if it
// refused.
func TestFeaturesAreKept(t *testing.T) {
	f := newFake()
	srv := httptest.NewServer(f)
	defer srv.Close()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	cfg := Config{URL: srv.URL, StateDir: t.TempDir(), Now: func() time.Time { return now },
		After: func(time.Duration) <-chan time.Time { return time.After(time.Millisecond) }}
	tried := func() int {
		before := f.count(http.MethodPut)
		if _, err := New(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		return f.count(http.MethodPut) - before
	}
	if tried() == 0 {
		t.Error("it was not tried out")
	}
	if tried() > 0 {
		t.Error("it was tried out twice")
	}
	now = now.Add(featuresLife)
	if tried() == 0 {
		t.Error("it was not tried out after a week")
	}
	cfg.User = "another"
	if tried() == 0 {
		t.Error("what one user may do was believed of another")
	}
	for _, older := range []string{"", `"Format": 0,`, `"Format": 1000,`} {
		text := "{" + older + `"WholePut": true, "Tried": "` + now.Format(time.RFC3339) + `"}`
		if err := os.WriteFile(featuresFile(cfg), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if tried() == 0 {
			t.Errorf("what another davdisk found out was believed: %s", text)
		}
	}
}
