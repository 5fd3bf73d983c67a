package webdav

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/webdav/internal/davheader"
)

// hostilePaths seeds the fuzzers of paths.
var hostilePaths = []string{
	"/", "", "//", "/a/b", "/a//b/", "/../x", "/a/..", "/a/./b", "/.", "/...", "/a/%2e%2e/b", "/%2F..%2f", "/a\x00b", "/\xff", "a",
	"/" + hostile, "/caf\u00e9", "/cafe\u0301", "/a\\..\\b", "/.davdisk-1", "/dav", "/dav/", "/davx", "/dav/../x", "*", "http://h/a", "/a;b=c?d#e",
}

func FuzzPath(f *testing.F) {
	for _, p := range hostilePaths {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, decoded string) {
		name, isDir, err := cleanPath(decoded)
		if err != nil {
			if code, _ := statusOf(err); code != http.StatusBadRequest && code != http.StatusForbidden {
				t.Errorf("%q: %d", decoded, code)
			}
			return
		}
		if name != path.Clean(name) || !strings.HasPrefix(name, "/") || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			t.Errorf("%q gives the name %q", decoded, name)
		}
		for segment := range strings.SplitSeq(name, "/") {
			if segment == ".." || segment == "." || ownname.Is(segment) {
				t.Errorf("%q gives the name %q", decoded, name)
			}
		}
		if isDir != strings.HasSuffix(decoded, "/") {
			t.Errorf("%q: is a folder: %v", decoded, isDir)
		}
		// What the handler writes for a name leads back to it.
		h := &Handler{opts: &options{prefix: "/d v"}}
		r := &request{handler: h, root: "/"}
		back, err := url.Parse(r.href(name, isDir))
		if err != nil {
			t.Fatalf("%q: href %q: %v", name, r.href(name, isDir), err)
		}
		rest, err := stripPrefix(back.Path, "/d v")
		if again, _, cleanErr := cleanPath(rest); err != nil || cleanErr != nil || again != name {
			t.Errorf("%q became %q on the way: %v %v", name, again, err, cleanErr)
		}
	})
}

func FuzzDestination(f *testing.F) {
	for _, p := range hostilePaths {
		f.Add(p, "h:80")
		f.Add("http://h"+p, "h")
		f.Add("https://h:443/dav"+p, "H")
		f.Add("//h"+p, "h")
		f.Add("//h//dav"+p, "h")
	}
	f.Add("http://u:p@h/dav/x", "h")
	f.Add("http:/dav/x", "h")
	f.Add("http://[::1]:80/dav/x", "[::1]")
	f.Add("javascript:alert(1)", "h")
	f.Add("http://h/dav/%zz", "h")
	f.Add("http://h\\@e/dav/x", "h")
	handler := &Handler{opts: &options{prefix: "/dav", public: &url.URL{Scheme: "https", Host: "public.example", Path: "/dav"}}}
	f.Fuzz(func(t *testing.T, header, host string) {
		req := httptest.NewRequest("MOVE", "/dav/source", nil)
		req.Host = host
		decoded, err := handler.pathOf(req, header)
		if err != nil {
			if code, _ := statusOf(err); code != http.StatusBadRequest && code != http.StatusBadGateway {
				t.Errorf("%q: %d", header, code)
			}
			return
		}
		u, err := url.Parse(header)
		if err != nil {
			t.Fatal(err)
		}
		if u.Host != "" && !sameHost(u.Host, host) && !sameHost(u.Host, "public.example") {
			t.Errorf("%q was taken for this server %q", header, host)
		}
		// Several slashes at the beginning are one.
		named := "/" + strings.TrimLeft(u.Path, "/")
		if named != "/dav"+strings.TrimSuffix(decoded, "/") && named != "/dav"+decoded {
			t.Errorf("%q gives %q", header, decoded)
		}
	})
}

func FuzzDepth(f *testing.F) {
	for _, depth := range []string{"0", "1", "infinity", "Infinity", "", " 1", "1,noroot", "-1", "00", "\x00", "∞"} {
		f.Add(depth)
	}
	f.Fuzz(func(t *testing.T, value string) {
		depth, err := davheader.ReadDepth(http.Header{"Depth": {value}}, davheader.DepthInfinity)
		if err == nil && !strings.EqualFold(strings.TrimSpace(value), depth.String()) && strings.TrimSpace(value) != "" {
			t.Errorf("%q is %s", value, depth)
		}
	})
}

