package e2e

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// cutter forwards connections to a server, and can cut or hold them amid an
// upload.
type cutter struct {
	to string

	mu    sync.Mutex
	after int64 // bytes that a connection sends until it is cut; 0: no limit
	hold  bool  // it is not cut, but nothing more of it arrives
}

// startCutter listens on an address of its own, which it returns.
func startCutter(t *testing.T, to string) (*cutter, string) {
	t.Helper()
	c := &cutter{to: strings.TrimSuffix(strings.TrimPrefix(to, "http://"), "/")}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { c.forward(client) })
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return c, "http://" + l.Addr().String() + "/"
}

func (c *cutter) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.to)
	if err != nil {
		return
	}
	defer server.Close()
	var down sync.WaitGroup
	down.Go(func() { io.Copy(client, server); client.Close(); server.Close() })
	defer down.Wait()
	defer server.Close()
	var sent int64
	buf := make([]byte, 16<<10)
	for {
		n, err := client.Read(buf)
		if n > 0 {
			sent += int64(n)
			ends, hold := c.ends(sent)
			if ends && !hold {
				client.Close()
				return
			}
			if ends {
				continue
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cutAfter cuts each connection after so many bytes, until it is called with 0:
// browsers repeat a request at once if a connection that was used before ends.
func (c *cutter) cutAfter(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after, c.hold = bytes, false
}

// holdAfter forwards nothing after so many bytes of a connection, which stays.
func (c *cutter) holdAfter(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after, c.hold = bytes, true
}

func (c *cutter) ends(sent int64) (ends, hold bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.after > 0 && sent >= c.after, c.hold
}

// TestPageUploadFaults: an upload that breaks off halfway, that is canceled or
// finds the disk full leaves what was there, says what happened, and succeeds
// when it is tried again.
func TestPageUploadFaults(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "kept.bin", "kept")
	s := serve(t, disk)
	proxy, address := startCutter(t, s.url)
	b := openBrowser(t, address).ready()
	big := strings.Repeat("0123456789abcdef", 4<<16) // 4 MiB
	local := locals(t, map[string]string{"kept.bin": big, "new.bin": big, "full.bin": big})

	// Halfway.
	proxy.cutAfter(int64(len(big) / 2))
	b.pick(filepath.Join(local, "new.bin"))
	b.wait(`document.querySelector("#uploads li.failed")?.textContent.includes("connection was lost")`)
	trees(t, disk, map[string]string{"kept.bin": "kept"})
	proxy.cutAfter(0)
	b.press("Retry")
	b.wait(`document.querySelector("#uploads li.done")`)
	trees(t, disk, map[string]string{"kept.bin": "kept", "new.bin": big})

	// Halfway, where a file is replaced.
	b.pick(filepath.Join(local, "kept.bin"))
	b.wait(`document.querySelector("dialog[open]")`)
	proxy.cutAfter(int64(len(big) / 2))
	b.press("Replace")
	b.wait(`document.querySelector("#uploads li.failed")`)
	trees(t, disk, map[string]string{"kept.bin": "kept", "new.bin": big})
	proxy.cutAfter(0)

	// A full disk. What is deleted makes room, and then the upload succeeds.
	disk.SetKnobs(func(k *emulator.Knobs) { k.TotalSpace = int64(len(big)) + 1024 })
	b.pick(filepath.Join(local, "full.bin"))
	b.wait(`[...document.querySelectorAll("#uploads li.failed")].some((i) => i.textContent.includes("disk is full"))`)
	trees(t, disk, map[string]string{"kept.bin": "kept", "new.bin": big})
	disk.SetKnobs(func(k *emulator.Knobs) { k.TotalSpace = 0 })
	b.click(`[...document.querySelectorAll("#uploads li.failed")].find((i) => i.textContent.includes("disk is full")).querySelector("button")`)
	b.wait(`document.querySelectorAll("#uploads li.done").length === 2`)
	trees(t, disk, map[string]string{"kept.bin": "kept", "new.bin": big, "full.bin": big})
}

// TestPageCancelsUploads cancels an upload that waits, one that is under way, and
// all of them: nothing is stored. One that is tried again is.
func TestPageCancelsUploads(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	proxy, address := startCutter(t, s.url)
	b := openBrowser(t, address).ready()
	content := strings.Repeat("x", 1<<20)
	proxy.holdAfter(int64(len(content) / 2))
	local := locals(t, map[string]string{"1.zip": content, "2.zip": content, "3.zip": content, "4.zip": content, "5.zip": content})
	pick := func(names ...string) {
		t.Helper()
		for i, name := range names {
			names[i] = filepath.Join(local, name)
		}
		b.pick(names...)
	}
	state := func(name, want string) {
		t.Helper()
		b.wait(uploadItem(name) + `?.className === ` + js(want))
	}
	pick("1.zip", "2.zip", "3.zip", "4.zip", "5.zip")
	state("3.zip", "running")
	state("5.zip", "waiting")
	b.click(uploadItem("5.zip") + `.querySelector("button")`)
	state("5.zip", "canceled")
	b.click(uploadItem("1.zip") + `.querySelector("button")`)
	state("1.zip", "canceled")
	state("4.zip", "running")
	b.press("Cancel all")
	for _, name := range []string{"2.zip", "3.zip", "4.zip"} {
		state(name, "canceled")
	}
	trees(t, disk, map[string]string{})

	proxy.cutAfter(0)
	b.click(uploadItem("5.zip") + `.querySelector("button")`)
	state("5.zip", "done")
	trees(t, disk, map[string]string{"5.zip": content})
}

// uploadItem is the expression for an upload in the list of them.
func uploadItem(name string) string {
	return `[...document.querySelectorAll("#uploads li")].find((i) => i.querySelector("bdi").textContent === ` + js(name) + `)`
}
