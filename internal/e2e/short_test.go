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

// TestShortFolder lets the service show less of a folder than is in it. A
// client is never told a listing that lacks something, nor by that listing
// that a name is not there; when all is shown again, all is there.
func TestShortFolder(t *testing.T) {
	for name, lie := range map[string]func(k *emulator.Knobs){
		"no listing":    func(k *emulator.Knobs) { k.ListingLost = true },
		"no items":      func(k *emulator.Knobs) { k.ItemsNull = true },
		"items missing": func(k *emulator.Knobs) { k.ItemsLost = 1 },
		"no total":      func(k *emulator.Knobs) { k.TotalLost = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &subject{T: t, disk: startDisk(t, emulator.Options{Knobs: emulator.Knobs{ShortFolder: "disk:/d"}})}
			members := []string{"/d/a.txt", "/d/b.txt", "/d/sub/c.txt"}
			for _, path := range members {
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

			d.disk.SetKnobs(lie)
			list := func(path string) (int, string) {
				return d.request("PROPFIND", path, "", map[string]string{"Depth": "1"})
			}
			if code, body := list("/d/"); code != http.StatusServiceUnavailable || !strings.Contains(body, "--yandex-accept-short-listings") {
				t.Errorf("PROPFIND: %d %s", code, body)
			}
			for _, path := range members {
				d.mustNotMiss("short", path)
			}
			// A name is asked for by itself where its folder cannot be listed.
			if code, body := d.request("PROPFIND", "/d/none", "", map[string]string{"Depth": "0"}); code != http.StatusNotFound {
				t.Errorf("PROPFIND of what is not there: %d %s", code, body)
			}
			if code, body := list("/"); code != http.StatusMultiStatus {
				t.Errorf("PROPFIND of the folder above: %d %s", code, body)
			}
			d.disk.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
			if code, body := list("/d/"); code != http.StatusMultiStatus || strings.Count(body, "<D:response>") != 4 {
				t.Errorf("PROPFIND afterwards: %d %s", code, body)
			}
		})
	}
}
