package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestBehindNginx puts a proxy in front that serves another path, so that
// Host, Destination and hrefs are all not what davdisk listens on.
func TestBehindNginx(t *testing.T) {
	linux(t)
	nginx := testtool.Find(t, "nginx")
	disk := startDisk(t, emulator.Options{})
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := free.Addr().String()
	free.Close()
	public := "http://" + front + "/files"
	s := serve(t, disk, "--base-url", "/files", "--public-url", public)
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`
		daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes 1;
		events { worker_connections 64; }
		http {
			access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
			fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
			server {
				listen %[2]s;
				client_max_body_size 0;
				location /files/ { proxy_pass %[3]s; proxy_request_buffering off; proxy_http_version 1.1; }
			}
		}`, dir, front, strings.TrimSuffix(strings.TrimSuffix(s.url, "/"), "/files"))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := exec.Command(nginx, "-c", conf, "-p", dir)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = proxy.Process.Kill()
		_ = proxy.Wait()
	})
	until(t, "nginx listens", func() bool {
		c, err := net.Dial("tcp", front)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
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
