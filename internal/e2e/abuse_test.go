package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestAbuse does to davdisk at once what strangers do to a server on the
// open network, and looks that others are served and memory stays small.
func TestAbuse(t *testing.T) {
	linux(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	put(t, disk, "f.txt", "served")
	host := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/")

	served := func(while string) {
		t.Helper()
		t.Logf("while %s the peak is %d MiB", while, peak(t, s.cmd.Process.Pid))
		if code, body := s.request(http.MethodGet, "f.txt", nil); code != http.StatusOK || body != "served" {
			t.Errorf("while %s another user got %d %q", while, code, body)
		}
	}
	var open []net.Conn
	t.Cleanup(func() {
		for _, c := range open {
			c.Close()
		}
	})
	dial := func() net.Conn {
		t.Helper()
		c, err := net.DialTimeout("tcp", host, 20*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", len(open), err)
		}
		open = append(open, c)
		return c
	}

	for range 4500 {
		dial()
	}
	served("4500 connections are idle")

	for i := range 500 {
		c := dial()
		if _, err := fmt.Fprintf(c, "PUT /slow%d HTTP/1.1\r\nHost: %s\r\nX-Slow: ", i, host); err != nil {
			t.Fatal(err)
		}
	}
	served("500 clients send their header byte by byte")

	// A PROPFIND whose body never ends: it must be refused, and soon.
	req, err := http.NewRequest("PROPFIND", s.url, io.MultiReader(
		strings.NewReader(`<?xml version="1.0"?><propfind xmlns="DAV:"><prop>`),
		io.LimitReader(&pattern{}, 1<<30), strings.NewReader(`</prop></propfind>`)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Depth", "0")
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge && res.StatusCode != http.StatusBadRequest {
			t.Errorf("1 GiB of XML was answered %s", res.Status)
		}
	}
	served("1 GiB of XML is sent")

	// More locks than may be held.
	lock := `<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype><owner>` + strings.Repeat("o", 200) + `</owner></lockinfo>`
	var answers sync.Map
	var clients sync.WaitGroup
	for w := range 8 {
		clients.Go(func() {
			c, err := net.Dial("tcp", host)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			reader := bufio.NewReader(c)
			for i := range 1300 {
				fmt.Fprintf(c, "LOCK /lock%d-%d HTTP/1.1\r\nHost: %s\r\nDepth: 0\r\nTimeout: Infinite\r\nContent-Length: %d\r\n\r\n%s", w, i, host, len(lock), lock)
				res, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Errorf("lock %d: %v", i, err)
					return
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil {
					t.Errorf("lock %d: %v", i, err)
					return
				}
				answers.Store(res.StatusCode, true)
			}
		})
	}
	clients.Wait()
	answers.Range(func(code, _ any) bool {
		switch code {
		case http.StatusCreated, http.StatusInsufficientStorage, http.StatusServiceUnavailable, http.StatusTooManyRequests:
		default:
			t.Errorf("a lock was answered %v", code)
		}
		return true
	})
	if _, refused := answers.Load(http.StatusInsufficientStorage); !refused {
		t.Error("10,400 locks were all granted")
	}
	served("all locks are taken")

	const most = 128
	if got := peak(t, s.cmd.Process.Pid); got >= most {
		t.Errorf("davdisk took %d MiB at its peak, want less than %d", got, most)
	} else {
		t.Logf("davdisk took %d MiB at its peak", got)
	}
}
