package vfs_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
)

// BenchmarkMemory is what the file system itself costs.
func BenchmarkMemory(b *testing.B) {
	f := newFS(b, memory.New(memory.Options{}))
	for i := range 1000 {
		write(b, f, fmt.Sprintf("/f%03d", i), "x")
	}
	write(b, f, "/large", strings.Repeat("x", 16<<20))
	tree := func() {
		if infos, err := afero.ReadDir(f, "/"); err != nil || len(infos) != 1001 {
			b.Fatal(len(infos), err)
		}
	}
	b.Run("stat", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Stat("/f500"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list 1000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			tree()
		}
	})
	b.Run("put 4 KiB", func(b *testing.B) {
		b.ReportAllocs()
		body := strings.Repeat("x", 4096)
		for b.Loop() {
			write(b, f, "/small", body)
		}
	})
	b.Run("read 16 MiB", func(b *testing.B) {
		b.SetBytes(16 << 20)
		for b.Loop() {
			h, err := f.Open("/large")
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, h); err != nil {
				b.Fatal(err)
			}
			h.Close()
		}
	})
}

// BenchmarkYandex runs against the emulator with the latency of a real
// service, and reports the calls beside the time.
func BenchmarkYandex(b *testing.B) {
	srv := startEmulator(b, emulator.Options{Latency: 30 * time.Millisecond, Knobs: emulator.Knobs{Async: "never"}})
	f := newFS(b, connect(b, srv, yandex.Config{}), vfs.WithPollInterval(time.Hour))
	if err := f.Mkdir("/tree", 0o777); err != nil {
		b.Fatal(err)
	}
	for i := range 20 {
		write(b, f, fmt.Sprintf("/tree/%d", i), "x")
	}
	counted := func(name string, do func(i int) error) {
		b.Run(name, func(b *testing.B) {
			srv.ResetCounters()
			i := 0
			for b.Loop() {
				i++
				if err := do(i); err != nil {
					b.Fatal(err)
				}
			}
			c := srv.Counters()
			b.ReportMetric(float64(c.API())/float64(i), "api-calls/op")
			b.ReportMetric(float64(c.Transfers())/float64(i), "transfers/op")
		})
	}
	body := strings.Repeat("x", 4096)
	counted("put 4 KiB", func(int) error {
		_, err := f.Put("/small", strings.NewReader(body), 4096, time.Time{}, "", false)
		return err
	})
	counted("get 4 KiB", func(int) error { _, err := afero.ReadFile(f, "/small"); return err })
	counted("list 20", func(int) error { _, err := afero.ReadDir(f, "/tree"); return err })
	counted("copy tree over tree", func(int) error { return f.Copy("/tree", "/copy", true, -1) })
	counted("move", func(i int) error {
		if i%2 == 1 {
			return f.Move("/copy", "/moved", true)
		}
		return f.Move("/moved", "/copy", true)
	})
}
