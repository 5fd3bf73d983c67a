package webdav

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"
)

// go test ./webdav -run PropfindBytes -update-propfind
var updatePropfind = flag.Bool("update-propfind", false, "rewrite testdata/propfind.txt.gz")

// TestPropfindBytes compares what PROPFIND answers with what it answered when
// testdata/propfind.txt.gz was written, to the byte.
func TestPropfindBytes(t *testing.T) {
	var got bytes.Buffer
	recordCapable(t, &got)
	recordInfos(t, &got)
	golden := filepath.Join("testdata", "propfind.txt.gz")
	if *updatePropfind {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, err := w.Write(got.Bytes())
		if err = errors.Join(err, w.Close()); err == nil {
			err = os.WriteFile(golden, zipped.Bytes(), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	zipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(zipped)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	asked := ""
	for i := range min(len(gotLines), len(wantLines)) {
		if strings.HasPrefix(wantLines[i], "=== ") {
			asked = wantLines[i]
		}
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s, line %d:\n%s\nwant\n%s", asked, i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%d lines, want %d", len(gotLines), len(wantLines))
	}
}

// A recorder writes down the answers of a handler.
type recorder struct {
	*testing.T
	handler *Handler
	out     *bytes.Buffer
}

func newRecorder(t *testing.T, out *bytes.Buffer, fs afero.Fs, opts ...Option) *recorder {
	t.Helper()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h, err := NewHandler(fs, append(opts, WithClock(func() time.Time { return now }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return &recorder{t, h, out}
}

func (r *recorder) do(user *Principal, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r.Helper()
	req := httptest.NewRequest(method, "http://share", strings.NewReader(body))
	var err error
	if req.URL, err = url.ParseRequestURI(target); err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if user != nil {
		req = req.WithContext(ContextWithPrincipal(req.Context(), *user))
	}
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, req)
	return w
}

// random is what differs each time: tokens of locks and tags of placeholders.
var random = regexp.MustCompile(`urn:uuid:[0-9a-f-]+|"empty-[0-9a-f]+"`)

// record asks each query, and writes down the answer.
func (r *recorder) record(user *Principal, target string, depths string, queries ...string) {
	r.Helper()
	for depth := range strings.FieldsSeq(depths) {
		for _, query := range queries {
			w := r.do(user, "PROPFIND", target, query, "Depth", depth)
			if w.Code != http.StatusMultiStatus && w.Code != http.StatusForbidden {
				r.Fatalf("PROPFIND %s, depth %s, %s: %d %s", target, depth, query, w.Code, w.Body)
			}
			fmt.Fprintf(r.out, "=== %s %s %s\n%d %s %s\n", target, depth, query, w.Code, w.Header().Get("Content-Type"), w.Header().Get("Content-Location"))
			r.out.WriteString(random.ReplaceAllString(w.Body.String(), "RANDOM"))
		}
	}
}

const davXML = `<propfind xmlns="DAV:" xmlns:m="urn:schemas-microsoft-com:" xmlns:o="http://owncloud.org/ns" xmlns:z="urn:z&amp;&lt;">`

// queries are one of each kind.
func queries() []string {
	all := []string{
		"",
		davXML + `<allprop/></propfind>`,
		davXML + `<allprop/><include><quota-used-bytes/><lastmodified/><z:dead/><getetag/><none xmlns=""/><o:checksums/></include></propfind>`,
		davXML + `<propname/></propfind>`,
		davXML + `<prop><resourcetype/><getcontentlength/><getetag/><getlastmodified/><getcontenttype/></prop></propfind>`,
		davXML + `<prop><z:dead/><z:none/><getetag/><getetag/><quota-available-bytes/><none xmlns=""/><m:Win32LastModifiedTime/><xml:lang/></prop></propfind>`,
		davXML + `<prop/></propfind>`,
	}
	for _, name := range []string{
		"creationdate", "displayname", "getcontentlength", "getcontenttype", "getetag", "getlastmodified", "resourcetype", "supportedlock",
		"lockdiscovery", "quota-available-bytes", "quota-used-bytes", "lastmodified", "m:Win32LastModifiedTime", "o:checksums",
	} {
		all = append(all, davXML+"<prop><"+name+"/></prop></propfind>")
	}
	return all
}

// recordCapable records a file system with all abilities.
func recordCapable(t *testing.T, out *bytes.Buffer) {
	t.Helper()
	c := newCapableFs()
	at := time.Date(2025, 12, 31, 23, 59, 59, 999, time.FixedZone("", 3600))
	add := func(name string, node capableNode) {
		node.modTime, node.created = at, at.Add(-time.Hour)
		c.nodes[name] = &node
	}
	add("/d", capableNode{dir: true, props: map[string]string{"{urn:z&<}dead": `<z:dead xmlns:z="urn:z&amp;&lt;">of a <b/> folder</z:dead>`}})
	add("/d/sub", capableNode{dir: true})
	add("/d/sub/deep", capableNode{dir: true})
	add("/d/sub/deep/f.png", capableNode{content: []byte("deep")})
	for i, name := range []string{
		hostile, "a", "a.PNG", "b.png", "c c", "100%", "#?;,=+$@:!*()[]|'~", "&amp;", "<>\"'`{}^\\", "control \x01\x7f\t\n\r", "\u00e9", "e\u0301",
		"\uFFFE", "\u2028", "\U0001F600", "not UTF-8 \xff", "new?", "lastslash%2F", ".hidden", "*", strings.Repeat("long", 9),
	} {
		node := capableNode{content: bytes.Repeat([]byte("x"), i*i), version: i}
		switch {
		case i%3 == 0:
			node.props = map[string]string{
				"{urn:z&<}dead": `<z:dead xmlns:z="urn:z&amp;&lt;" xml:lang="de">v &amp; w</z:dead>`,
				"{}none":        `<none/>`,
				"{DAV:}own":     `<own xmlns="DAV:">x</own>`,
			}
		case i%3 == 1:
			node.props = map[string]string{}
		}
		add("/d/"+name, node)
	}
	r := newRecorder(t, out, c, WithPrefix("/dav"), WithDepthInfinity(100))
	lockInfo := func(scope, owner string) string {
		return `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:` + scope + `/></D:lockscope><D:locktype><D:write/></D:locktype>` + owner + `</D:lockinfo>`
	}
	for _, l := range [][]string{
		{"/dav/d/sub", "shared", `<D:owner>A &amp; <b xmlns="urn:b">B</b></D:owner>`, "infinity"},
		{"/dav/d/sub/deep/f.png", "shared", "", "0"},
		{"/dav/d/a", "exclusive", `<D:owner><D:href>x&lt;</D:href></D:owner>`, "0"},
		{"/dav/d/placeholder", "exclusive", "", "0"},
	} {
		if w := r.do(nil, "LOCK", l[0], lockInfo(l[1], l[2]), "Depth", l[3]); w.Code/100 != 2 {
			t.Fatalf("LOCK %s: %d %s", l[0], w.Code, w.Body)
		}
	}
	r.record(nil, "/dav/d", "1", queries()...)
	r.record(nil, "/dav/d/", "infinity", queries()[:4]...)
	r.record(nil, "/dav/d/%61", "0", queries()...)
	r.record(nil, "/dav/%64/", "1", queries()[4])
	r.record(nil, "//dav/d", "1", queries()[4])
	r.record(nil, "/dav/", "0 1 infinity", queries()[:6]...)
	r.record(nil, "/dav", "1", queries()[:6]...)
	r.record(nil, "/", "0 1", queries()...)
	r.record(&Principal{Name: "u", Root: "/d"}, "/dav/", "1", queries()[:6]...)
	r.record(&Principal{Name: "u", Root: "/d/sub", ReadOnly: true}, "/dav", "1 infinity", queries()[:6]...)
	r.record(&Principal{Name: "u", Root: "/d"}, "/dav/sub/%64eep", "1", queries()[:6]...)
	narrow := newRecorder(t, out, c, WithReadOnly(), WithoutQuota(), WithPublicURL("https://h/x%20y/"))
	narrow.record(nil, "/d", "0 1 infinity", queries()[:6]...)
}

// oddInfo is an info whose parts are given.
type oddInfo struct {
	fs.FileInfo
	modTime, created time.Time
	size             int64
	tag, mediaType   string
	sums             map[string]string
	err              error
}

func (o oddInfo) ModTime() time.Time      { return o.modTime }
func (o oddInfo) Created() time.Time      { return o.created }
func (o oddInfo) Size() int64             { return o.size }
func (o oddInfo) ETag() string            { return o.tag }
func (o oddInfo) ContentType() string     { return o.mediaType }
func (o oddInfo) Hash(name string) string { return o.sums[name] }
func (o oddInfo) Err() error              { return o.err }

// timedInfo is an info without abilities.
type timedInfo struct {
	fs.FileInfo
	modTime time.Time
}

func (i timedInfo) ModTime() time.Time { return i.modTime }

// recordInfos records descriptions of every kind.
func recordInfos(t *testing.T, out *bytes.Buffer) {
	t.Helper()
	at := time.Unix(1_700_000_000, 123)
	var asked atomic.Int32
	infos := map[string]func(i fs.FileInfo) fs.FileInfo{
		"d":      func(i fs.FileInfo) fs.FileInfo { return timedInfo{i, at} },
		"sub":    func(i fs.FileInfo) fs.FileInfo { return timedInfo{i, time.Time{}} },
		"tagged": func(i fs.FileInfo) fs.FileInfo { return oddInfo{FileInfo: i, tag: `"folder"`, modTime: at} },
		"zero":   func(i fs.FileInfo) fs.FileInfo { return timedInfo{i, time.Time{}} },
		"before": func(i fs.FileInfo) fs.FileInfo { return timedInfo{i, time.Unix(-5_000_000_000, -7)} },
		"far":    func(i fs.FileInfo) fs.FileInfo { return timedInfo{i, time.Date(12345, 6, 7, 8, 9, 10, 0, time.UTC)} },
		"odd": func(i fs.FileInfo) fs.FileInfo {
			return oddInfo{FileInfo: i, modTime: at, size: -1, tag: "W/\"<&\x01>\"", mediaType: "text/x; a=\"<&\""}
		},
		"long": func(i fs.FileInfo) fs.FileInfo {
			return oddInfo{FileInfo: i, modTime: at, size: 1 << 62, created: at.Add(-time.Hour), tag: `"` + strings.Repeat("0123456789abcdef", 4) + `"`, sums: map[string]string{"md5": "ab", "sha1": "cd", "sha256": "ef"}}
		},
		"edge": func(i fs.FileInfo) fs.FileInfo {
			return oddInfo{FileInfo: i, tag: `"` + strings.Repeat("e", maxEntityTag-2) + `"`}
		},
		"notag":       func(i fs.FileInfo) fs.FileInfo { return oddInfo{FileInfo: i, modTime: at} },
		"undescribed": func(i fs.FileInfo) fs.FileInfo { return oddInfo{FileInfo: i, err: fmt.Errorf("%w", fs.ErrPermission)} },
		"net":         func(i fs.FileInfo) fs.FileInfo { return netForms{timedInfo{i, at}, `"net"`, nil, nil, &asked} },
		"net tag": func(i fs.FileInfo) fs.FileInfo {
			return netForms{timedInfo{i, at}, "", &codeError{code: 503}, nil, &asked}
		},
		"net type": func(i fs.FileInfo) fs.FileInfo {
			return netForms{timedInfo{i, at}, `"t"`, nil, &codeError{code: 502}, &asked}
		},
		"net both": func(i fs.FileInfo) fs.FileInfo {
			return netForms{timedInfo{i, at}, "", errors.New("a"), fs.ErrNotExist, &asked}
		},
	}
	mem := afero.NewMemMapFs()
	for name := range infos {
		var err error
		switch name {
		case "d":
		case "sub", "tagged":
			err = mem.MkdirAll("/d/"+name, 0o700)
		default:
			err = afero.WriteFile(mem, "/d/"+name, []byte("content of "+name), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := newRecorder(t, out, infoFs{mem, func(i fs.FileInfo) fs.FileInfo {
		if change, ok := infos[i.Name()]; ok {
			return change(i)
		}
		return i
	}})
	r.record(nil, "/d", "1", queries()...)
}
