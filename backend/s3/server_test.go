package s3

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/davdisk/davdisk/backend"
)

// A server is an S3 server with a bucket in memory, in which every request can be
// made to fail.
type server struct {
	http.Handler // without faults
	url          string

	mu    sync.Mutex
	calls []string // "METHOD key?query"
	fault func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool
}

// newServer serves objects by key.
func newServer(t testing.TB, objects map[string]string) *server {
	t.Helper()
	files := s3mem.New()
	if err := files.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	f := &server{Handler: gofakes3.New(files, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()}
	for key, content := range objects {
		f.do(http.MethodPut, key, content)
	}
	srv := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(srv.Close)
	f.url = srv.URL
	return f
}

func (f *server) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.calls = append(f.calls, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/bucket/")+"?"+r.URL.RawQuery)
	fault := f.fault
	f.mu.Unlock()
	if fault == nil || !fault(w, r, f.ServeHTTP) {
		f.ServeHTTP(w, r)
	}
}

// do carries out a request of another client.
func (f *server) do(method, key, body string) *httptest.ResponseRecorder {
	at := &url.URL{Path: "/bucket/" + key}
	r := httptest.NewRequest(method, at.String(), strings.NewReader(body))
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// count counts requests that begin with a text: "PUT f".
func (f *server) count(prefix string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, call := range f.calls {
		if strings.HasPrefix(call, prefix) {
			n++
		}
	}
	return n
}

// holds compares all objects.
func (f *server) holds(t *testing.T, want map[string]string) {
	t.Helper()
	s := f.open(t, Config{}, all)
	f.mu.Lock()
	f.fault = nil
	f.mu.Unlock()
	got := map[string]string{}
	for object, err := range s.client.list(context.Background(), "", true, 0) {
		if err != nil {
			t.Fatal(err)
		}
		got[object.Key] = f.do(http.MethodGet, object.Key, "").Body.String()
	}
	if !maps.Equal(got, want) {
		t.Errorf("there is %.80q, want %.80q", got, want)
	}
}

// uploads counts the uploads in parts that are under way.
func (f *server) uploads() int {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/bucket?uploads", nil))
	return strings.Count(w.Body.String(), "<Upload>")
}

// all is what a server can do that can do everything.
var all = features{WholePut: true, IfAbsent: true, IfMatch: true, PartsConditions: true, AtomicConditions: true, MD5Tags: true}

// config is the configuration for the server, by which nothing waits.
func (f *server) config(cfg Config) Config {
	cfg.Endpoint, cfg.Bucket, cfg.Region, cfg.AccessKey, cfg.SecretKey = f.url, "bucket", "us-east-1", "anna", "se-cret"
	cfg.After = func(time.Duration) <-chan time.Time {
		now := make(chan time.Time, 1)
		now <- time.Time{}
		return now
	}
	return cfg.withDefaults()
}

// open opens the bucket without trying the server out.
func (f *server) open(t testing.TB, cfg Config, can features) *store {
	t.Helper()
	s := f.opened(t, f.config(cfg), can)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// opened is open for a store that the caller closes.
func (f *server) opened(t testing.TB, cfg Config, can features) *store {
	t.Helper()
	endpoint, err := cfg.endpoint()
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(cfg, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{cfg: cfg, log: cfg.Log, client: c, can: can}
	if err := s.openJournals(); err != nil {
		t.Fatal(err)
	}
	s.recover()
	return s
}

type faultFunc = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc)

// first lets a fault happen to the first n requests that match "METHOD" or
// "METHOD query".
func first(n int, match string, fault faultFunc) func(http.ResponseWriter, *http.Request, http.HandlerFunc) bool {
	var mu sync.Mutex
	method, query, _ := strings.Cut(match, " ")
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
		mu.Lock()
		hit := r.Method == method && strings.Contains(r.URL.String(), query) && n > 0
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

// refuse answers with an error of S3.
func refuse(status int, code string, header ...string) faultFunc {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>words of the server</Message><RequestId>1</RequestId></Error>`, code)
		}
	}
}

// page answers with a page of a proxy.
func page(status int) faultFunc {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><body>Log in</body></html>")
	}
}

// reset breaks the connection in place of an answer.
func reset(_ http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// after does what was asked for, and breaks the connection then.
func after(_ http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	next(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// then lets one fault happen after the other, and the last one again and again.
func then(faults ...faultFunc) faultFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		faults[min(int(n.Add(1)), len(faults))-1](w, r, next)
	}
}

// pass does what was asked for.
func pass(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) { next(w, r) }

// also does what was asked for, and what another client asks for then.
func (f *server) also(method, key, body string) faultFunc {
	return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		next(w, r)
		f.do(method, key, body)
	}
}

// half stores the first half of what is sent.
func half(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
	body, _ := io.ReadAll(r.Body)
	body = body[:len(body)/2]
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
	r.Header.Del("Content-Md5")
	r.Header.Set("Content-Length", fmt.Sprint(len(body)))
	next(w, r)
}

func tagOf(content string) string {
	sum := md5.Sum([]byte(content))
	return hex.EncodeToString(sum[:])
}

func put(s *store, name, text string, opts backend.PutOptions) error {
	opts.Size = int64(len(text))
	_, err := s.Put(context.Background(), name, strings.NewReader(text), opts)
	return err
}

func read(s *store, name string) (string, error) {
	c, err := s.Open(context.Background(), name, "")
	if err != nil {
		return "", err
	}
	defer c.Close()
	r, err := c.Range(context.Background(), 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}
