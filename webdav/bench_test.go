package webdav_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/vfs"
	"github.com/davdisk/davdisk/webdav"
)

// share is the whole of davdisk on an emulated disk with the latency of a real
// network.
type share struct {
	*testing.B
	disk *emulator.Server
	url  string
}

func newShare(b *testing.B, latency time.Duration, seed func(*share)) *share {
	b.Helper()
	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		b.Fatal(err)
	}
	store, err := yandex.New(yandex.Config{APIURL: disk.URL, Token: yandex.StaticToken(disk.Token), Rate: -1})
	if err != nil {
		b.Fatal(err)
	}
	fs, err := vfs.New(store)
	if err != nil {
		b.Fatal(err)
	}
	handler, err := webdav.NewHandler(fs)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(handler)
	b.Cleanup(func() {
		server.Close()
		for _, c := range []io.Closer{handler, fs, disk} {
			if err := c.Close(); err != nil {
				b.Error(err)
			}
		}
	})
	s := &share{B: b, disk: disk, url: server.URL}
	seed(s)
	disk.SetLatency(latency)
	return s
}

// do makes a request and demands the status.
func (s *share) do(want int, method, path string, body []byte, header ...string) {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		s.Fatal(err)
	}
	if res.StatusCode != want {
		s.Fatalf("%s %s answered %s, want %d", method, path, res.Status, want)
	}
}

// measure counts what one op costs upstream; between does what each op needs
// and is neither timed nor counted.
func (s *share) measure(between, op func(i int)) {
	s.Helper()
	var api, transfers int
	for i := 0; s.Loop(); i++ {
		s.StopTimer()
		between(i)
		s.disk.ResetCounters()
		s.StartTimer()
		op(i)
		s.StopTimer()
		counted := s.disk.Counters()
		api += counted.API()
		transfers += counted.Transfers()
		s.StartTimer()
	}
	s.ReportMetric(float64(api)/float64(s.N), "api-calls/op")
	s.ReportMetric(float64(transfers)/float64(s.N), "transfers/op")
}

// BenchmarkUpstream has the disk beside davdisk, where time is davdisk's own, as
// far as it is for most, and on another continent.
func BenchmarkUpstream(b *testing.B) {
	for _, latency := range []time.Duration{0, 30 * time.Millisecond, 100 * time.Millisecond} {
		b.Run(fmt.Sprintf("latency=%dms", latency.Milliseconds()), func(b *testing.B) { benchmarkUpstream(b, latency) })
	}
}

func benchmarkUpstream(b *testing.B, latency time.Duration) {
	small := bytes.Repeat([]byte("4KiB"), 1024)
	folder := func(s *share, name string, files int) {
		s.Helper()
		mkdir(s, name)
		for i := range files {
			write(s, fmt.Sprintf("%s/file %03d", name, i), small)
		}
	}
	b.Run("PROPFIND depth 1 of 1000, cold", func(b *testing.B) {
		s := newShare(b, latency, nobody)
		s.measure(func(i int) { folder(s, fmt.Sprintf("n%d", i), 1000) }, func(i int) {
			s.do(http.StatusMultiStatus, "PROPFIND", fmt.Sprintf("/n%d", i), nil, "Depth", "1")
		})
	})
	b.Run("PROPFIND depth 1 of 1000, warm", func(b *testing.B) {
		s := newShare(b, latency, func(s *share) { folder(s, "d", 1000) })
		list := func(int) { s.do(http.StatusMultiStatus, "PROPFIND", "/d", nil, "Depth", "1") }
		s.measure(list, list)
	})
	b.Run("GET 4 KiB, warm", func(b *testing.B) {
		s := newShare(b, latency, func(s *share) { write(s, "f", small) })
		s.measure(func(int) { s.do(http.StatusMultiStatus, "PROPFIND", "/", nil, "Depth", "1") }, func(int) {
			s.do(http.StatusOK, "GET", "/f", nil)
		})
	})
	b.Run("PUT 4 KiB, new, warm", func(b *testing.B) {
		s := newShare(b, latency, nobody)
		s.measure(func(int) { s.do(http.StatusMultiStatus, "PROPFIND", "/", nil, "Depth", "1") }, func(i int) {
			s.do(http.StatusCreated, "PUT", fmt.Sprintf("/new%d", i), small)
		})
	})
	b.Run("COPY of a folder of 100", func(b *testing.B) {
		s := newShare(b, latency, func(s *share) { folder(s, "d", 100) })
		s.measure(func(int) { s.do(http.StatusMultiStatus, "PROPFIND", "/", nil, "Depth", "1") }, func(i int) {
			s.do(http.StatusCreated, "COPY", "/d", nil, "Destination", fmt.Sprintf("/copy%d", i))
		})
	})
	b.Run("MOVE of a folder of 100", func(b *testing.B) {
		s := newShare(b, latency, func(s *share) { folder(s, "d0", 100) })
		s.measure(func(int) { s.do(http.StatusMultiStatus, "PROPFIND", "/", nil, "Depth", "1") }, func(i int) {
			s.do(http.StatusCreated, "MOVE", fmt.Sprintf("/d%d", i), nil, "Destination", fmt.Sprintf("/d%d", i+1))
		})
	})
	b.Run("DELETE of a folder of 100", func(b *testing.B) {
		s := newShare(b, latency, func(s *share) { folder(s, "d", 100) })
		s.measure(func(i int) {
			s.do(http.StatusCreated, "COPY", "/d", nil, "Destination", fmt.Sprintf("/d%d", i))
			s.do(http.StatusMultiStatus, "PROPFIND", "/", nil, "Depth", "1")
		}, func(i int) {
			s.do(http.StatusNoContent, "DELETE", fmt.Sprintf("/d%d", i), nil)
		})
	})
}

func nobody(*share) {}

// mkdir and write put something on the disk behind davdisk's back, which is
// quicker than through it.
func mkdir(s *share, name string) {
	s.Helper()
	if err := s.disk.Mkdir("disk:/" + name); err != nil {
		s.Fatal(err)
	}
}

func write(s *share, name string, content []byte) {
	s.Helper()
	if err := s.disk.WriteFile("disk:/"+name, content); err != nil {
		s.Fatal(err)
	}
}
