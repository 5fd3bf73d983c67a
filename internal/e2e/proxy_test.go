package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestBehindNginx puts a proxy in front that serves another host, and passes
// its path on, or takes it off, or puts another in its place, so that Host,
// Destination and hrefs are all not what davdisk listens on.
func TestBehindNginx(t *testing.T) {
	linux(t)
	for _, c := range []struct {
		name, base string
		pass       string // the path that nginx puts in place of /files/
	}{
		{"passed on", "/files", "/files/"},
		{"taken off", "", "/"},
		{"changed", "/dav", "/dav/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := startDisk(t, emulator.Options{})
			front := freeAddress(t)
			public := "http://" + front + "/files"
			s := serve(t, disk, "--base-url", c.base, "--public-url", public)
			backend := strings.TrimSuffix(s.url, c.base+"/")
			startNginx(t, front, `listen `+front+`; location /files/ { proxy_pass `+backend+c.pass+`; }`)
			through := &server{TB: t, url: public + "/"}
			for _, step := range []struct {
				method, path string
				want         int
				header       []string
			}{
				{"PUT", "a%20b%3F%23%25", http.StatusCreated, nil},
				{"MKCOL", "d/", http.StatusCreated, nil},
				{"MKCOL", "files/", http.StatusCreated, nil},
				{"MOVE", "a%20b%3F%23%25", http.StatusCreated, []string{"Destination", public + "/d/moved%3F%23%25"}},
				{"COPY", "d/moved%3F%23%25", http.StatusCreated, []string{"Destination", "/files/copied"}},
				{"COPY", "copied", http.StatusCreated, []string{"Destination", public + "/files/deep"}},
				{"MOVE", "copied", http.StatusBadGateway, []string{"Destination", "http://elsewhere.example/files/x"}},
				{"MOVE", "copied", http.StatusBadGateway, []string{"Destination", "http://" + front + "/other/x"}},
			} {
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
			same(t, "at the disk", stored(disk), map[string]string{"d/moved?#%": empty, "copied": empty, "files/deep": empty})
		})
	}
}
