package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestPageFirefox does the main things in Firefox, by WebDriver BiDi.
func TestPageFirefox(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	dir := t.TempDir()
	run(t, command(t, "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "puppeteer-core@24"))
	disk := startDisk(t, emulator.Options{})
	for name, content := range map[string]string{"a.txt": "a", "b.txt": "b", "Folder/in.txt": "in"} {
		put(t, disk, name, content)
	}
	s := serve(t, disk)
	script, err := filepath.Abs("testdata/firefox.mjs")
	if err != nil {
		t.Fatal(err)
	}
	firefox := command(t, "node", script, dir, testtool.Find(t, "firefox-esr"), s.url, filepath.Join(locals(t, map[string]string{"uploaded.txt": "uploaded"}), "uploaded.txt"))
	firefox.Env = append(firefox.Environ(), "HOME="+dir)
	if out := run(t, firefox); !strings.Contains(out, "done") {
		t.Errorf("it did not come to its end:\n%s", out)
	}
	trees(t, disk, map[string]string{"renamed.txt": "a", "Folder/in.txt": "in", "uploaded.txt": "uploaded"})
}
