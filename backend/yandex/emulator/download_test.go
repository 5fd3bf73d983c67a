package emulator_test

import (
	"archive/zip"
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func downloadLink(t *testing.T, s *emulator.Server, path string) string {
	t.Helper()
	return api(t, s, "GET", "/resources/download", "path", path).want(t, 200).str("href")
}

func TestDownloadLinkIsPinned(t *testing.T) {
	s := start(t, emulator.Options{})
	upload(t, s, "/f.txt", "old").want(t, 201)
	href := downloadLink(t, s, "/f.txt")
	if !regexp.MustCompile(`/disk/[0-9a-f]{64}/[0-9a-f]{8}/[^/?]+\?uid=100000001&filename=f.txt&.*&fsize=3&hid=[0-9a-f]{32}&media_type=document&.*&etag=149603e6c03516362a8da23f624db945$`).MatchString(href) {
		t.Errorf("link %s", href)
	}
	upload(t, s, "/f.txt", "new").want(t, 201)
	runtime.GC() // what nothing holds is gone
	if got := download(t, s, href).want(t, 200); string(got.body) != "old" {
		t.Errorf("the link shows %q", got.body)
	}
	if got := download(t, s, downloadLink(t, s, "/f.txt")).want(t, 200); string(got.body) != "new" {
		t.Errorf("a new link shows %q", got.body)
	}
	api(t, s, "DELETE", "/resources", "path", "/f.txt", "permanently", "true").want(t, 204)
	runtime.GC()
	if got := download(t, s, href).want(t, 200); string(got.body) != "old" {
		t.Errorf("after the deletion %q", got.body)
	}
}

func TestDownloadRanges(t *testing.T) {
	s := start(t, emulator.Options{})
	upload(t, s, "/"+hostile+".txt", "0123456789").want(t, 201)
	meta := api(t, s, "GET", "/resources", "path", "/"+hostile+".txt").want(t, 200)
	tag := `"` + meta.str("md5") + `"`
	for _, test := range []struct {
		header []string
		status int
		body   string
		rng    string
	}{
		{nil, 200, "0123456789", ""},
		{[]string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=7-"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range", "bytes=-2"}, 206, "89", "bytes 8-9/10"},
		{[]string{"Range", "bytes=8-100"}, 206, "89", "bytes 8-9/10"},
		{[]string{"Range", "bytes=2-4", "If-Range", tag}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=2-4", "If-Range", `"other"`}, 200, "0123456789", ""},
		{[]string{"If-None-Match", tag}, 304, "", ""},
	} {
		got := download(t, s, meta.str("file"), test.header...).want(t, test.status)
		if string(got.body) != test.body || got.header.Get("Content-Range") != test.rng {
			t.Errorf("%q: %q, %s", test.header, got.body, got.header.Get("Content-Range"))
		}
		if test.status != 304 && (got.header.Get("Content-Type") != "text/plain" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment")) {
			t.Errorf("%q: %v", test.header, got.header)
		}
	}
	download(t, s, meta.str("file"), "Range", "bytes=10-").want(t, 416)
	hop := send(t, s, "GET", meta.str("file"), nil).want(t, 302)
	for range 2 {
		send(t, s, "GET", hop.header.Get("Location"), nil).want(t, 200)
	}
	send(t, s, "POST", hop.header.Get("Location"), nil).want(t, 405)
	send(t, s, "POST", meta.str("file"), nil).want(t, 405)
}

func TestDownloadLinkLapses(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	upload(t, s, "/f", "x").want(t, 201)
	href := downloadLink(t, s, "/f")
	hop := send(t, s, "GET", href, nil).want(t, 302).header.Get("Location")
	send(t, s, "GET", strings.Replace(href, "/disk/", "/disk/0", 1), nil).want(t, 500)
	send(t, s, "GET", strings.Replace(hop, "/rdisk/", "/rdisk/0", 1), nil).want(t, 500)
	send(t, s, "GET", s.URL, nil, "Authorization", "").want(t, 200)
	clock.Advance(4*time.Hour - time.Second)
	send(t, s, "GET", href, nil).want(t, 302)
	clock.Advance(time.Second)
	for _, status := range []int{0, 500, 403, 404} {
		s.SetKnobs(func(k *emulator.Knobs) { k.LapsedStatus = status })
		want := status
		if status == 0 {
			want = 410
		}
		for _, address := range []string{href, hop} {
			if got := send(t, s, "GET", address, nil).want(t, want); !strings.Contains(string(got.body), "500 Internal Server Error") || got.header.Get("Content-Type") != "text/html" {
				t.Errorf("%s", got.body)
			}
		}
	}
	s.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{DownloadLinkLife: time.Second} })
	href = downloadLink(t, s, "/f")
	send(t, s, "GET", href, nil).want(t, 302)
	clock.Advance(time.Second)
	send(t, s, "GET", href, nil).want(t, 410)
}

func TestSlowDownload(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{DownloadRate: 100_000}})
	content := strings.Repeat("0123456789", 2000)
	upload(t, s, "/f", content).want(t, 201)
	hop := send(t, s, "GET", downloadLink(t, s, "/f"), nil).want(t, 302)
	begin := time.Now()
	got := send(t, s, "GET", hop.header.Get("Location"), nil).want(t, 200)
	if took := time.Since(begin); string(got.body) != content || took < 200*time.Millisecond {
		t.Errorf("%d bytes after %v", len(got.body), took)
	}
}

