package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

const lockOfSiege = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>%s</D:owner></D:lockinfo>`

// TestSiege has thousands of clients that want nothing but room: connections
// that stay silent, headers that never end, bodies of XML without end, and
// more locks than there are. Somebody who works on the disk meanwhile must be
// served, and davdisk must stay small.
func TestSiege(t *testing.T) {
	linux(t)
	const silent, dripping, locks, most = 5000, 200, 10_000, 128
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk, "--dir-cache-time", "1h")
	address, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	for i := range silent + dripping {
		conn, err := net.Dial("tcp", address.Host)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		if i >= silent {
			fmt.Fprintf(conn, "PROPFIND / HTTP/1.1\r\nHost: %s\r\nX-Slow: a", address.Host)
		}
	}

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	send := func(method, name string, body io.Reader, header ...string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, s.url+name, body)
		if err != nil {
			t.Error(err)
			return 0
		}
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", method, name, err)
			return 0
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Errorf("%s %s: %v", method, name, err)
		}
		return res.StatusCode
	}

	var siege, worker sync.WaitGroup
	siege.Go(func() {
		body := io.MultiReader(strings.NewReader(`<D:propfind xmlns:D="DAV:"><D:prop><D:a>`), io.LimitReader(&pattern{}, 1<<30))
		if got := send("PROPFIND", "", body, "Depth", "0"); got != http.StatusRequestEntityTooLarge {
			t.Errorf("a GiB of XML: %d, want 413", got)
		}
	})
	var granted, refused atomic.Int32
	owner := strings.Repeat("o", 200)
	for part := range 8 {
		siege.Go(func() {
			for i := part; i < locks+80; i += 8 {
				switch got := send("LOCK", fmt.Sprint("lock%20", i), strings.NewReader(fmt.Sprintf(lockOfSiege, owner)), "Depth", "0", "Timeout", "Infinite"); got {
				case http.StatusCreated:
					granted.Add(1)
				case http.StatusInsufficientStorage:
					refused.Add(1)
				default:
					t.Errorf("lock %d: %d", i, got)
				}
			}
		})
	}
	over := make(chan struct{})
	served := 0
	worker.Go(func() {
		for ; ; served++ {
			name := fmt.Sprintf("work%d.txt", served%10)
			if got := send("PUT", name, strings.NewReader(name)); got != http.StatusCreated && got != http.StatusNoContent {
				t.Errorf("put during the siege: %d", got)
			}
			if got := send("GET", name, nil); got != http.StatusOK {
				t.Errorf("get during the siege: %d", got)
			}
			if got := send("PROPFIND", "", nil, "Depth", "0"); got != http.StatusMultiStatus {
				t.Errorf("propfind during the siege: %d", got)
			}
			select {
			case <-over:
				return
			default:
			}
		}
	})
	siege.Wait()
	close(over)
	worker.Wait()

	if granted.Load() != locks || refused.Load() != 80 {
		t.Errorf("%d locks were granted and %d refused, want %d and 80", granted.Load(), refused.Load(), locks)
	}
	got := peak(t, s.cmd.Process.Pid)
	if got >= most {
		t.Errorf("davdisk took %d MiB at its peak, want less than %d", got, most)
	}
	t.Logf("davdisk took %d MiB at its peak; a worker was served %d times", got, 3*served)
}
