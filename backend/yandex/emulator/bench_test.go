package emulator_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// The emulator must not be the limit of what is measured against it.
func BenchmarkTransfer(b *testing.B) {
	const size = 1 << 30
	b.Run("up/1GiB", func(b *testing.B) {
		s := start(b, emulator.Options{Dir: b.TempDir(), Knobs: emulator.Knobs{TotalSpace: 1 << 50}})
		b.SetBytes(size)
		for b.Loop() {
			b.StopTimer()
			l := api(b, s, "GET", "/resources/upload", "path", "/big.bin", "overwrite", "true").want(b, 200)
			b.StartTimer()
			putPattern(b, l.str("href"), size).want(b, 201)
		}
	})
	b.Run("down/1GiB", func(b *testing.B) {
		s := start(b, emulator.Options{Dir: b.TempDir()})
		if err := s.WriteFrom("/big.bin", emulator.Pattern(size, 1)); err != nil {
			b.Fatal(err)
		}
		benchmarkDownload(b, s, size)
	})
	b.Run("down/1GiB-pattern", func(b *testing.B) {
		s := start(b, emulator.Options{})
		if err := s.WritePattern("/big.bin", size, 1); err != nil {
			b.Fatal(err)
		}
		benchmarkDownload(b, s, size)
	})
}

func benchmarkDownload(b *testing.B, s *emulator.Server, size int64) {
	href := api(b, s, "GET", "/resources/download", "path", "/big.bin").want(b, 200).str("href")
	b.SetBytes(size)
	for b.Loop() {
		if n := drain(b, href); n != size {
			b.Fatalf("%d bytes, want %d", n, size)
		}
	}
}

// zeros is a body that costs the client nothing to produce.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// putPattern uploads size bytes that cost neither memory nor time.
func putPattern(t testing.TB, href string, size int64) answer {
	t.Helper()
	req, err := http.NewRequest("PUT", href, io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = size
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return answer{status: resp.StatusCode, header: resp.Header}
}

// drain downloads by way of redirects and counts the bytes.
func drain(t testing.TB, href string) int64 {
	t.Helper()
	resp, err := http.Get(href)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func BenchmarkList1000(b *testing.B) {
	s := start(b, emulator.Options{})
	for i := range 1000 {
		if err := s.WriteFile(fmt.Sprintf("/dir/file %04d.txt", i), []byte("x")); err != nil {
			b.Fatal(err)
		}
	}
	for name, fields := range map[string]string{"narrow": "_embedded.items.name,_embedded.items.size,_embedded.items.md5,_embedded.items.file", "whole": ""} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				api(b, s, "GET", "/resources", "path", "/dir", "limit", "1000", "fields", fields).want(b, 200)
			}
		})
	}
}

// A gibibyte that goes up into a folder and comes down again, and one that is
// made of a pattern, must not fill the memory.
func TestContentIsStreamed(t *testing.T) {
	const size = int64(streamed)
	const limit = uint64(32 << 20)
	s := start(t, emulator.Options{Dir: t.TempDir()})
	before := heap()
	l := api(t, s, "GET", "/resources/upload", "path", "/up.bin").want(t, 200)
	putPattern(t, l.str("href"), size).want(t, 201)
	if err := s.WritePattern("/pattern.bin", size, 7); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/up.bin", "/pattern.bin"} {
		if n := drain(t, api(t, s, "GET", "/resources/download", "path", name).want(t, 200).str("href")); n != size {
			t.Errorf("%s: %d bytes came back", name, n)
		}
	}
	if after := heap(); after > before+limit {
		t.Errorf("memory grew by %d bytes", after-before)
	}
}

// heap is how much memory the process has taken from the system for objects.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapSys - m.HeapReleased
}

func TestCloseRemovesContent(t *testing.T) {
	dir := t.TempDir()
	s, err := emulator.Start(emulator.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	upload(t, s, "/a", "one").want(t, 201)
	upload(t, s, "/a", "two").want(t, 201)
	l := api(t, s, "GET", "/resources/upload", "path", "/part").want(t, 200)
	send(t, s, "PUT", l.str("href"), strings.NewReader("par"), "Content-Range", "bytes 0-2/5").want(t, 202)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 3 {
		t.Errorf("%d files are kept, %v", len(files), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%d files are left over, %v", len(files), err)
	}
}
