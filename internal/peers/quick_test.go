package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestQuick lets all peers do all work, little of it, and looks whether each has a
// figure in each row. The figures are not looked at.
func TestQuick(t *testing.T) {
	testlevel.NeedLong(t)
	if runtime.GOOS != "linux" {
		t.Skip("needs the /proc of Linux")
	}
	for _, server := range []string{"rclone", "nginx", "apache2", "lighttpd", "curl"} {
		testtool.Find(t, server)
	}
	dir := t.TempDir()
	// Apache becomes another user, who has to reach what it serves.
	for _, above := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tool := filepath.Join(dir, "peers")
	if out, err := exec.Command("go", "build", "-o", tool, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), tool, "-quick", "-docs", dir, "-dir", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) < 2 || strings.HasPrefix(cells[0], "---") {
			continue
		}
		rows++
		for _, cell := range cells {
			if cell := strings.TrimSpace(cell); cell == "" || cell == "–" {
				t.Errorf("there is no figure in %s", line)
			}
		}
	}
	z := sizesOf(true)
	// Each task has a row in each table of figures.
	if want := 2*(len(upstreamTasks(z))+len(wireTasks(z))) + 3*len(localTasks(z)) + len(growthTasks(z)) + len(memoryTasks(z)); rows < want {
		t.Errorf("there are %d rows, want at least %d", rows, want)
	}
	for _, want := range []string{"rclone ", "nginx", "Apache", "lighttpd", "x/net", "davdisk", "nginx, proxy", "curl, no server"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not measured", want)
		}
	}
	for _, part := range []string{"upstream", "local"} {
		if svg, err := os.ReadFile(filepath.Join(dir, "images", "peers-"+part+".svg")); err != nil || !strings.HasSuffix(strings.TrimSpace(string(svg)), "</svg>") {
			t.Errorf("the chart of %s: %d bytes, %v", part, len(svg), err)
		}
	}
}