func TestTokenLeaksAreSeen(t *testing.T) {
	s := start(t, emulator.Options{})
	upload(t, s, "/f", "x", "Authorization", "OAuth leaked").want(t, 201)
	href := downloadLink(t, s, "/f")
	hop := send(t, s, "GET", href, nil, "Authorization", "OAuth leaked").want(t, 302)
	send(t, s, "GET", hop.header.Get("Location"), nil, "Authorization", "OAuth leaked").want(t, 200)
	if n := s.Counters().TokenLeak; n != 3 {
		t.Errorf("%d leaks counted", n)
	}
	s.SetKnobs(func(k *emulator.Knobs) { k.TokenRefused = true })
	send(t, s, "GET", hop.header.Get("Location"), nil, "Authorization", "OAuth leaked").want(t, 400)
	send(t, s, "GET", hop.header.Get("Location"), nil).want(t, 200)
}

func TestDownloadWithoutHop(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{NoRedirect: true}})
	upload(t, s, "/f", "x").want(t, 201)
	if got := send(t, s, "GET", downloadLink(t, s, "/f"), nil).want(t, 200); string(got.body) != "x" {
		t.Errorf("%q", got.body)
	}
	if c := s.Counters(); c.Hops != 0 || c.Transfers() != 2 {
		t.Errorf("%+v", c)
	}
}

func TestFolderComesAsArchive(t *testing.T) {
	s := tree(t, emulator.Knobs{})
	href := downloadLink(t, s, "/src")
	got := send(t, s, "GET", href, nil).want(t, 200)
	archive, err := zip.NewReader(bytes.NewReader(got.body), int64(len(got.body)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range archive.File {
		names = append(names, file.Name)
	}
	if want := []string{"src/", "src/sub/", "src/sub/f", "src/g"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	f, err := archive.Open("src/sub/f")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(f); err != nil || string(data) != "f" {
		t.Errorf("%q, %v", data, err)
	}
	send(t, s, "GET", strings.Replace(href, "/zip/", "/zip/0", 1), nil).want(t, 500)
	finished(t, s, api(t, s, "DELETE", "/resources", "path", "/src"))
	send(t, s, "GET", href, nil).want(t, 410)
}

func TestPreviews(t *testing.T) {
	clock := newClock()
	s := start(t, emulator.Options{Now: clock.Now})
	img := image.NewRGBA(image.Rect(0, 0, 600, 400))
	for i := range img.Pix {
		img.Pix[i] = byte(i)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, img); err != nil {
		t.Fatal(err)
	}
	upload(t, s, "/p.png", picture.String()).want(t, 201)
	upload(t, s, "/t.txt", "text").want(t, 201)
	upload(t, s, "/z.zip", "zip").want(t, 201)
	meta := func(path string, more ...string) answer {
		return api(t, s, "GET", "/resources", append([]string{"path", path}, more...)...).want(t, 200)
	}
	if got := meta("/p.png"); got.json["preview"] != nil {
		t.Error("a preview at once")
	}
	clock.Advance(3 * time.Second)
	if got := meta("/z.zip"); got.json["preview"] != nil || got.json["sizes"] != nil {
		t.Error("a preview of an archive")
	}
	for size, want := range map[string]image.Point{"": {150, 100}, "S": {150, 100}, "M": {300, 200}, "XXXL": {600, 400}, "120": {120, 80}, "120x": {120, 80}, "x145": {217, 145}, "120x240": {120, 80}} {
		href := meta("/p.png", "preview_size", size, "preview_crop", "true").str("preview")
		if !strings.HasSuffix(href, "&crop=1") {
			t.Errorf("%s", href)
		}
		got := send(t, s, "GET", href, nil, "Authorization", "OAuth "+s.Token).want(t, 200)
		small, err := jpeg.Decode(bytes.NewReader(got.body))
		if err != nil || small.Bounds().Size() != want || got.header.Get("Content-Type") != "image/jpeg" {
			t.Errorf("%q: %v, %v", size, small.Bounds(), err)
		}
	}
	href := meta("/t.txt").str("preview")
	got := send(t, s, "GET", href, nil, "Authorization", "OAuth "+s.Token).want(t, 200)
	plain, err := jpeg.Decode(bytes.NewReader(got.body))
	if err != nil || plain.Bounds().Dx() != 150 || plain.At(0, 0) == (color.RGBA{}) {
		t.Errorf("%v, %v", plain, err)
	}
	send(t, s, "GET", href, nil).want(t, 403)
	s.SetKnobs(func(k *emulator.Knobs) { k.PreviewPublic = true })
	send(t, s, "GET", href, nil).want(t, 200)
	send(t, s, "GET", strings.Replace(href, "/preview/", "/preview/0", 1), nil).want(t, 404)
	s.SetKnobs(func(k *emulator.Knobs) { k.NoPreviews = true })
	if got := meta("/p.png"); got.json["preview"] != nil {
		t.Error("a preview where there are none")
	}
	s.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{PreviewDelay: -1} })
	upload(t, s, "/q.png", picture.String()).want(t, 201)
	if got := meta("/q.png"); got.str("preview") == "" {
		t.Error("no preview at once")
	}
}

func TestMethodsOfTheHosts(t *testing.T) {
	s := start(t, emulator.Options{})
	link := uploadLink(t, s, "/f")
	send(t, s, http.MethodDelete, link.str("href"), nil).want(t, 405)
	send(t, s, http.MethodGet, s.OAuthURL+"/nothing", nil).want(t, 404)
}
