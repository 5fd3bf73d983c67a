package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
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
		"stores what breaks off": {ignores(), features{IfAbsent: true, IfMatch: true, MD5Tags: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, nil)
			fault := test.fault(f)
			held := make(chan time.Time)
			var once sync.Once
			f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				if r.Method == http.MethodPut && r.ContentLength == trialSize {
					if name == "stores what breaks off" {
						f.do(http.MethodPut, strings.TrimPrefix(r.URL.Path, "/bucket/"), "a part")
					}
					once.Do(func() { close(held) })
				}
				fault(w, r, next)
				return true
			}
			s := f.open(t, Config{}, features{})
			s.client.cfg.After = func(time.Duration) <-chan time.Time { return held }
			got, err := s.tryOut(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got.Tried, got.XMLNames = time.Time{}, false
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

// TestEndlessListing: a listing that does not come to an end is an error, and
// pages without keys are none.
func TestEndlessListing(t *testing.T) {
	listing := func(token string, keys ...string) string {
		text := "<ListBucketResult><IsTruncated>" + fmt.Sprint(token != "") + "</IsTruncated><NextContinuationToken>" + token + "</NextContinuationToken>"
		for _, key := range keys {
			text += "<Contents><Key>" + key + "</Key><LastModified>2006-01-02T15:04:05Z</LastModified><Size>1</Size></Contents>"
		}
		return text + "</ListBucketResult>"
	}
	for name, test := range map[string]struct {
		page  func(n int) string
		pages int // that may be asked for
		keys  int // negative: it is an error
	}{
		"one":            {func(int) string { return listing("", "a") }, 1, 1},
		"the same token": {func(int) string { return listing("x", "a") }, 2, -1},
		"two in turns":   {func(n int) string { return listing(fmt.Sprint("x", n%2), "a") }, 3, -1},
		"empty pages": {func(n int) string {
			if n == 101 {
				return listing("", "a")
			}
			return listing(fmt.Sprint("x", n))
		}, 101, 1},
		"a key on each page": {func(n int) string {
			if n == maxEmptyPages+2 {
				return listing("", fmt.Sprint("a", n))
			}
			return listing(fmt.Sprint("x", n), fmt.Sprint("a", n))
		}, maxEmptyPages + 2, maxEmptyPages + 2},
		"pages without end": {func(n int) string { return listing(fmt.Sprint("x", n)) }, maxEmptyPages + 1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, nil)
			cfg := f.config(Config{})
			cfg.Region = "" // so that it is asked for
			s := f.opened(t, cfg, all)
			defer s.Close()
			n := 0
			f.mu.Lock()
			f.fault = func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
				if r.URL.Query().Has("location") {
					return false
				}
				n++ // one request at a time
				w.Header().Set("Content-Type", "application/xml")
				fmt.Fprint(w, test.page(n))
				return true
			}
			f.mu.Unlock()
			_, children, err := s.List(t.Context(), ".")
			keys := 0
			if err == nil {
				for range children {
					keys++
				}
			}
			if test.keys < 0 && !errors.Is(err, backend.ErrUnavailable) || test.keys >= 0 && (err != nil || keys != test.keys) {
				t.Errorf("%d keys, %v", keys, err)
			}
			if got := f.count("GET ") - f.count("GET ?location"); got != test.pages {
				t.Errorf("%d pages were asked for, want %d", got, test.pages)
			}
		})
	}
}

// TestTrialInTrouble: what a server does not do because it is in trouble is not
// believed for long.
func TestTrialInTrouble(t *testing.T) {
	conditional := func(r *http.Request, _ int) bool {
		return r.Method != http.MethodGet && r.Method != http.MethodHead && (r.Header.Get("If-Match") != "" || r.Header.Get("If-None-Match") != "")
	}
	whole := features{WholePut: true, IfAbsent: true, IfMatch: true, MD5Tags: true, AtomicConditions: true, Unsure: true}
	for name, test := range map[string]struct {
		times int
		fault func(*server) faultFunc
		hit   func(r *http.Request, heads int) bool // heads were sent
		want  features
	}{
		"once":           {1, same(refuse(500, "InternalError")), conditional, whole},
		"once, slow":     {1, same(refuse(503, "SlowDown")), conditional, whole},
		"a proxy's page": {1, same(page(502)), conditional, whole},
		"always":         {1 << 20, same(refuse(500, "InternalError")), conditional, features{WholePut: true, MD5Tags: true, Unsure: true}},
		"while an upload is held": {maxTries, same(page(502)),
			func(r *http.Request, heads int) bool { return r.Method == http.MethodHead && heads > 1 },
			features{IfAbsent: true, IfMatch: true, MD5Tags: true, Unsure: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, nil)
			cfg := f.config(Config{StateDir: t.TempDir()})
			fails := first(test.times, "", test.fault(f))
			f.mu.Lock()
			f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
				if !test.hit(r, f.count("HEAD ")) {
					return false
				}
				as := r.Clone(r.Context())
				as.Method = ""
				return fails(w, as, next)
			}
			f.mu.Unlock()
			b, err := New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			got := b.(*store).can
			got.Tried, got.XMLNames = time.Time{}, false
			if got != test.want {
				t.Errorf("found out:\n%+v, want\n%+v", got, test.want)
			}
			if err := b.(*store).Close(); err != nil {
				t.Error(err)
			}
			if kept, ok := keptFeatures(cfg); ok {
				t.Errorf("kept is %+v", kept)
			}
			f.holds(t, map[string]string{})
		})
	}
}