func FuzzOverwrite(f *testing.F) {
	for _, overwrite := range []string{"T", "F", "t", "f", "", "TF", "true", "0"} {
		f.Add(overwrite)
	}
	f.Fuzz(func(t *testing.T, value string) {
		overwrite, err := davheader.ReadOverwrite(http.Header{"Overwrite": {value}})
		plain := strings.ToUpper(strings.TrimSpace(value))
		if err == nil && overwrite != (plain == "T" || plain == "") || err == nil && plain != "T" && plain != "F" && plain != "" {
			t.Errorf("%q is %v", value, overwrite)
		}
	})
}

func FuzzTimeout(f *testing.F) {
	for _, timeout := range []string{"Infinite", "Second-1", "Infinite, Second-4100000000", "Second--1", "Second-99999999999999999999", "x", ""} {
		f.Add(timeout)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if d := davheader.ReadTimeout(http.Header{"Timeout": {value}}); d < 0 || d != davheader.Forever && d%time.Second != 0 {
			t.Errorf("%q is %s", value, d)
		}
	})
}

func FuzzRange(f *testing.F) {
	for _, header := range []string{
		"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=5-2", "bytes=10-", "bytes=-0", "bytes=0-1,3-4", "lines=1-2", "bytes", "bytes=", "bytes=-",
		"bytes= 1-2", "bytes=9223372036854775807-", "bytes=-99999999999999999999", "bytes=1-99999999999999999999", "bytes=+1-2", "bytes=0x1-", "bytes=0-1,1-2", "bytes=9-,0-0,,-1",
	} {
		f.Add(header, int64(10))
		f.Add(header, int64(0))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		parts, ok := parseRanges(header, size)
		if !ok {
			return
		}
		sum := int64(0)
		for _, part := range parts {
			sum += part.length
			if part.start < 0 || part.length < 1 || part.start+part.length > size {
				t.Errorf("%q of %d bytes is %+v", header, size, part)
			}
		}
		if len(parts) > maxRanges || sum > size {
			t.Errorf("%q of %d bytes is %d parts of %d bytes", header, size, len(parts), sum)
		}
	})
}

func FuzzEntityTags(f *testing.F) {
	for _, list := range []string{`"a"`, `W/"a", "b"`, `"a,b"`, `"`, `""`, `a`, `"a" "b"`, `,,"a",,`, `W/`, `"a";x`, "JoplinIgnore-12345"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		for _, tag := range entityTags(list) {
			opaque := strings.TrimPrefix(tag, "W/")
			if !strings.Contains(list, tag) || len(opaque) < 2 || opaque[0] != '"' || strings.Count(opaque, `"`) != 2 || opaque[len(opaque)-1] != '"' {
				t.Errorf("%q has the tag %q", list, tag)
			}
		}
	})
}

// FuzzRequest sends any method to any path with any header to a whole handler:
// it must answer, and a file beside must stay as it is.
func FuzzRequest(f *testing.F) {
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "OPTIONS"} {
		f.Add(method, "/f", "Destination", "/g", lockBody)
		f.Add(method, "/d/f", "If", "(<DAV:no-lock>)", windowsTimes)
		f.Add(method, "/\xff", "Depth", "1", "")
	}
	f.Fuzz(func(t *testing.T, method, decoded, header, value, body string) {
		fs := newCapableFs()
		handler, err := NewHandler(fs)
		if err != nil {
			t.Fatal(err)
		}
		defer handler.Close()
		if _, err := fs.Put("/precious", strings.NewReader("precious"), -1, time.Time{}, "", false); err != nil {
			t.Fatal(err)
		}
		req := httptest.NewRequest("GET", "http://localhost/", strings.NewReader(body))
		req.Method, req.URL.Path = method, decoded
		req.Header.Set(header, value)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, req)
		if w.Code < 200 || w.Code > 599 || w.Code == 500 {
			t.Errorf("%s %q with %s: %q: %d", method, decoded, header, value, w.Code)
		}
		touches := strings.Contains(decoded, "precious") || strings.Contains(value, "precious") || strings.Contains(value, "%")
		if n := fs.nodes["/precious"]; !touches && (n == nil || string(n.content) != "precious") {
			t.Errorf("%s %q with %s: %q touched another file", method, decoded, header, value)
		}
	})
}
