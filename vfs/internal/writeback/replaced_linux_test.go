package writeback

import (
	"syscall"
	"testing"
)

// TestNoDescriptorsWhileReplacing: an upload that waits, and is replaced by another
// while nothing can be opened, is still in the folder unless the other one is.
func TestNoDescriptorsWhileReplacing(t *testing.T) {
	o, dir := newOthers(), t.TempDir()
	q := amongOthers(t, refusing(), o, dir)
	if err := putIn(t, q, "f", "one"); err != nil {
		t.Fatal(err)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	o.announce = func(File) error { // the entry is written by then
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Max: limit.Max})
	}
	stored := putIn(t, q, "f", "three")
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	entries, _, err := Read(dir)
	if err != nil || len(entries) != 1 || entries[0].Size != int64(len("three")) && (stored == nil || entries[0].Size != int64(len("one"))) {
		t.Errorf("the Put returned %v, and %+v is left, %v", stored, entries, err)
	}
}