// TestTrialCanceled: a trial ends with its context, also while an upload waits for
// another.
func TestTrialCanceled(t *testing.T) {
	f := newServer(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.fault = func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) bool {
		if r.Method == http.MethodPut && r.Header.Get("If-Match") != "" && r.ContentLength > int64(len("conditions")) {
			cancel()
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return true
		}
		return false
	}
	if _, err := New(ctx, f.config(Config{})); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	f.holds(t, map[string]string{})
}

// TestTrialNames: what XML cannot hold is declared where the server lists it as
// something else, or refuses it.
func TestTrialNames(t *testing.T) {
	listed := func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		key := url.QueryEscape(r.URL.Query().Get("prefix") + notXML)
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprintf(w, "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated><Contents><Key>%s</Key><LastModified>2006-01-02T15:04:05Z</LastModified></Contents></ListBucketResult>", key)
	}
	answers := func(listing string) faultFunc {
		return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
			w.Header().Set("Content-Type", "application/xml")
			fmt.Fprintf(w, "<ListBucketResult><IsTruncated>false</IsTruncated>%s</ListBucketResult>", listing)
		}
	}
	for name, test := range map[string]struct {
		match             string
		fault             faultFunc
		forbidden, unsure bool
	}{
		"listed as others":     {"GET none", pass, true, false},
		"listed as they are":   {"GET list-type", listed, false, false},
		"no XML":               {"GET list-type", answers("<Contents><Key>a&#1;</Key></Contents>"), true, false},
		"listed late":          {"GET list-type", answers(""), false, true},
		"listing in trouble":   {"GET list-type", refuse(500, "InternalError"), false, true},
		"refused":              {"PUT %01", refuse(400, "InvalidObjectName"), true, false},
		"in trouble meanwhile": {"PUT %01", refuse(500, "InternalError"), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServer(t, nil)
			s := f.open(t, Config{}, all)
			f.mu.Lock()
			f.fault = first(1<<20, test.match, test.fault)
			f.mu.Unlock()
			tried := &trial{store: s, at: "~davdisk-test.tmp"}
			if err := tried.names(t.Context(), &s.can); err != nil {
				t.Fatal(err)
			}
			f.mu.Lock()
			f.fault = nil
			f.mu.Unlock()
			if s.can.XMLNames != test.forbidden || tried.unsure != test.unsure {
				t.Errorf("found out: %+v", s.can)
			}
			if err := put(s, "a\x01b", "new", backend.PutOptions{}); test.forbidden != errors.Is(err, fs.ErrInvalid) {
				t.Errorf("put: %v", err)
			}
			if err := s.Remove(t.Context(), "a\x01b", backend.RemoveOptions{}); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("remove: %v", err)
			}
			f.holds(t, map[string]string{})
		})
	}
}

// getOnly is a transport that refuses to send changes.
type getOnly struct{}

func (getOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if !safe(r.Method) {
		return nil, &backend.Error{Kind: fs.ErrPermission, Message: "it only reads"}
	}
	return http.DefaultTransport.RoundTrip(r)
}

// TestOpenWithoutChanges: a transport that sends no changes opens a store that
// reads, and nothing is kept of what could not be found out.
func TestOpenWithoutChanges(t *testing.T) {
	f := newServer(t, map[string]string{"d/f": "old"})
	cfg := f.config(Config{StateDir: t.TempDir(), Transport: getOnly{}})
	b, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := b.(*store)
	defer s.Close()
	if got, err := read(s, "d/f"); got != "old" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if err := put(s, "d/f", "new", backend.PutOptions{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("put: %v", err)
	}
	if _, kept := keptFeatures(cfg); kept {
		t.Error("what was not found out is kept")
	}
	if n := f.count("PUT ") + f.count("DELETE ") + f.count("POST "); n > 0 {
		t.Errorf("%d changes were sent", n)
	}
	f.holds(t, map[string]string{"d/f": "old"})
}
