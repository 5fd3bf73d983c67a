package cmd

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAFileIsServedInOnePiece: the system tells the client of a real server how many
// segments with data have come.
func TestAFileIsServedInOnePiece(t *testing.T) {
	home(t)
	s := startServing(t, "memory:")
	content := strings.Repeat("0123456789abcdef", 512)
	s.wants("PUT", "f", "", content, 201)
	host := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /f HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, err := io.ReadAll(res.Body); err != nil || string(got) != content {
		t.Fatalf("%d bytes arrived, %v", len(got), err)
	}
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var segments, largest uint32
	if controlled := raw.Control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			segments, largest = info.Data_segs_in, info.Rcv_mss
		}
	}); controlled != nil {
		t.Fatal(controlled)
	}
	switch {
	case err != nil || segments == 0:
		t.Skipf("the system does not count segments: %v", err)
	case int(largest) < len(content):
		t.Skipf("a segment has no more than %d bytes here", largest)
	case segments > 1:
		t.Errorf("the answer came in %d segments", segments)
	}
}
