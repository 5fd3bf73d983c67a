package etcdtest

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// TestProxy: what is sent while it is held comes afterwards, and what is sent
// while it is cut does not.
func TestProxy(t *testing.T) {
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	p := NewProxy(t, "http://"+echo.Addr().String())
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", strings.TrimPrefix(p.Endpoint, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	comes := func(c net.Conn, want string) {
		t.Helper()
		if got, err := bufio.NewReader(c).ReadString('\n'); got != want {
			t.Errorf("%q, %v came back, want %q", got, err, want)
		}
	}
	c := dial()
	defer c.Close()
	_, _ = io.WriteString(c, "one\n")
	comes(c, "one\n")
	p.Hold()
	_, _ = io.WriteString(c, "two\n")
	came := make(chan string)
	go func() {
		line, _ := bufio.NewReader(c).ReadString('\n')
		came <- line
	}()
	other := NewProxy(t, "http://"+echo.Addr().String())
	open, err := net.Dial("tcp", strings.TrimPrefix(other.Endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for range 20 { // time enough for it to come
		_, _ = io.WriteString(open, "meanwhile\n")
		comes(open, "meanwhile\n")
	}
	select {
	case line := <-came:
		t.Errorf("%q came through a proxy that holds everything", line)
	default:
	}
	p.Heal()
	if line := <-came; line != "two\n" {
		t.Errorf("%q came when it was healed", line)
	}
	p.Cut()
	_, _ = io.WriteString(c, "three\n")
	comes(c, "")
	refused := dial()
	defer refused.Close()
	_, _ = io.WriteString(refused, "four\n")
	comes(refused, "")
	p.Heal()
	again := dial()
	defer again.Close()
	_, _ = io.WriteString(again, "five\n")
	comes(again, "five\n")
}
