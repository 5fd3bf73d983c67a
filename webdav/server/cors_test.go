package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAllowedOrigins has web pages of an origin that is allowed, of others, and
// programs that are no pages, with and without users.
func TestAllowedOrigins(t *testing.T) {
	const app = "https://app.example.org:8443"
	next := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { w.WriteHeader(http.StatusCreated) })
	users := WithUsers(User{Name: "anna", Verify: PlainPassword("x")})
	for name, opts := range map[string][]Option{"open": nil, "users": {users}} {
		h, err := New(next, append(opts, WithAllowedOrigins("https://App.example.org:8443", "app://obsidian.md"))...)
		if err != nil {
			t.Fatal(err)
		}
		off, err := New(next, opts...)
		if err != nil {
			t.Fatal(err)
		}
		ask := func(h http.Handler, method, origin string, login bool, headers ...string) *http.Response {
			req := httptest.NewRequest(method, "http://127.0.0.1/f", nil)
			if origin != "" {
				req.Header.Set("Origin", origin)
				req.Header.Set("Sec-Fetch-Site", "cross-site")
			}
			if login {
				req.SetBasicAuth("anna", "x")
			}
			for _, header := range headers {
				key, value, _ := strings.Cut(header, ": ")
				req.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			return w.Result()
		}
		preflight := []string{"Access-Control-Request-Method: PROPFIND", "Access-Control-Request-Headers: authorization,depth"}
		allows := func(res *http.Response) string { return res.Header.Get("Access-Control-Allow-Origin") }

		for _, origin := range []string{app, "app://obsidian.md"} {
			res := ask(h, "OPTIONS", origin, false, preflight...)
			if res.StatusCode != http.StatusNoContent || allows(res) != origin || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "PROPFIND") ||
				res.Header.Get("Access-Control-Allow-Headers") != "authorization,depth" {
				t.Errorf("%s: preflight: %s %v", name, res.Status, res.Header)
			}
			res = ask(h, "PUT", origin, true)
			if res.StatusCode != http.StatusCreated || allows(res) != origin || !strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), "ETag") {
				t.Errorf("%s: PUT: %s %v", name, res.Status, res.Header)
			}
			for key := range res.Header {
				if key == "Access-Control-Allow-Credentials" {
					t.Error("the browser lends its own password")
				}
			}
			if res := ask(h, "PUT", origin, false); name == "users" && (res.StatusCode != http.StatusUnauthorized || allows(res) != origin) {
				t.Errorf("without a password: %s %v, want a 401 that the page sees", res.Status, res.Header)
			}
		}
		for _, origin := range []string{"https://evil.example", "https://app.example.org", "http://app.example.org:8443", "https://app.example.org:8443.evil.example", "null", ""} {
			for _, method := range []string{"GET", "PUT", "OPTIONS"} {
				res := ask(h, method, origin, true, preflight...)
				if allows(res) != "" || res.Header.Get("Vary") != "Origin" || res.StatusCode == http.StatusNoContent {
					t.Errorf("%s: %s from %q: %s %v", name, method, origin, res.Status, res.Header)
				}
				if open := name == "open" && method == "PUT" && origin != ""; (res.StatusCode == http.StatusForbidden) != open {
					t.Errorf("%s: %s from %q: %s", name, method, origin, res.Status)
				}
			}
		}
		if res := ask(off, "OPTIONS", app, false, preflight...); allows(res) != "" || res.Header.Get("Vary") != "" {
			t.Errorf("%s: allowed though nothing is: %v", name, res.Header)
		}
	}
	for _, bad := range []string{"", "*", "app.example.org", "https://", "https://a/", "https://a/b", "https://a?b", "https://u@a", "https://*.a", "null"} {
		if _, err := New(next, WithAllowedOrigins(bad)); err == nil {
			t.Errorf("%q is taken for an origin", bad)
		}
	}
}
