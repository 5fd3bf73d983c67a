package e2e

import (
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestBrowser opens a folder in headless Chromium: names that would be markup
// show as text, and lead to the file.
func TestBrowser(t *testing.T) {
	linux(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	name := `<img src=x onerror=document.title=1> & "co" 100%.txt`
	put(t, disk, name, "text")
	put(t, disk, "Документы/письмо.txt", "text")
	chromium := command(t, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--dump-dom", s.url)
	dom, err := chromium.Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	page := string(dom)
	for _, want := range []string{"&lt;img src=x onerror=document.title=1&gt; &amp;", "Документы", "%3Cimg%20src=x"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "<img src=\"x\"") {
		t.Error("a name became markup")
	}
}
