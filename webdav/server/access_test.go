package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
)

func TestHostMustBeOurs(t *testing.T) {
	public, err := url.Parse("https://Disk.example.org/dav")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bound, host string
		public      *url.URL
		want        int
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", nil, 200},
		{"127.0.0.1:8080", "localhost:8080", nil, 200},
		{"127.0.0.1:8080", "LOCALHOST.:9090", nil, 200},
		{"127.0.0.1:8080", "app.localhost", nil, 200},
		{"127.0.0.1:8080", "127.0.0.53", nil, 200},
		{"127.0.0.1:8080", "[::1]:8080", nil, 200},
		{"127.0.0.1:8080", "", nil, 200},
		{"127.0.0.1:8080", "evil.example:8080", nil, 421},
		{"127.0.0.1:8080", "localhost.evil.example:8080", nil, 421},
		{"127.0.0.1:8080", "127.0.0.1.evil.example", nil, 421},
		{"127.0.0.1:8080", "evillocalhost", nil, 421},
		{"127.0.0.1:8080", "192.0.2.1", nil, 421},
		{"127.0.0.1:8080", "disk.example.org", nil, 421},
		{"127.0.0.1:8080", "disk.example.org:443", public, 200},
		{"127.0.0.1:8080", "other.example.org", public, 421},
		{"192.0.2.7:8080", "192.0.2.7:8080", nil, 200},
		{"192.0.2.7:8080", "192.0.2.8:8080", nil, 421},
		{"nas:8080", "NAS:8080", nil, 200},
		{"0.0.0.0:8080", "192.0.2.8:8080", nil, 200},
		{"[::]:8080", "[2001:db8::1]:8080", nil, 200},
		{":8080", "192.0.2.8:8080", nil, 200},
		{":8080", "evil.example", nil, 421},
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.Host = c.host
		req.Header.Set("X-Forwarded-Host", "localhost") // a page may set it
		if got := pass(checkAccess([]string{c.bound}, c.public, nil), req); got != c.want {
			t.Errorf("bound to %s, Host %q: %d, want %d", c.bound, c.host, got, c.want)
		}
	}
}

func TestChangesFromForeignPagesAreRefused(t *testing.T) {
	public, err := url.Parse("https://disk.example.org/dav")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, origin, site string
		want                 int
	}{
		{"PUT", "", "", 200}, // no browser
		{"PUT", "http://127.0.0.1:8080", "", 200},
		{"PUT", "http://127.0.0.1:8080", "same-origin", 200},
		{"PUT", "https://disk.example.org", "cross-site", 200}, // through the proxy
		{"PUT", "http://evil.example", "", 403},
		{"PUT", "http://127.0.0.1:9999", "", 403},
		{"PUT", "http://127.0.0.1:9999", "same-site", 403},
		{"PUT", "null", "", 403},
		{"PUT", "null", "cross-site", 403},
		{"PUT", "", "cross-site", 403},
		{"PUT", "", "none", 200}, // a bookmark, an extension
		{"POST", "http://evil.example", "cross-site", 403},
		{"DELETE", "http://evil.example", "", 403},
		{"MOVE", "http://evil.example", "", 403},
		{"MKCOL", "http://evil.example", "", 403},
		{"PROPPATCH", "http://evil.example", "", 403},
		{"LOCK", "http://evil.example", "", 403},
		{"PROPFIND", "http://evil.example", "", 403},
		{"GET", "", "cross-site", 200}, // a link from elsewhere
	} {
		req := httptest.NewRequest(c.method, "http://127.0.0.1:8080/x", nil)
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		if c.site != "" {
			req.Header.Set("Sec-Fetch-Site", c.site)
		}
		if got := pass(checkAccess([]string{"127.0.0.1:8080"}, public, nil), req); got != c.want {
			t.Errorf("%s, Origin %q, Sec-Fetch-Site %q: %d, want %d", c.method, c.origin, c.site, got, c.want)
		}
	}
}

func TestForeignPagesCannotShowFiles(t *testing.T) {
	w := httptest.NewRecorder()
	req := httptest.NewRequest("GET", "http://127.0.0.1:8080/picture.jpg", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	checkAccess([]string{"127.0.0.1:8080"}, nil, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, req)
	if got := w.Header().Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
		t.Errorf("Cross-Origin-Resource-Policy is %q", got)
	}
}

// pass sends a request through a layer to a handler that answers 200.
func pass(layer func(http.Handler) http.Handler, req *http.Request) int {
	w := httptest.NewRecorder()
	layer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, req)
	return w.Code
}

func TestClientBehindProxies(t *testing.T) {
	trusted := trustedProxies{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:5", nil, "192.0.2.1"},
		{"192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"}, // not trusted
		{"127.0.0.1:5", nil, "127.0.0.1"},
		{"[::ffff:127.0.0.1]:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:5", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"}, // the first is hearsay
		{"127.0.0.1:5", []string{"203.0.113.9", "198.51.100.1, 127.0.0.2"}, "198.51.100.1"},
		{"127.0.0.1:5", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"[2001:db8::1]:5", []string{"[2001:dead::1]"}, "2001:dead::1"},
		{"[fe80::1%eth0]:5", nil, "fe80::1"},
		{"127.0.0.1:5", []string{"198.51.100.1, garbage"}, "127.0.0.1"},
		{"127.0.0.1:5", []string{"127.0.0.3"}, "127.0.0.3"},
		{"@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.RemoteAddr = c.peer
		req.Header["X-Forwarded-For"] = c.forwarded
		if got := trusted.client(req).String(); got != c.want {
			t.Errorf("from %s, forwarded for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

// FuzzClient feeds foreign headers to what finds out where a request comes
// from: whoever is not behind a trusted proxy is who the connection says.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{"", "198.51.100.1", "1.2.3.4, 127.0.0.1", "[::1]:80", "fe80::1%eth0", ",,,", "unknown, _hidden"} {
		f.Add(seed, "evil.example:80")
	}
	trusted := trustedProxies{netip.MustParsePrefix("127.0.0.0/8")}
	f.Fuzz(func(t *testing.T, forwarded, host string) {
		req := httptest.NewRequest("GET", "/", nil)
		req.Header.Set("X-Forwarded-For", forwarded)
		req.RemoteAddr = "192.0.2.1:1"
		if got := trusted.client(req).String(); got != "192.0.2.1" {
			t.Errorf("forwarded for %q it is %s", forwarded, got)
		}
		req.RemoteAddr = "127.0.0.1:1"
		if got := trusted.client(req); !got.IsValid() || got.Zone() != "" {
			t.Errorf("forwarded for %q it is %v", forwarded, got)
		}
		req.Host = host
		addr, err := netip.ParseAddr(hostname(host))
		local := err == nil && addr.IsLoopback() || isLocalhost(hostname(host)) || hostname(host) == ""
		if got := pass(checkAccess([]string{"127.0.0.1:80"}, nil, nil), req); (got == http.StatusOK) != local {
			t.Errorf("Host %q: %d", host, got)
		}
	})
}
