package testtool

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build returns the path of a program that Debian does not have, which is built
// once, in the cache folder of the user. build returns the command that leaves it
// under its name in an empty folder. The test is skipped if that fails, or fails
// if tools are required.
func Build(tb testing.TB, name, version string, build func(dir string) *exec.Cmd) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	dir := filepath.Join(cache, "davdisk-test", name+"-"+version)
	bin := filepath.Join(dir, name)
	if _, err := os.Stat(bin); err == nil {
		return bin
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	fresh, err := os.MkdirTemp(dir, "build-") // another package may build it too
	if err != nil {
		tb.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	if out, err := build(fresh).CombinedOutput(); err != nil {
		if Required() {
			tb.Fatalf("%s is not built: %v\n%s", name, err, out)
		}
		tb.Skipf("%s is not built here: %v\n%s", name, err, out)
	}
	if err := os.Rename(filepath.Join(fresh, name), bin); err != nil {
		tb.Fatal(err)
	}
	return bin
}
