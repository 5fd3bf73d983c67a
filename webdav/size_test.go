package webdav_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestSize builds two programs that serve files in memory, one by this package
// and one by golang.org/x/net/webdav: what people move from must not become
// much larger by it.
func TestSize(t *testing.T) {
	const most = 1.3
	size := func(program string) float64 {
		out := filepath.Join(t.TempDir(), "program")
		if runtime.GOOS == "windows" {
			out += ".exe"
		}
		build := exec.Command("go", "build", "-o", out, "./testdata/size/"+program)
		if text, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, text)
		}
		info, err := os.Stat(out)
		if err != nil {
			t.Fatal(err)
		}
		return float64(info.Size())
	}
	ours, theirs := size("davdisk"), size("xnet")
	t.Logf("%.1f MB by this package, %.1f MB by x/net: %.2f times", ours/1e6, theirs/1e6, ours/theirs)
	if ours > most*theirs {
		t.Errorf("%.2f times as large, want at most %.1f", ours/theirs, most)
	}
}
