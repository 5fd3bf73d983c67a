package emulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzPath(f *testing.F) {
	for _, s := range []string{"", "/", "disk:/", "disk:/a/b", "a//b/", "app:/x", "trash:/x_0", "a:b", "disk:", "/..", "disk:/./a", "/a\x00b", "\xff", "photounlim:/a", `/50% off $HOME <b> #1 ? a+b & "Ж" 😀 й`} {
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, s string, dots bool) {
		k := Knobs{DotSegments: dots}
		p, fail := parsePath(s, k)
		if fail != nil {
			if fail.status != 400 || !utf8.ValidString(fail.description) {
				t.Fatalf("%+v", fail)
			}
			return
		}
		for _, part := range p.parts {
			if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "/\x00") || !utf8.ValidString(part) {
				t.Fatalf("%q has the part %q", s, part)
			}
		}
		again, fail := parsePath(p.String(), k)
		if fail != nil || again.String() != p.String() || !again.within(p) {
			t.Fatalf("%q is %q is %q", s, p, again)
		}
	})
}

func FuzzFields(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "a,a.b", "a.b,a", "items.name,items", ".", ",", "a..b", "items.x.y"} {
		f.Add(s)
	}
	whole := object{{"a", 1}, {"b", object{{"c", "d"}}}, {"items", list{object{{"name", "x"}, {"x", nil}}}}, {"lazy", lazy(func() any { return "z" })}}
	f.Fuzz(func(t *testing.T, s string) {
		got := parseFields(s).apply(whole)
		text := jsonStyle{comma: ",", colon: ":"}.appendJSON(nil, got)
		var decoded map[string]any
		if err := json.Unmarshal(text, &decoded); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		for key := range decoded {
			if _, known := whole.get(key); !known || s != "" && !strings.Contains(s, key) && parseFields(s) != nil {
				t.Fatalf("fields %q leave %s", s, text)
			}
		}
	})
}

func FuzzProperties(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":null}`, `{"a":{}}`, `[]`, `{"a":1}{}`, `{"a":1,"a":2}`, `{"a":1e999}`, `{"😀":"\ud800"}`, `{`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parseProperties(raw)
		if err != nil {
			return
		}
		text := jsonStyle{comma: ",", colon: ":"}.appendJSON(nil, o)
		again, err := parseProperties(text)
		if err != nil || !bytes.Equal(text, jsonStyle{comma: ",", colon: ":"}.appendJSON(nil, again)) {
			t.Fatalf("%q became %s, %v", raw, text, err)
		}
		if o.characters() < len(o) && len(o) > 1 {
			t.Fatalf("%s counts %d", text, o.characters())
		}
	})
}

func FuzzLink(f *testing.F) {
	e := New(Options{})
	f.Cleanup(func() { e.Close() })
	good := e.signed("/disk/", "ffffffff", "the id")
	f.Add(good)
	f.Add("/disk/")
	f.Add("/disk/a/b/c")
	f.Add(strings.Replace(good, "f", "0", 1))
	f.Fuzz(func(t *testing.T, path string) {
		id, v := e.verify("/disk/", path)
		if v == linkGood && (id != "the id" || path != good) {
			t.Fatalf("%q is good for %q", path, id)
		}
	})
}

