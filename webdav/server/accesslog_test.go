package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav/server"
)

// logBuffer is a log that may be written and read at the same time.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// callingFs calls another server on each Open, as a cloud would be, and panics
// when a folder is made.
type callingFs struct {
	afero.Fs
	ctx      context.Context
	upstream string
}

func (c *callingFs) WithContext(ctx context.Context) afero.Fs {
	return &callingFs{c.Fs, ctx, c.upstream}
}

func (c *callingFs) Open(name string) (afero.File, error) {
	req, err := http.NewRequestWithContext(c.ctx, "GET", c.upstream, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "OAuth upstream-token")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return nil, err
	}
	return c.Fs.Open(name)
}

func (c *callingFs) Mkdir(string, fs.FileMode) error { panic("a fault") }

func TestAccessLogHasOneLineARequest(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	defer upstream.Close()
	var access, log logBuffer
	var observed []server.Observation
	s := newShare(t, &callingFs{afero.NewMemMapFs(), t.Context(), upstream.URL},
		server.WithAccessLog(slog.New(slog.NewJSONHandler(&access, nil))),
		server.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		server.WithObserver(func(o server.Observation) { observed = append(observed, o) }),
		server.WithUsers(server.User{Name: "anna", Verify: server.PlainPassword("pass-secret")}))
	anna := basic("anna", "pass-secret")
	at := (&url.URL{Path: "/" + hostile}).EscapedPath()
	s.want(201, "PUT", at, "12345", anna)
	s.want(200, "GET", at, "", anna)
	s.want(404, "GET", "/missing", "", anna)
	s.want(401, "GET", at, "", basic("anna", "guess-secret"))
	s.want(405, "POST", at, "x", anna)
	if a := s.do("MKCOL", at+"d", nil, anna); a.err == nil {
		t.Errorf("a panic answered %d", a.status)
	}
	s.server.Close()
	type line struct {
		Method, Path, User, Client string
		Status, Bytes, Upstream    int
		Duration                   *int64
		Cut                        bool
	}
	var lines []line
	for text := range strings.Lines(access.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if strings.HasPrefix(l.Path, "/"+hostile) {
			l.Path = "hostile"
		}
		if l.Client != "127.0.0.1" || l.Duration == nil {
			t.Errorf("line %s", text)
		}
		l.Client, l.Duration = "", nil
		lines = append(lines, l)
	}
	want := []line{
		{Method: "PUT", Path: "hostile", Status: 201, User: "anna"},
		{Method: "GET", Path: "hostile", Status: 200, Bytes: 5, Upstream: 1, User: "anna"},
		{Method: "GET", Path: "/missing", Status: 404, User: "anna", Upstream: 1},
		{Method: "GET", Path: "hostile", Status: 401},
		{Method: "POST", Path: "hostile", Status: 405, User: "anna"},
		{Method: "MKCOL", Path: "hostile", User: "anna", Cut: true},
	}
	if len(lines) != len(want) || len(observed) != len(want) {
		t.Fatalf("%d lines, %d observed: %v", len(lines), len(observed), lines)
	}
	for i := range want {
		got := lines[i]
		if got.Status >= 400 {
			got.Bytes = 0 // the words of a refusal
		}
		if got != want[i] {
			t.Errorf("line %d: %+v, want %+v", i, got, want[i])
		}
	}
	all := access.String() + log.String()
	for _, secret := range []string{"secret", strings.TrimPrefix(anna, "Authorization: Basic "), "upstream-token"} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is in the log: %s", secret, all)
		}
	}
	if !strings.Contains(log.String(), "a fault") {
		t.Error("the panic is not in the log")
	}
}

// TestCutAnswersAreObserved: a cut response is not reported as a complete one
// whole.
func TestCutAnswersAreObserved(t *testing.T) {
	var last server.Observation
	s := newShareOf(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "part")
		panic(http.ErrAbortHandler)
	}), server.WithObserver(func(o server.Observation) { last = o }))
	if a := s.do("GET", "/f", nil); a.err == nil {
		t.Errorf("a broken answer looks complete: %d %q", a.status, a.body)
	}
	s.server.Close() // waits for the request
	if last.Method != "GET" || last.Status != 200 || last.Bytes != 4 || !last.Cut {
		t.Errorf("it was observed as %+v", last)
	}
}
