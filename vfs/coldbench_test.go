package vfs_test

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
)

// BenchmarkCold does what clients do with a disk of which nothing is known yet, a
// request to which takes 30 ms.
func BenchmarkCold(b *testing.B) {
	srv := startEmulator(b, emulator.Options{Latency: 30 * time.Millisecond, Knobs: emulator.Knobs{Async: "never"}})
	fill := func(dir string, files int, size int) {
		b.Helper()
		if err := srv.Mkdir(dir); err != nil {
			b.Fatal(err)
		}
		for i := range files {
			if err := srv.WriteFile(fmt.Sprintf("%s/%05d", dir, i), make([]byte, size)); err != nil {
				b.Fatal(err)
			}
		}
	}
	fill("/d", 200, 4096)
	fill("/many", 10_000, 0)
	fill("/large", 1, 16<<20)
	fill("/tree", 0, 0)
	for i := range 200 {
		fill(fmt.Sprintf("/tree/%03d", i), 20, 1)
	}
	cold := func(name string, do func(f *vfs.FS)) {
		b.Run(name, func(b *testing.B) {
			srv.ResetCounters()
			for b.Loop() {
				b.StopTimer()
				f := newFS(b, connect(b, srv, yandex.Config{}))
				b.StartTimer()
				do(f)
			}
			c := srv.Counters()
			b.ReportMetric(float64(c.API())/float64(b.N), "api-calls/op")
			b.ReportMetric(float64(c.Transfers())/float64(b.N), "transfers/op")
		})
	}
	read := func(f *vfs.FS, name string) {
		if _, err := afero.ReadFile(f, name); err != nil {
			b.Error(err)
		}
	}
	list := func(f *vfs.FS, name string) {
		if _, err := afero.ReadDir(f, name); err != nil {
			b.Error(err)
		}
	}
	cold("list 10,000", func(f *vfs.FS) { list(f, "/many") })
	cold("read 200 files by 8", func(f *vfs.FS) {
		var next atomic.Int32
		var reading sync.WaitGroup
		for range 8 {
			reading.Go(func() {
				for i := next.Add(1) - 1; i < 200; i = next.Add(1) - 1 {
					read(f, fmt.Sprintf("/d/%05d", i))
				}
			})
		}
		reading.Wait()
	})
	cold("read 100 ranges", func(f *vfs.FS) {
		for i := range int64(100) {
			h, err := f.Open("/large/00000")
			if err != nil {
				b.Fatal(err)
			}
			if _, err := h.ReadAt(make([]byte, 64<<10), i*150_000); err != nil {
				b.Error(err)
			}
			h.Close()
		}
	})
	cold("walk 200 folders of 20", func(f *vfs.FS) {
		list(f, "/tree")
		for i := range 200 {
			list(f, fmt.Sprintf("/tree/%03d", i))
		}
	})
}

// BenchmarkTransfersPerFile reads 128 MiB from a service that limits each transfer
// to 20 MB a second.
func BenchmarkTransfersPerFile(b *testing.B) {
	const size = 128 << 20
	srv := startEmulator(b, emulator.Options{Knobs: emulator.Knobs{DownloadRate: 20_000_000}})
	if err := srv.WriteFile("/large", make([]byte, size)); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("transfers=%d", n), func(b *testing.B) {
			b.SetBytes(size)
			srv.ResetCounters()
			for b.Loop() {
				h, err := newFS(b, connect(b, srv, yandex.Config{}), vfs.WithTransfersPerFile(n)).Open("/large")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, h); err != nil {
					b.Error(err)
				}
				h.Close()
			}
			b.ReportMetric(float64(srv.Counters().Transfers())/float64(b.N), "transfers/op")
		})
	}
}