// FuzzRequest sends any request to any endpoint: it must be answered, with
// JSON where there is a body, and leave the disk's totals correct.
func FuzzRequest(f *testing.F) {
	for i := range apiRoutes() {
		f.Add(uint8(i), "path=/d&from=/d/f&name=x&public_key=k&url=http://192.0.2.1/&limit=1", []byte(`{"custom_properties":{"a":1}}`))
		f.Add(uint8(i), "path=/d/f&from=/d&overwrite=true&force_async=true&permanently=true&md5=0&sort=-size&fields=type,_embedded.items", []byte(`{`))
		f.Add(uint8(i), "path=trash:/&path=%zz;&offset=-1&media_type=image&type=dir&preview_size=x", []byte{})
	}
	f.Fuzz(func(t *testing.T, endpoint uint8, rawQuery string, body []byte) {
		e := New(Options{Token: "t"})
		defer e.Close()
		if err := e.WriteFile("/d/f", []byte("content")); err != nil {
			t.Fatal(err)
		}
		routes := apiRoutes()
		method, path, _ := strings.Cut(string(routes[int(endpoint)%len(routes)].endpoint), " ")
		r := httptest.NewRequest(method, "http://host/", bytes.NewReader(body))
		r.URL = &url.URL{Path: strings.Replace(path, "{id}", "0", 1), RawQuery: rawQuery}
		r.Header.Set("Authorization", "OAuth t")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code < 200 || w.Code >= 500 && w.Code != http.StatusInsufficientStorage {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		if w.Body.Len() > 0 && (!json.Valid(w.Body.Bytes()) || !utf8.Valid(w.Body.Bytes())) {
			t.Fatalf("answered %q", w.Body)
		}
		e.checkSums(t)
	})
}

// FuzzUpload sends any range to the uploader, twice.
func FuzzUpload(f *testing.F) {
	f.Add("bytes 0-2/3", []byte("abc"), "bytes 3-5/6", []byte("def"))
	f.Add("bytes 0-2/6", []byte("abc"), "bytes 3-5/6", []byte("def"))
	f.Add("", []byte("abc"), "bytes */6", []byte(""))
	f.Add("bytes 9223372036854775807-9223372036854775807/9223372036854775807", []byte("a"), "bytes 1-0/0", []byte(""))
	f.Fuzz(func(t *testing.T, range1 string, body1 []byte, range2 string, body2 []byte) {
		e := New(Options{Token: "t"})
		defer e.Close()
		r := httptest.NewRequest("GET", "http://host/v1/disk/resources/upload?path=/f", nil)
		r.Header.Set("Authorization", "OAuth t")
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		var link struct{ Href string }
		if err := json.Unmarshal(w.Body.Bytes(), &link); err != nil {
			t.Fatal(err)
		}
		stored := 0
		for _, part := range []struct {
			rng  string
			body []byte
		}{{range1, body1}, {range2, body2}} {
			r := httptest.NewRequest("PUT", link.Href, bytes.NewReader(part.body))
			r.Header["Content-Range"] = []string{part.rng}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code == http.StatusCreated {
				stored++
			}
		}
		if entries := e.Dump(); len(entries) != stored || stored > 1 || stored == 1 && entries[0].Size > int64(len(body1)+len(body2)) {
			t.Fatalf("answered 201 %d times, the disk holds %+v", stored, entries)
		}
		e.checkSums(t)
	})
}

func FuzzTokenForm(f *testing.F) {
	f.Add("grant_type=device_code&client_id=a&code=b", "")
	f.Add("grant_type=authorization_code&client_id=a&code=1234567&code_verifier=x", "Basic YTpi")
	f.Add("%zz&;", "Basic ?")
	f.Fuzz(func(t *testing.T, form, header string) {
		e := New(Options{})
		defer e.Close()
		for path := range oauthRoutes() {
			method, path, _ := strings.Cut(string(path), " ")
			r := httptest.NewRequest(method, "http://host"+path, strings.NewReader(form))
			r.URL.RawQuery = form
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header["Authorization"] = []string{header}
			w := httptest.NewRecorder()
			e.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

// checkSums compares the totals that the disk keeps with its content.
func (e *Emulator) checkSums(t testing.TB) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if used, trashed := e.disk.root.size()+e.disk.trash.size(), e.disk.trash.size(); used != e.disk.used || trashed != e.disk.trashed {
		t.Fatalf("the disk counts %d and %d bytes, and holds %d and %d", e.disk.used, e.disk.trashed, used, trashed)
	}
	for _, root := range []*node{e.disk.root, e.disk.trash} {
		root.walk(func(n *node) {
			for _, child := range n.children {
				if child.parent != n {
					t.Fatalf("%q does not know its folder %q", child.name, n.name)
				}
			}
		})
	}
}
