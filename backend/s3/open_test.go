package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// TestOpen: what is wrong is said in one line, of the right kind and without
// secrets.
func TestOpen(t *testing.T) {
	for name, test := range map[string]struct {
		fault faultFunc
		err   error
		says  string
	}{
		"no such bucket":     {refuse(404, "NoSuchBucket"), fs.ErrNotExist, `no bucket "bucket"`},
		"a page, 404":        {page(404), backend.ErrUnavailable, "404"},
		"a page":             {page(200), backend.ErrUnavailable, "endpoint"},
		"somebody else's":    {refuse(403, "AccessDenied"), fs.ErrPermission, "belongs to somebody else"},
		"wrong access key":   {refuse(403, "InvalidAccessKeyId"), backend.ErrUnauthorized, "access key"},
		"wrong secret key":   {refuse(403, "SignatureDoesNotMatch"), backend.ErrUnauthorized, "secret key is wrong"},
		"wrong region":       {refuse(400, "AuthorizationHeaderMalformed", "X-Amz-Bucket-Region", "mars-1"), backend.ErrUnavailable, "mars-1"},
		"moved":              {refuse(301, "PermanentRedirect", "X-Amz-Bucket-Region", "mars-1"), backend.ErrUnavailable, "mars-1"},
		"wrong clock":        {refuse(403, "RequestTimeTooSkewed", "Date", time.Now().Add(-3*time.Hour).UTC().Format(http.TimeFormat)), backend.ErrUnauthorized, "ahead"},
		"a token that ended": {refuse(400, "ExpiredToken"), backend.ErrUnauthorized, "ExpiredToken"},
		"away":               {reset, backend.ErrUnavailable, ""},
		"in trouble":         {refuse(503, "SlowDown"), backend.ErrRateLimited, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, nil)
			f.fault = first(1<<20, "GET", test.fault)
			_, err := New(t.Context(), f.config(Config{SessionToken: "to-ken"}))
			if !errors.Is(err, test.err) {
				t.Fatalf("%v, want %v", err, test.err)
			}
			text := err.Error()
			if !strings.Contains(text, test.says) || strings.Contains(text, "se-cret") || strings.Contains(text, "to-ken") || strings.Contains(text, "\n") {
				t.Errorf("it says %q", text)
			}
		})
	}
}

// TestOpenFolder: the root must be there.
func TestOpenFolder(t *testing.T) {
	f := newServer(t, map[string]string{"a/b/c": "1"})
	for root, there := range map[string]bool{"": true, "/": true, "a": true, "/a/b/": true, "a/b/c": false, "x": false, "a/b/../../..": true} {
		b, err := New(t.Context(), f.config(Config{Root: root}))
		if (err == nil) != there || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", root, err)
		}
		if err == nil {
			if err := b.(*store).Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestReadOnly: a key that may not write opens a store that says so, and is tried
// again by the next process.
func TestReadOnly(t *testing.T) {
	f := newServer(t, map[string]string{"f": "old"})
	f.fault = first(1<<20, "PUT", refuse(403, "AccessDenied"))
	cfg := f.config(Config{StateDir: t.TempDir()})
	for _, can := range []bool{false, true} {
		b, err := New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		s := b.(*store)
		caps := backend.CapabilitiesOf(b)
		if (caps.NoAtomicOverwrite == "") != can || (caps.NoConditionalPut == "the server ignores conditions of files that are sent in parts") != can {
			t.Errorf("it declares %+v", caps)
		}
		if got, err := read(s, "f"); got != "old" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if err := put(s, "f", "new", backend.PutOptions{}); (err == nil) != can || err != nil && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("put: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		f.fault = nil
	}
	f.holds(t, map[string]string{"f": "new"})
}

// TestTrial: what a server does is found out, and nothing is left of it.
func TestTrial(t *testing.T) {
	ignores := func(header ...string) func(*server) faultFunc {
		return same(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			for _, h := range header {
				r.Header.Del(h)
			}
			next(w, r)
		})
	}
	for name, test := range map[string]struct {
		fault func(*server) faultFunc
		want  features
	}{
		"as it is":         {ignores(), features{WholePut: true, IfAbsent: true, IfMatch: true, MD5Tags: true, AtomicConditions: true}},
		"no conditions":    {ignores("If-Match", "If-None-Match"), features{WholePut: true, MD5Tags: true}},
		"no If-Match":      {ignores("If-Match"), features{WholePut: true, IfAbsent: true, MD5Tags: true}},
		"no If-None-Match": {ignores("If-None-Match"), features{WholePut: true, IfMatch: true, AtomicConditions: true, MD5Tags: true}},
		"does not know conditions": {same(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			if r.Method != http.MethodGet && r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != "" {
				refuse(501, "NotImplemented")(w, r, next)
				return
			}
			next(w, r)
		}), features{WholePut: true, MD5Tags: true}},
		"encrypted by KMS": {same(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			w.Header().Set("X-Amz-Server-Side-Encryption", "aws:kms")
			next(w, r)
		}), features{WholePut: true, IfAbsent: true, IfMatch: true, AtomicConditions: true}},
		"stores what breaks off": {func(f *server) faultFunc {
			return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
				if r.Method == http.MethodPut && r.ContentLength == trialSize {
					f.do(http.MethodPut, strings.TrimPrefix(r.URL.Path, "/bucket/"), "a part")
				}
				next(w, r)
			}
		}, features{IfAbsent: true, IfMatch: true, MD5Tags: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, nil)
			fault := test.fault(f)
			f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				fault(w, r, next)
				return true
			}
			s := f.open(t, Config{}, features{})
			got, err := s.tryOut(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got.Tried = time.Time{}
			if got != test.want {
				t.Errorf("found out:\n%+v, want\n%+v", got, test.want)
			}
			f.holds(t, map[string]string{})
			if n := f.uploads(); n > 0 {
				t.Errorf("%d uploads in parts are left", n)
			}
		})
	}
}

