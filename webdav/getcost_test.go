package webdav

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/vfs"
)

// newLocalFile serves a folder of this machine with a file of 4 KiB, and returns
// what gets that.
func newLocalFile(tb testing.TB) (get func()) {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file.png"), make([]byte, 4<<10), 0o644); err != nil {
		tb.Fatal(err)
	}
	store, err := local.New(dir, local.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	fs, err := vfs.New(store)
	if err != nil {
		tb.Fatal(err)
	}
	h, err := NewHandler(fs)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.Close(); fs.Close() })
	return func() {
		w := &discarded{header: http.Header{}}
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/file.png", nil))
		if w.status != http.StatusOK || w.size != 4<<10 {
			tb.Fatalf("answered %d, %d bytes", w.status, w.size)
		}
	}
}

func BenchmarkGetLocal(b *testing.B) {
	get := newLocalFile(b)
	b.ReportAllocs()
	for b.Loop() {
		get()
	}
}

// TestGetAllocates little: what a request, its answer and an open file take.
func TestGetAllocates(t *testing.T) {
	get := newLocalFile(t)
	get()
	const times, most = 100, 60
	each := float64(least(func() uint64 {
		return cost(func() {
			for range times {
				get()
			}
		}).Mallocs
	})) / times
	t.Logf("%.1f allocations", each)
	if each > most && runtime.GOOS == "linux" {
		t.Errorf("%.1f allocations a request, want at most %d", each, most)
	}
}
