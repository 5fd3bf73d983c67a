package dav

import (
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

// FuzzMultistatus reads any bytes as a listing. What comes of it can be shown:
// names are names, sizes are none or positive, versions fit, tags fit into a
// header.
func FuzzMultistatus(f *testing.F) {
	for _, seed := range []string{
		"", "<html>", `<multistatus xmlns="DAV:"/>`,
		`<D:multistatus xmlns:D="DAV:"><D:response><D:href>/</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`,
		`<D:multistatus xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns"><D:response><D:href>http://h/%D0%B0%2F..%2Fb</D:href><D:propstat><D:prop><D:getcontentlength>-1</D:getcontentlength><D:getetag>W/"a b</D:getetag><oc:checksums><oc:checksum>MD5:00 SHA1:zz</oc:checksum></oc:checksums></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`,
		`<multistatus xmlns="DAV:"><response><href>/a</href><href>/b</href><status>HTTP/1.1 423 Locked</status></response></multistatus>`,
		`<multistatus xmlns="DAV:"><response><href>/a`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = firstFailure(body)
		_ = davMessage(body)
		entries, err := parseMultistatus(body)
		if err != nil {
			return
		}
		for _, e := range entries {
			if e.path != "" && e.path[0] != '/' || strings.HasSuffix(e.path, "/") {
				t.Errorf("path %q", e.path)
			}
			if e.Size < 0 || len(e.Version) > 40 || e.Dir != (e.Version == "") || e.Dir && e.Size > 0 {
				t.Errorf("%+v", e.Info)
			}
			for _, c := range []byte(e.tag) {
				if c < 0x21 || c == 0x7f {
					t.Errorf("tag %q", e.tag)
				}
			}
			if sums := []int{len(e.MD5), len(e.sha1), len(e.SHA256)}; !slices.Contains([]int{0, 32}, sums[0]) || !slices.Contains([]int{0, 40}, sums[1]) || !slices.Contains([]int{0, 64}, sums[2]) {
				t.Errorf("hashes of %v characters", sums)
			}
		}
	})
}

// FuzzAddress writes any name into an address, and reads it back.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"a", "a b;c,d", "100%", "%2F", "ü/🎉", "a?b#c", "-", "~", "日本語", "a\\b", "..."} {
		f.Add(seed)
	}
	s := openAt(f, Config{URL: "http://h.example/dav é/%20x/", Root: "Docs"}, all)
	f.Fuzz(func(t *testing.T, name string) {
		if backend.CheckName("", name) != nil || name == "." {
			return
		}
		u := s.client.address(name, false)
		text := u.String()
		if strings.ContainsAny(text[len("http://h.example"):], " ?#;\\\"<>\n") {
			t.Errorf("%q is written %q", name, text)
		}
		decoded, slash, ok := hrefPath(text)
		if want := s.client.path(name); !ok || slash || decoded != want {
			t.Errorf("%q is read back as %q, want %q", name, decoded, want)
		}
	})
}

// listing is a multistatus body of responses.
func listing(responses ...string) string {
	return `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns">` + strings.Join(responses, "") + `</D:multistatus>`
}

func folder(href string) string {
	return `<D:response><D:href>` + href + `</D:href><D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`
}

func file(href, props string) string {
	return `<D:response><D:href>` + href + `</D:href><D:propstat><D:prop><D:resourcetype/>` + props + `</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`
}

const length = `<D:getcontentlength>3</D:getcontentlength>`

