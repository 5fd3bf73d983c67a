package e2e

import (
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestBrowser opens a file in headless Chromium: a script in it, which would do
// to the share what it likes, does not run.
func TestBrowser(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	put(t, disk, "evil.html", `<body><p id=p>quiet</p><img src=x onerror="p.textContent='handler'"><script>p.textContent="script"; fetch("/kept.txt", {method: "DELETE"})</script>`)
	put(t, disk, "kept.txt", "kept")
	dom := func(at string) string {
		t.Helper()
		chromium := command(t, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
			"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--dump-dom", s.url+at)
		out, err := chromium.Output()
		if err != nil {
			t.Fatalf("chromium: %v", err)
		}
		return string(out)
	}
	if page := dom("evil.html"); !strings.Contains(page, ">quiet<") {
		t.Errorf("a script in a file ran:\n%s", page)
	}
	if code, _ := s.request("GET", "kept.txt", nil); code != 200 {
		t.Errorf("a script in a file deleted another: %d", code)
	}
}
