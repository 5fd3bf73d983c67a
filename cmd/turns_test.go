package cmd

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/webdav"
)

func TestClientOfARequest(t *testing.T) {
	for _, test := range []struct{ user, address, want string }{
		{"ann", "192.0.2.1:1234", "user ann"},
		{"", "192.0.2.1:1234", "address 192.0.2.1"},
		{"", "[2001:db8::1]:1234", "address 2001:db8::1"},
		{"", "@", "address @"}, // a Unix socket
	} {
		var got string
		h := takeTurns(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			got = backend.ClientFromContext(req.Context())
		}))
		req := httptest.NewRequest("GET", "/", nil)
		req.RemoteAddr = test.address
		if test.user != "" {
			req = req.WithContext(webdav.ContextWithPrincipal(req.Context(), webdav.Principal{Name: test.user}))
		}
		h.ServeHTTP(httptest.NewRecorder(), req)
		if got != test.want {
			t.Errorf("user %q at %s is the client %q, want %q", test.user, test.address, got, test.want)
		}
	}
}
