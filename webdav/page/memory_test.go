package page_test

import (
	"runtime"
	"testing"

	"github.com/davdisk/davdisk/webdav/page"
)

// TestAPageThatNobodyLooksAtNeedsLittleMemory: its files are compressed when a
// browser asks for them, which takes a megabyte each.
func TestAPageThatNobodyLooksAtNeedsLittleMemory(t *testing.T) {
	least := ^uint64(0)
	for range 3 { // what earlier tests have left running may allocate too
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := page.New(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > 500<<10 {
		t.Errorf("a page takes %d KiB before anybody looks at it", least>>10)
	}
}
