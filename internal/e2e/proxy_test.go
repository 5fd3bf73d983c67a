package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestBehindNginx puts a proxy in front that serves another path, so that
// Host, Destination and hrefs are all not what davdisk listens on.
func TestBehindNginx(t *testing.T) {
	linux(t)
	disk := startDisk(t, emulator.Options{})
	front := freeAddress(t)
	public := "http://" + front + "/files"
	s := serve(t, disk, "--base-url", "/files", "--public-url", public)
	startNginx(t, front, `listen `+front+`; location /files/ { proxy_pass `+strings.TrimSuffix(s.url, "/files/")+`; }`)
	through := &server{TB: t, url: public + "/"}
	steps := []struct {
		method, path string
		want         int
		header       []string
	}{
		{"PUT", "a%20b", http.StatusCreated, nil},
		{"MKCOL", "d/", http.StatusCreated, nil},
		{"MOVE", "a%20b", http.StatusCreated, []string{"Destination", public + "/d/moved"}},
		{"COPY", "d/moved", http.StatusCreated, []string{"Destination", "/files/copied"}},
		{"MOVE", "copied", http.StatusBadGateway, []string{"Destination", "http://elsewhere.example/files/x"}},
	}
	for _, step := range steps {
		if code, body := through.request(step.method, step.path, strings.NewReader(""), step.header...); code != step.want {
			t.Errorf("%s %s answered %d, want %d: %s", step.method, step.path, code, step.want, body)
		}
	}
	_, listing := through.request("PROPFIND", "", nil, "Depth", "1")
	for _, href := range []string{"<D:href>/files/</D:href>", "<D:href>/files/d/</D:href>", "<D:href>/files/copied</D:href>"} {
		if !strings.Contains(listing, href) {
			t.Errorf("the listing has no %s:\n%s", href, listing)
		}
	}
	empty := sum(nil)
	same(t, "at the disk", stored(disk), map[string]string{"d/moved": empty, "copied": empty})
}
