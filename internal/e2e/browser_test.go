package e2e

import (
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestBrowser opens a folder in headless Chromium: names that would be markup
// show as text, and lead to the file. The page's own script runs, and that of a
// file, which would do to the share what it likes, does not.
func TestBrowser(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	name := `<img src=x onerror=document.title=1> & "co" 100%.txt`
	put(t, disk, name, "text")
	put(t, disk, "Документы/письмо.txt", "text")
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
	page := dom("")
	for _, want := range []string{"&lt;img src=x onerror=document.title=1&gt; &amp;", "Документы", "%3Cimg%20src=x"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "<img src=\"x\"") {
		t.Error("a name became markup")
	}
	if !strings.Contains(page, `aria-label="Filter by name">`) { // the script takes "hidden" away
		t.Errorf("the page's script did not run:\n%s", page)
	}
	if page := dom("evil.html"); !strings.Contains(page, ">quiet<") {
		t.Errorf("a script in a file ran:\n%s", page)
	}
	if code, _ := s.request("GET", "kept.txt", nil); code != 200 {
		t.Errorf("a script in a file deleted another: %d", code)
	}
}
