package webdav

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// fiveProps are what file managers ask for.
const fiveProps = `<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getetag/><getlastmodified/><getcontenttype/></prop></propfind>`

// listing serves a folder of n files, whose listing is in memory.
type listing struct {
	handler http.Handler
}

func newListing(tb testing.TB, n int) *listing {
	tb.Helper()
	store := memory.New(memory.Options{})
	ctx := tb.Context()
	if err := store.Mkdir(ctx, "d"); err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		if _, err := store.Put(ctx, fmt.Sprintf("d/file %06d.png", i), strings.NewReader("content"), backend.PutOptions{Size: 7}); err != nil {
			tb.Fatal(err)
		}
	}
	fs, err := vfs.New(store, vfs.WithDirCache(time.Hour, 100_000), vfs.WithPollInterval(0)) // listed once, however slow the machine is
	if err != nil {
		tb.Fatal(err)
	}
	h, err := NewHandler(fs)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.Close(); fs.Close() })
	l := &listing{h}
	l.ask(tb, fiveProps) // lists the store
	return l
}

// ask lists the folder, and throws the answer away as it comes.
func (l *listing) ask(tb testing.TB, query string) {
	req := httptest.NewRequest("PROPFIND", "/d/", strings.NewReader(query))
	req.Header.Set("Depth", "1")
	w := &discarded{header: http.Header{}}
	l.handler.ServeHTTP(w, req)
	if w.status != http.StatusMultiStatus || w.size < 100 {
		tb.Fatalf("answered %d, %d bytes", w.status, w.size)
	}
}

type discarded struct {
	header http.Header
	status int
	size   int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(code int)        { d.status = code }
func (d *discarded) Write(p []byte) (int, error) { d.size += len(p); return io.Discard.Write(p) }

// newLocalListing serves a folder of this machine with n files, each of which is
// looked at for each listing.
func newLocalListing(tb testing.TB, n int) *listing {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		tb.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, "d", fmt.Sprintf("file %06d.png", i)), []byte("content"), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	store, err := local.New(dir, local.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	fs, err := vfs.New(store, vfs.WithDirCache(0, 0))
	if err != nil {
		tb.Fatal(err)
	}
	h, err := NewHandler(fs)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.Close(); fs.Close(); store.Close() })
	return &listing{h}
}

// BenchmarkPropfindLocal lists a folder of this machine.
func BenchmarkPropfindLocal(b *testing.B) {
	l := newLocalListing(b, 1000)
	for name, query := range map[string]string{"five": fiveProps, "allprop": ""} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.ask(b, query)
			}
		})
	}
}

func BenchmarkPropfind(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		l := newListing(b, n)
		for name, query := range map[string]string{"five": fiveProps, "allprop": ""} {
			b.Run(fmt.Sprintf("%s of %d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					l.ask(b, query)
				}
			})
		}
	}
}

// cost returns what a call allocates, together with what others do meanwhile.
func cost(call func()) (made runtime.MemStats) {
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&made)
	made.Mallocs -= before.Mallocs
	made.TotalAlloc -= before.TotalAlloc
	return made
}

// least returns the least of several measurements, which others disturb.
func least(measure func() uint64) uint64 {
	smallest := measure()
	for range 2 {
		smallest = min(smallest, measure())
	}
	return smallest
}

// TestPropfindAllocates little: a response is appended, not built. What is left
// of each entry is its entity tag, and for allprop what the file system is asked
// about its dead properties.
func TestPropfindAllocates(t *testing.T) {
	const few, many = 100, 1100
	small, large := newListing(t, few), newListing(t, many)
	for _, c := range []struct {
		name, query string
		most        float64
	}{
		{"five properties", fiveProps, 2},
		{"four missing", strings.Replace(fiveProps, "<prop>", `<prop><none/><nil xmlns="urn:x"/><quota-used-bytes/><quota-available-bytes/>`, 1), 5},
		{"allprop", "", 5},
		{"propname", `<propfind xmlns="DAV:"><propname/></propfind>`, 11},
	} {
		base := least(func() uint64 { return cost(func() { small.ask(t, c.query) }).Mallocs })
		each := float64(least(func() uint64 { return cost(func() { large.ask(t, c.query) }).Mallocs })-base) / (many - few)
		t.Logf("%s: %.1f allocations an entry, %d of %d", c.name, each, base, few)
		if each > c.most {
			t.Errorf("%s: %.1f allocations an entry, want at most %.0f", c.name, each, c.most)
		}
	}
}

// TestLocalPropfindAllocates little: of each file of a folder of this machine what is
// left is its name for us and for the system, its version, and its entity tag.
func TestLocalPropfindAllocates(t *testing.T) {
	const few, many, most = 100, 1100, 5
	small, large := newLocalListing(t, few), newLocalListing(t, many)
	for name, query := range map[string]string{"five properties": fiveProps, "allprop": ""} {
		base := least(func() uint64 { return cost(func() { small.ask(t, query) }).Mallocs })
		each := float64(least(func() uint64 { return cost(func() { large.ask(t, query) }).Mallocs })-base) / (many - few)
		t.Logf("%s: %.1f allocations an entry, %d of %d", name, each, base, few)
		if each > most && runtime.GOOS == "linux" {
			t.Errorf("%s: %.1f allocations an entry, want at most %d", name, each, most)
		}
	}
}

// TestLargeListingMakesLittleGarbage: less than 20 MB for 10,000 entries.
func TestLargeListingMakesLittleGarbage(t *testing.T) {
	l := newListing(t, 10_000)
	for name, query := range map[string]string{"five properties": fiveProps, "allprop": ""} {
		made := least(func() uint64 { return cost(func() { l.ask(t, query) }).TotalAlloc })
		t.Logf("%s: %d bytes", name, made)
		if made > 20<<20 {
			t.Errorf("%s: %d bytes of garbage", name, made)
		}
	}
}
