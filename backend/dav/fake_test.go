package dav

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// A fake is a WebDAV server of a few files in memory, in which every request can
// be made to fail.
type fake struct {
	mu    sync.Mutex
	files map[string]string // content by path; "/": a folder
	calls []string          // "METHOD path"

	// fault answers in place of the server if it returns true. It may call next.
	fault func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool
	// describe changes the properties of an entry.
	describe func(path, props string) string
}

func newFake() *fake { return &fake{files: map[string]string{"/": "/", "/f": "old", "/d": "/"}} }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	fault := f.fault
	f.mu.Unlock()
	if fault != nil && fault(w, r, f.serve) {
		return
	}
	f.serve(w, r)
}

func clean(p string) string {
	if p = strings.TrimRight(p, "/"); p == "" {
		return "/"
	}
	return p
}

func tagOf(content string) string { return `"` + hashed(content)[1:] + `"` }

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name := clean(r.URL.Path)
	content, there := f.files[name]
	if m := r.Header.Get("If-Match"); m != "" && (!there || m != tagOf(content)) || r.Header.Get("If-None-Match") == "*" && there {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	switch r.Method {
	case "PROPFIND":
		f.propfind(w, r, name, there)
	case http.MethodGet:
		if !there {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", tagOf(content))
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	case http.MethodPut:
		if content == "/" || !f.parent(name) {
			w.WriteHeader(http.StatusConflict)
			return
		}
		f.files[name] = string(body)
		w.WriteHeader(http.StatusCreated)
	case http.MethodDelete, "MKCOL", "MOVE", "COPY":
		f.change(w, r, name, there)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// parent reports whether the folder of a name is there.
func (f *fake) parent(name string) bool { return f.files[clean(path.Dir(name))] == "/" }

func (f *fake) change(w http.ResponseWriter, r *http.Request, name string, there bool) {
	switch {
	case r.Method == "MKCOL" && there:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case r.Method == "MKCOL":
		f.files[name] = "/"
	case !there:
		w.WriteHeader(http.StatusNotFound)
		return
	case r.Method == http.MethodDelete:
		maps.DeleteFunc(f.files, func(at, _ string) bool { return at == name || strings.HasPrefix(at, name+"/") })
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		u, err := url.Parse(r.Header.Get("Destination"))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		to := clean(u.Path)
		if _, taken := f.files[to]; taken && r.Header.Get("Overwrite") == "F" {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		if !f.parent(to) {
			w.WriteHeader(http.StatusConflict)
			return
		}
		f.files[to] = f.files[name]
		if r.Method == "MOVE" {
			delete(f.files, name)
		}
	}
	w.WriteHeader(http.StatusCreated)
}

func (f *fake) propfind(w http.ResponseWriter, r *http.Request, name string, there bool) {
	if !there {
		http.NotFound(w, r)
		return
	}
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">`)
	var names []string
	for at := range f.files {
		if at == name || r.Header.Get("Depth") == "1" && at != "/" && clean(at[:strings.LastIndex(at, "/")]) == name {
			names = append(names, at)
		}
	}
	slices.Sort(names)
	for _, at := range names {
		content := f.files[at]
		props := fmt.Sprintf(`<D:resourcetype/><D:getcontentlength>%d</D:getcontentlength><D:getetag>%s</D:getetag>`, len(content), tagOf(content))
		if content == "/" {
			props = `<D:resourcetype><D:collection/></D:resourcetype>`
		}
		if f.describe != nil {
			props = f.describe(at, props)
		}
		fmt.Fprintf(&b, `<D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`, escape(at), props)
	}
	b.WriteString(`</D:multistatus>`)
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusMultiStatus)
	_, _ = io.WriteString(w, b.String())
}

// leftTemp is any temporary file in what has compares.
const leftTemp = "/" + tempPrefix + tempSuffix

// has compares what is stored.
func (f *fake) has(t *testing.T, want map[string]string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	files := map[string]string{}
	for name, content := range f.files {
		if strings.Contains(name, tempPrefix) {
			name = leftTemp
		}
		files[name] = content
	}
	for name, content := range want {
		if files[name] != content {
			t.Errorf("%s has %.40q, want %.40q", name, files[name], content)
		}
	}
	if len(f.files) != len(want) {
		t.Errorf("there is %.200q, want %.200q", f.files, want)
	}
}

// count counts requests.
func (f *fake) count(method string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range f.calls {
		if strings.HasPrefix(call, method+" ") {
			n++
		}
	}
	return n
}

// all is what a server can do that can do everything.
var all = features{WholePut: true, Conditions: true, AtomicConditions: true}

// open opens the fake without trying it out. Nothing waits.
func (f *fake) open(t *testing.T, can features) *store {
	t.Helper()
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	s := openAt(t, Config{URL: srv.URL, User: "anna", Password: "se-cret", AtomicMove: true}, can)
	t.Cleanup(func() { s.Close() })
	return s
}

func openAt(t testing.TB, cfg Config, can features) *store {
	t.Helper()
	cfg.After = func(time.Duration) <-chan time.Time {
		now := make(chan time.Time, 1)
		now <- time.Time{}
		return now
	}
	cfg = cfg.withDefaults()
	base, err := cfg.base()
	if err != nil {
		t.Fatal(err)
	}
	root, err := rootPath(base, cfg.Root)
	if err != nil {
		t.Fatal(err)
	}
	return newStore(newClient(cfg, base, root), can).(*store)
}

// first lets a fault happen to the first n requests of a method, empty: any.
func first(n int, method string, fault func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc)) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
		mu.Lock()
		hit := (method == "" || r.Method == method) && n > 0
		if hit {
			n--
		}
		mu.Unlock()
		if hit {
			fault(w, r, next)
		}
		return hit
	}
}

type faultFunc = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc)

func status(code int, header ...string) faultFunc {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// reset breaks the connection in place of a response.
func reset(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// after does what was asked for, and breaks the connection then.
func after(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	next(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// badGateway does what was asked for, and answers 502.
func badGateway(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	next(httptest.NewRecorder(), r)
	w.WriteHeader(http.StatusBadGateway)
}

// loginPage is a page in place of an answer.
func loginPage(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<html><body>Log in</body></html>")
}

// then lets one fault happen after the other, and the last one again and again.
func then(faults ...faultFunc) faultFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		faults[min(int(n.Add(1)), len(faults))-1](w, r, next)
	}
}

// also does what was asked for, and something else then.
func also(method, target, body string) faultFunc {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		next(w, r)
		next(httptest.NewRecorder(), httptest.NewRequest(method, target, strings.NewReader(body)))
	}
}

// tagged answers a PUT with the entity tag of what was sent, and stores other in
// its place, unless that is empty.
func tagged(other string) faultFunc {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("ETag", tagOf(string(body)))
		if other != "" {
			body = []byte(other)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		next(w, r)
	}
}

// tooEarly stores the first part of what is sent and says that it has it all.
func tooEarly(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	w.Header().Set("Connection", "close")
	r.Body = io.NopCloser(io.LimitReader(r.Body, 64<<10))
	next(w, r)
	w.(http.Flusher).Flush()
}

func put(s *store, name, text string, opts backend.PutOptions) error {
	opts.Size = int64(len(text))
	_, err := s.Put(context.Background(), name, strings.NewReader(text), opts)
	return err
}
