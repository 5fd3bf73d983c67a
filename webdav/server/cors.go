package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What a page of an allowed origin may ask for and see beyond what browsers allow
// by themselves. maxAge is for how many seconds a browser need not ask again.
const (
	corsMethods = "GET, HEAD, OPTIONS, PROPFIND, PUT, DELETE, MKCOL, COPY, MOVE, PROPPATCH, LOCK, UNLOCK"
	corsExposed = "Accept-Ranges, Allow, Content-Length, Content-Location, Content-Range, DAV, ETag, Lock-Token, Retry-After, WWW-Authenticate, X-OC-MTime"
	corsMaxAge  = "600"
)

// parseOrigin reads an origin as browsers write it: scheme, host, and the port if
// it is not that of the scheme.
func parseOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" || !strings.EqualFold(u.Scheme+"://"+u.Host, text) || strings.Contains(u.Host, "*") {
		return "", fmt.Errorf("origin %q: want one as browsers send it, https://app.example.org, without a path", text)
	}
	return strings.ToLower(text), nil
}

// allowOrigins lets the pages of some origins read answers and send what is not a
// form (the CORS protocol of the Fetch standard), each by its own name. Their
// scripts send a password of their own: one that the browser knows is not lent to
// them. Without origins nothing is allowed.
func allowOrigins(origins []string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		if len(origins) == 0 {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			h := w.Header()
			h.Add("Vary", "Origin")
			origin := req.Header.Get("Origin")
			if !slices.Contains(origins, origin) {
				next.ServeHTTP(w, req)
				return
			}
			h.Set("Access-Control-Allow-Origin", origin)
			if req.Method != http.MethodOptions || req.Header.Get("Access-Control-Request-Method") == "" {
				h.Set("Access-Control-Expose-Headers", corsExposed)
				next.ServeHTTP(w, req)
				return
			}
			// A preflight has no password, and is about what comes next.
			h.Set("Access-Control-Allow-Methods", corsMethods)
			if names := req.Header.Values("Access-Control-Request-Headers"); len(names) > 0 {
				h.Set("Access-Control-Allow-Headers", strings.Join(names, ", "))
			}
			if req.Header.Get("Access-Control-Request-Private-Network") == "true" {
				h.Set("Access-Control-Allow-Private-Network", "true")
			}
			h.Set("Access-Control-Max-Age", corsMaxAge)
			w.WriteHeader(http.StatusNoContent)
		})
	}
}
