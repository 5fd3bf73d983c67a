package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func TestFlatLists(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	for _, path := range []string{"/c.txt", "/d/a.jpg", "/d/sub/b.zip"} {
		clock.Advance(time.Second)
		if dir := path[:strings.LastIndex(path, "/")]; dir != "" {
			if err := s.Mkdir(dir); err != nil {
				t.Fatal(err)
			}
		}
		upload(t, s, path, strings.Repeat("x", len(path))).want(t, 201)
	}
	for _, test := range []struct {
		endpoint string
		params   []string
		want     []string
	}{
		{"files", nil, []string{"c.txt", "a.jpg", "b.zip"}},
		{"files", []string{"sort", "name"}, []string{"a.jpg", "b.zip", "c.txt"}},
		{"files", []string{"sort", "-size"}, []string{"b.zip", "a.jpg", "c.txt"}},
		{"files", []string{"media_type", "image,document"}, []string{"c.txt", "a.jpg"}},
		{"files", []string{"limit", "1", "offset", "1"}, []string{"a.jpg"}},
		{"last-uploaded", nil, []string{"b.zip", "a.jpg", "c.txt"}},
		{"last-uploaded", []string{"limit", "1"}, []string{"b.zip"}},
		{"last-uploaded", []string{"media_type", "document"}, []string{"c.txt"}},
	} {
		got := api(t, s, "GET", "/resources/"+test.endpoint, test.params...).want(t, 200)
		if names := listed(got); !slices.Equal(names, test.want) {
			t.Errorf("%s %q: %q, want %q", test.endpoint, test.params, names, test.want)
		}
		if _, total := got.json["total"]; total {
			t.Errorf("%s tells a total", test.endpoint)
		}
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.FlatListDelay = 2 * time.Second })
	if names := listed(api(t, s, "GET", "/resources/files")); !slices.Equal(names, []string{"c.txt"}) {
		t.Errorf("an index two seconds behind shows %q", names)
	}
}

func TestOwnPublications(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	for _, path := range []string{"/f1", "/f2"} {
		if err := s.WriteFile(path, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Mkdir("/d"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/f2", "/d", "/f1"} {
		clock.Advance(time.Second)
		publish(t, s, path)
	}
	for kind, want := range map[string][]string{"": {"f1", "d", "f2"}, "dir": {"d"}, "file": {"f1", "f2"}} {
		got := api(t, s, "GET", "/resources/public", "type", kind).want(t, 200)
		if names := listed(got); !slices.Equal(names, want) || got.str("type") != kind {
			t.Errorf("%q: %q, %s", kind, names, got.body)
		}
	}
	if names := listed(api(t, s, "GET", "/resources/public", "limit", "1", "offset", "1")); !slices.Equal(names, []string{"d"}) {
		t.Errorf("%q", names)
	}
}

func TestUploadFromAddress(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/file", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/away":
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		case "/file":
			fmt.Fprint(w, "from here")
		case "/large":
			fmt.Fprint(w, strings.Repeat("x", 101))
		default:
			http.NotFound(w, r)
		}
	}))
	defer web.Close()
	s := start(t, emulator.Options{Knobs: emulator.Knobs{MaxFileSize: 100}})
	if err := s.AddFake("https://example.com/a?b", []byte("from afar")); err != nil {
		t.Fatal(err)
	}
	upload(t, s, "/own", "from myself").want(t, 201)
	fetch := func(address, path string, more ...string) string {
		t.Helper()
		op := api(t, s, "POST", "/resources/upload", append([]string{"url", address, "path", path}, more...)...).want(t, 202)
		status := ""
		until(t, func() bool {
			status = send(t, s, "GET", op.str("href"), nil).want(t, 200).str("status")
			return status != "in-progress"
		})
		return status
	}
	for i, test := range []struct {
		address, want string
		more          []string
	}{
		{"https://example.com/a?b", "from afar", nil},
		{web.URL + "/file", "from here", nil},
		{web.URL + "/moved", "from here", nil},
		{downloadLink(t, s, "/own"), "from myself", nil},
		{web.URL + "/moved", "", []string{"disable_redirects", "true"}},
		{web.URL + "/loop", "", nil},
		{web.URL + "/away", "", nil},
		{web.URL + "/none", "", nil},
		{web.URL + "/large", "", nil},
		{"https://example.com/other", "", nil},
		{"https://downloader.disk.yandex.ru/disk/forged", "", nil},
		{"https://uploader1.disk.yandex.net/disk/forged", "", nil},
		{"http://192.0.2.1/", "", nil},
		{"file:///etc/passwd", "", nil},
		{"\x7f", "", nil},
	} {
		path := fmt.Sprintf("/%d.txt", i)
		status := fetch(test.address, path, test.more...)
		data, err := s.ReadFile(path)
		if test.want == "" && (status != "failed" || err == nil) || test.want != "" && (status != "success" || string(data) != test.want) {
			t.Errorf("%s: %s, %q, %v", test.address, status, data, err)
		}
	}
	api(t, s, "POST", "/resources/upload", "url", "https://example.com/a?b", "path", "/own").wantError(t, 409, "DiskResourceAlreadyExistsError")
}