// TestTags: an entity tag is told as an MD5 only where it is one.
func TestTags(t *testing.T) {
	f := newServer(t, map[string]string{"f": "old"})
	for name, test := range map[string]struct {
		header, value, tag string
		can                features
		md5                bool
	}{
		"plain":               {"", "", tagOf("old"), all, true},
		"S3's own key":        {"X-Amz-Server-Side-Encryption", "AES256", tagOf("old"), all, true},
		"KMS":                 {"X-Amz-Server-Side-Encryption", "aws:kms", tagOf("old"), all, false},
		"KMS twice":           {"X-Amz-Server-Side-Encryption", "aws:kms:dsse", tagOf("old"), all, false},
		"a key of the client": {"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256", tagOf("old"), all, false},
		"in parts":            {"", "", tagOf("old") + "-2", all, false},
		"not a hash":          {"", "", "123", all, false},
		"too long":            {"", "", strings.Repeat("ab", 40), all, false},
		"none":                {"", "", "", all, false},
		"not on this server":  {"", "", tagOf("old"), features{}, false},
	} {
		f.fault = first(1, "HEAD", func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Length", "3")
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
			if test.tag != "" {
				w.Header().Set("ETag", `"`+test.tag+`"`)
			}
			if test.header != "" {
				w.Header().Set(test.header, test.value)
			}
		})
		info, err := f.open(t, Config{}, test.can).Stat(t.Context(), "f")
		if err != nil || (info.MD5 == tagOf("old")) != test.md5 || !test.md5 && info.MD5 != "" {
			t.Errorf("%s: MD5 %q, %v", name, info.MD5, err)
		}
		if info.Version == "" || len(info.Version) > maxVersion {
			t.Errorf("%s: version %q", name, info.Version)
		}
	}
}

// TestPages: a listing of several pages has each name once.
func TestPages(t *testing.T) {
	objects := map[string]string{}
	for i := range 2100 {
		objects[fmt.Sprintf("d/%04d", i)] = ""
	}
	objects["d/0500/f"] = "1" // a folder with the name of a file
	objects["d/1500x/f"] = "1"
	f := newServer(t, objects)
	s := f.open(t, Config{}, all)
	_, children, err := s.List(context.Background(), "d")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for info := range children {
		if seen[info.Name] {
			t.Errorf("%s is listed twice", info.Name)
		}
		seen[info.Name] = true
	}
	if len(seen) != 2101 || f.count("GET ") != 3 {
		t.Errorf("%d names in %d pages", len(seen), f.count("GET "))
	}
}

// TestPartSize: the parts of a file are never too many.
func TestPartSize(t *testing.T) {
	for _, test := range []struct{ configured, size, want int64 }{
		{8 << 20, -1, 8 << 20}, {8 << 20, 0, 8 << 20}, {8 << 20, 80_000 << 20, 8 << 20}, {8 << 20, 80_000<<20 + 1, 9 << 20},
		{5 << 20, 5 << 40, 525 << 20}, {4, 40_000, 4},
	} {
		got := partSize(test.configured, test.size)
		if got != test.want || test.size > 0 && (test.size+got-1)/got > maxParts {
			t.Errorf("%d bytes, at least %d: %d, want %d", test.size, test.configured, got, test.want)
		}
	}
}
