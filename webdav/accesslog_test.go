package webdav

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/afero"
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

// callingFs calls another server on each Stat, as a cloud would be.
type callingFs struct {
	*capableFs
	upstream string
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
	return c.capableFs.Open(name)
}

type callingRoot struct{ callingFs }

func (c *callingRoot) WithContext(ctx context.Context) afero.Fs {
	bound := c.capableFs.WithContext(ctx).(*capableFs)
	return &callingFs{bound, c.upstream}
}

func TestAccessLogHasOneLineARequest(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {}))
	defer upstream.Close()
	var access, log logBuffer
	var observed []Observation
	fs := newCapableFs()
	s := newShare(t, &callingRoot{callingFs{fs, upstream.URL}},
		WithAccessLog(slog.New(slog.NewJSONHandler(&access, nil))),
		WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		WithObserver(func(o Observation) { observed = append(observed, o) }),
		WithUsers(User{Name: "anna", Verify: PlainPassword("pass-secret")}))
	anna := basic("anna", "pass-secret")
	at := escape("/" + hostile)
	s.want(201, "PUT", at, "12345", anna)
	s.want(200, "GET", at, "", anna)
	s.want(404, "GET", "/missing", "", anna)
	s.want(401, "GET", at, "", basic("anna", "guess-secret"))
	s.want(405, "POST", at, "x", anna)
	fs.setFail(func(op, _ string) error {
		if op == "put" {
			panic("a fault")
		}
		return nil
	})
	if a := s.do("PUT", at, "x", anna); a.err == nil {
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
		if l.Path == "/"+hostile {
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
		{Method: "PUT", Path: "hostile", User: "anna", Cut: true},
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

// TestLogTellsOfTheStoreAndNotOfWhoLeaves: an answer that breaks off by a fault
// of the store is told; a player that jumps, and leaves what it asked for, is
// not.
func TestLogTellsOfTheStoreAndNotOfWhoLeaves(t *testing.T) {
	var log logBuffer
	s := newShare(t, newCapableFs(), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	s.put("/film", strings.Repeat("x", 64<<20))
	ended := make(chan struct{}, 1)
	end := func() { ended <- struct{}{} }
	s.onEnd.Store(&end)
	conn := s.dial()
	if _, err := io.WriteString(conn, "GET /film HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-ended
	if log.String() != "" {
		t.Errorf("it tells %s", log.String())
	}
	reads := 0
	s.capable().setFail(func(op, name string) error {
		if op == "read" {
			if reads++; reads > 1 {
				return failing(op, name, 503)
			}
		}
		return nil
	})
	if a := s.do("GET", "/film", ""); a.err == nil {
		t.Errorf("a broken answer looks complete: %d, %d bytes", a.status, len(a.body))
	}
	<-ended
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "/film") {
		t.Errorf("a fault of the store is not told: %s", log.String())
	}
}
