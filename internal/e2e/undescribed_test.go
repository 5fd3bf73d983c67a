package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
)

// TestFileWithoutSize has a service that does not say the size of one file: that
// file alone cannot be used, and is never said to be empty or missing.
func TestFileWithoutSize(t *testing.T) {
	d := &subject{T: t, disk: startDisk(t, emulator.Options{Knobs: emulator.Knobs{SizeNull: true, WrongFor: "b.txt"}})}
	for _, path := range []string{"/d/a.txt", "/d/b.txt", "/d/sub/c.txt"} {
		if err := d.disk.WriteFile("disk:"+path, []byte("content")); err != nil {
			t.Fatal(err)
		}
	}
	store, err := yandex.New(yandex.Config{
		Token: yandex.StaticToken(d.disk.Token), APIURL: d.disk.URL, Rate: -1, RetryWait: time.Microsecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if d.vfs, err = vfs.New(store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.vfs.Close() })
	d.handle()
	t.Cleanup(func() { d.dav.Close() })
	d.http = httptest.NewServer(d.dav)
	t.Cleanup(d.http.Close)

	wants := func(status int, method, path, content string, header map[string]string) string {
		t.Helper()
		code, body := d.request(method, path, content, header)
		if code != status {
			t.Errorf("%s %s: %d %s, want %d", method, path, code, body, status)
		}
		return body
	}
	for _, depth := range []string{"1"} {
		body := wants(http.StatusMultiStatus, "PROPFIND", "/d/", "", map[string]string{"Depth": depth})
		odd := "<D:href>/d/b.txt</D:href><D:status>HTTP/1.1 503 Service Unavailable</D:status>"
		if !strings.Contains(body, odd) || !strings.Contains(body, "/d/a.txt") || strings.Count(body, "<D:getcontentlength>7<") < 1 || strings.Contains(body, "<D:getcontentlength>0<") {
			t.Errorf("depth %s: %s", depth, body)
		}
	}
	for _, method := range []string{"GET", "HEAD"} {
		wants(http.StatusServiceUnavailable, method, "/d/b.txt", "", nil)
		wants(http.StatusOK, method, "/d/a.txt", "", nil)
	}
	wants(http.StatusServiceUnavailable, "PROPFIND", "/d/b.txt", "", map[string]string{"Depth": "0"})
	wants(http.StatusCreated, "PUT", "/d/new.txt", "new", nil)
	wants(http.StatusCreated, "MOVE", "/d/a.txt", "", map[string]string{"Destination": "/d/moved.txt"})
	wants(http.StatusCreated, "COPY", "/d/", "", map[string]string{"Destination": "/copy"})
	if data, err := d.disk.ReadFile("disk:/copy/b.txt"); err != nil || string(data) != "content" {
		t.Errorf("its copy holds %q, %v", data, err)
	}
	wants(http.StatusNoContent, "DELETE", "/copy/", "", nil)
	d.disk.SetKnobs(func(k *emulator.Knobs) { k.SizeNull = false })
	if got := wants(http.StatusOK, "GET", "/d/b.txt", "", nil); got != "content" {
		t.Errorf("later it is %q", got)
	}
}
