package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/webdav"
	"github.com/davdisk/davdisk/webdav/server"
)

func adminPage(a *Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w.Code, w.Body.String()
}

func TestHealth(t *testing.T) {
	for _, c := range []struct {
		healthy func(context.Context) error
		code    int
		text    string
	}{
		{nil, 200, "ok\n"},
		{func(context.Context) error { return nil }, 200, "ok\n"},
		{func(context.Context) error { return errors.New("not logged in") }, 503, "not logged in\n"},
	} {
		if code, text := adminPage(New(c.healthy), "/healthz"); code != c.code || text != c.text {
			t.Errorf("got %d %q, want %d %q", code, text, c.code, c.text)
		}
	}
	a := New(nil)
	if code, text := adminPage(a, "/readyz"); code != 503 || text != "starting\n" {
		t.Errorf("before it is ready: %d %q", code, text)
	}
	for _, err := range []error{nil, errors.New("the store has been out of reach for 2m0s"), nil} {
		a.Ready(func(context.Context) error { return err })
		code, text := adminPage(a, "/readyz")
		if err == nil && (code != 200 || text != "ok\n") || err != nil && (code != 503 || text != err.Error()+"\n") {
			t.Errorf("with %v: %d %q", err, code, text)
		}
	}
	if code, _ := adminPage(New(nil), "/anything"); code != http.StatusNotFound {
		t.Errorf("another path: %d", code)
	}
}

// TestMetricsCountWhatTheHandlerDid runs real requests through a handler.
func TestMetricsCountWhatTheHandlerDid(t *testing.T) {
	admin := New(nil)
	dav, err := webdav.NewHandler(afero.NewMemMapFs())
	if err != nil {
		t.Fatal(err)
	}
	defer dav.Close()
	handler, err := server.New(dav, server.WithObserver(admin.Observe))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, body string }{
		{"PUT", "/Ж secret.txt", "0123456789"}, {"GET", "/Ж secret.txt", ""}, {"GET", "/Ж secret.txt", ""}, {"GET", "/none", ""}, {"BREW", "/", ""},
	} {
		req := httptest.NewRequest(c.method, "http://127.0.0.1/", strings.NewReader(c.body))
		req.URL.Path = c.path
		handler.ServeHTTP(httptest.NewRecorder(), req)
	}
	_, text := adminPage(admin, "/metrics")
	for _, want := range []string{
		`davdisk_requests_total{method="PUT",status="201"} 1`,
		`davdisk_requests_total{method="GET",status="200"} 2`,
		`davdisk_requests_total{method="GET",status="404"} 1`,
		`davdisk_requests_total{method="other",status="405"} 1`,
		`davdisk_request_duration_seconds_count{method="GET"} 3`,
		`davdisk_upstream_requests_total 0`,
		`process_resident_memory_bytes`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") {
		t.Error("a name is told")
	}
}

func TestMadeUpMethodsDoNotFillTheMemory(t *testing.T) {
	admin := New(nil)
	for i := range 1000 {
		admin.Observe(server.Observation{Method: fmt.Sprintf("M%d\"}\n", i), Status: 405, Duration: time.Second})
	}
	_, text := adminPage(admin, "/metrics")
	if !strings.Contains(text, `davdisk_requests_total{method="other",status="405"} 1000`) || strings.Contains(text, "M1") {
		t.Errorf("made-up methods are counted one by one")
	}
}

func TestGauge(t *testing.T) {
	admin, value := New(nil), 1.0
	admin.Gauge("davdisk_queued_files", "Files that wait.", func() float64 { return value })
	for ; value < 3; value++ {
		if _, text := adminPage(admin, "/metrics"); !strings.Contains(text, fmt.Sprintf("\ndavdisk_queued_files %v\n", value)) {
			t.Errorf("there is no figure %v in\n%.300s", value, text)
		}
	}
}
