//go:build unix

package writeback

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFullDisk puts a file in a process that can write none: it is at the
// store before the answer.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv("DAVDISK_TEST_DIR"); dir != "" {
		store := newStubborn()
		q := open(t, store, dir)
		put(t, q, "f", "stored at once")
		files, _ := q.Waiting()
		fmt.Printf("has %s, %d wait\n", tree(t, store.Backend), files)
		q.Close()
		return
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", `ulimit -f 0 && exec "$0" -test.run='^TestFullDisk$'`, os.Args[0]) // no file may have a byte
	cmd.Env = append(os.Environ(), "DAVDISK_TEST_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "has f=stored at once, 0 wait") {
		t.Errorf("it ended with %v: %s", err, out)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("in the folder is left %v, want the lock only", left)
	}
}