// TestListings lists what servers, and worse, may send.
func TestListings(t *testing.T) {
	many := []string{folder("/d/")}
	for _, name := range []string{"a%2Fb", "..", "%2e%2e", ".", "", "a%00b", "%ff", "a/b", "/x"} {
		many = append(many, file("/d/"+name, length))
	}
	for _, test := range []struct {
		name, body string
		want       []string // with "!" before one that cannot be described
		err        error
	}{
		{"as it should be", listing(folder("/d/"), file("/d/a", length), folder("/d/b/")), []string{"a", "b/"}, nil},
		{"in another order", listing(file("/d/a", length), folder("/d")), []string{"a"}, nil},
		{"with whole addresses", listing(folder("https://other.example:8/d/"), file("https://other.example:8/d/a%20b", length)), []string{"a b"}, nil},
		{"hostile names", listing(many...), nil, nil},
		{"all depths", listing(folder("/d/"), folder("/d/b/"), file("/d/b/c", length)), []string{"b/"}, nil},
		{"twice", listing(folder("/d/"), file("/d/a", length), file("/d/a", length)), []string{"a"}, nil},
		{"of another folder", listing(folder("/d/"), file("/other/a", length)), nil, nil},
		{"without the folder", listing(file("/d/a", length)), nil, backend.ErrUnavailable},
		{"empty", listing(), nil, backend.ErrUnavailable},
		{"cut", listing(folder("/d/"), file("/d/a", length))[:300], nil, backend.ErrUnavailable},
		{"without an href", listing(`<D:response/>`), nil, backend.ErrUnavailable},
		{"behind a proxy that changes addresses", listing(folder("/dav/d/"), file("/dav/d/a", length)), nil, backend.ErrUnavailable},
		{"in other letters", listing(folder("/D/"), file("/D/a", length)), []string{"a"}, nil},
		{"no length", listing(folder("/d/"), file("/d/a", "")), []string{"!a"}, nil},
		{"a wrong length", listing(folder("/d/"), file("/d/a", `<D:getcontentlength>99999999999999999999</D:getcontentlength>`)), []string{"!a"}, nil},
		{"one refused", listing(folder("/d/"), `<D:response><D:href>/d/a</D:href><D:status>HTTP/1.1 403 Forbidden</D:status></D:response>`), []string{"!a"}, nil},
		{"one gone", listing(folder("/d/"), `<D:response><D:href>/d/a</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>`), nil, nil},
		{"entities", `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>` + listing(folder("/d/"), file("/d/&b;", length)), nil, backend.ErrUnavailable},
		{"a file", listing(file("/d", length)), nil, backend.ErrNotDir},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.fault = func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(http.StatusMultiStatus)
				_, _ = w.Write([]byte(test.body))
				return true
			}
			_, children, err := f.open(t, all).List(t.Context(), "d")
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("%v, want %v", err, test.err)
			}
			var got []string
			if err == nil {
				for info, err := range children {
					if err != nil {
						t.Fatal(err)
					}
					name := info.Name
					if info.Dir {
						name += "/"
					}
					if info.Err != nil {
						name = "!" + name
					}
					got = append(got, name)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestEntry reads the properties of a file.
func TestEntry(t *testing.T) {
	entries, err := parseMultistatus([]byte(listing(file("/f", `<D:getcontentlength> 12 </D:getcontentlength><D:getlastmodified>Tue, 31 Dec 2019 23:59:58 GMT</D:getlastmodified>`+
		`<D:creationdate>2018-01-02T03:04:05Z</D:creationdate><D:getetag>abc</D:getetag><D:getcontenttype>text/plain</D:getcontenttype><oc:fileid>7</oc:fileid>`+
		`<oc:checksums><oc:checksum>SHA1:A9993E364706816ABA3E25717850C26C9CD0D89D MD5:900150983cd24fb0d6963f7d28e17f72 ADLER32:024d0127</oc:checksum></oc:checksums>`))))
	if err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	e := entries[0]
	if e.Size != 12 || e.ModTime.Unix() != 1577836798 || e.Created.Year() != 2018 || e.tag != `"abc"` || e.Version != "abc" || e.ID != "7" ||
		e.MD5 != "900150983cd24fb0d6963f7d28e17f72" || e.sha1 != "a9993e364706816aba3e25717850c26c9cd0d89d" || e.ContentType != "text/plain" {
		t.Errorf("%+v", e)
	}
}

// TestVersion: a version is at most 40 bytes, differs where tags do, and is the
// same for a tag that is weak at first.
func TestVersion(t *testing.T) {
	version := func(tag string) string {
		e := entry{tag: normalTag(tag)}
		return e.version()
	}
	if got := version(`"5f-61a"`); got != "5f-61a" || got != version(`W/"5f-61a"`) || got != version("5f-61a") {
		t.Errorf("it is %q", got)
	}
	long, other := version(`"`+strings.Repeat("a", 41)+`"`), version(`"`+strings.Repeat("a", 40)+`b"`)
	if len(long) > 40 || long == other || version(`"~x"`) == "~x" {
		t.Errorf("%q, %q", long, other)
	}
	for _, bad := range []string{"\"a\r\nb\"", "\"a b\"", `"a"b"`, `W/`, `"`, ""} {
		if e := (entry{tag: normalTag(bad)}); e.strong() {
			t.Errorf("%q is taken for an entity tag", bad)
		}
	}
	bare := entry{Info: backend.Info{Size: 1}}
	if bare.version() == "" || bare.version() == (&entry{Info: backend.Info{Size: 2}}).version() {
		t.Error("without tags size is no version")
	}
}

// TestQuota reads what servers say of their space.
func TestQuota(t *testing.T) {
	for props, want := range map[string]backend.Space{
		`<D:quota-available-bytes>70</D:quota-available-bytes><D:quota-used-bytes>30</D:quota-used-bytes>`:                 {Total: 100, Used: 30},
		`<D:quota-available-bytes>-3</D:quota-available-bytes><D:quota-used-bytes>30</D:quota-used-bytes>`:                 {},
		`<D:quota-used-bytes>30</D:quota-used-bytes>`:                                                                      {},
		`<D:quota-available-bytes>9223372036854775807</D:quota-available-bytes><D:quota-used-bytes>1</D:quota-used-bytes>`: {},
	} {
		f := newFake()
		f.describe = func(_, has string) string { return has + props }
		got, err := f.open(t, all).Usage(t.Context())
		if got != want || (err == nil) != (want.Total > 0) || err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %+v, %v", props, got, err)
		}
	}
}

// TestUnusableNamesAreNotLost: a folder that has a name which cannot be listed is
// not removed as an empty one.
func TestUnusableNamesAreNotLost(t *testing.T) {
	f := newFake()
	s := f.open(t, all)
	f.fault = func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) bool {
		if r.Method != "PROPFIND" || r.Header.Get("Depth") != "1" {
			return false
		}
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = w.Write([]byte(listing(folder("/d/"), file("/d/%ff", length))))
		return true
	}
	if err := s.Remove(t.Context(), "d", backend.RemoveOptions{IfEmpty: true}); !errors.Is(err, backend.ErrNotEmpty) {
		t.Errorf("%v, want %v", err, backend.ErrNotEmpty)
	}
	if _, err := s.Stat(t.Context(), "d/../f"); !errors.Is(err, fs.ErrInvalid) || f.count("DELETE") > 0 {
		t.Errorf("%v, %v", err, f.calls)
	}
}
