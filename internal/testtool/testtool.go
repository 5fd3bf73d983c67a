// Package testtool finds the real programs that tests drive, and skips or fails
// a test if one is missing.
package testtool

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Required reports whether a missing tool is a failure, because all were installed
// (`make test` on Debian).
func Required() bool { return os.Getenv("DAVDISK_TEST_TOOLS") == "require" }

// Find returns the path of a program. The test is skipped without it, or fails
// if tools are required.
func Find(tb testing.TB, name string) string {
	tb.Helper()
	for _, dir := range []string{"", "/usr/sbin", "/sbin"} { // which are not in everybody's PATH
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found
		}
	}
	if Required() {
		tb.Fatalf("%s is not installed; scripts/test-tools does that", name)
	}
	tb.Skipf("%s is not installed here", name)
	return ""
}
