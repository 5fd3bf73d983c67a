package cmd

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAskHealth(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/healthz" {
			_, _ = w.Write([]byte("ok\n"))
			return
		}
		http.Error(w, "the login is dead", http.StatusServiceUnavailable)
	}))
	addr := server.Listener.Addr().String()
	_, port, _ := strings.Cut(addr, ":")
	for _, a := range []string{addr, ":" + port, "0.0.0.0:" + port} {
		if answer, err := askHealth(t.Context(), a, "/healthz"); answer != "ok" || err != nil {
			t.Errorf("%s: %q, %v", a, answer, err)
		}
	}
	if answer, err := askHealth(t.Context(), addr, "/readyz"); err == nil || !strings.Contains(err.Error(), "the login is dead") {
		t.Errorf("not ready: %q, %v", answer, err)
	}
	if _, err := askHealth(t.Context(), "localhost", "/healthz"); err == nil || !strings.Contains(err.Error(), "HOST:PORT") {
		t.Errorf("an address without a port: %v", err)
	}
	server.Close()
	if answer, err := askHealth(t.Context(), addr, "/healthz"); err == nil {
		t.Errorf("without a server: %q", answer)
	}
}
