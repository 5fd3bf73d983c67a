//go:build unix

package cmd

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeOnAUnixSocket serves on one, and takes the place only of what nobody
// listens on.
func TestServeOnAUnixSocket(t *testing.T) {
	home(t)
	dir, err := os.MkdirTemp("", "davdisk") // the path of a socket has 100 bytes or so
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "a:1.socket")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()

	s := startServing(t, "memory:", "--addr", "unix:"+socket, "-v", "--trusted-proxy", "127.0.0.1")
	if s.url != "unix:"+socket {
		t.Errorf("it listens on %s", s.url)
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	s.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	s.url = "http://localhost/"
	s.wants("PUT", "file", "", "content", 201)
	if got := s.wants("GET", "file", "", "", 200); got != "content" {
		t.Errorf("it reads %q", got)
	}
	// A proxy in front tells whose request it is.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/file", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Forwarded-For", "192.0.2.7")
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s.log.wait(t, `(192\.0\.2\.7)`)

	if _, err := listen(t.Context(), "unix:"+socket, false, false); err == nil || !strings.Contains(err.Error(), "another program listens") {
		t.Errorf("a socket in use: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t.Context(), "unix:"+file, false, false); err == nil {
		t.Error("a file is taken for a socket")
	}
	if text, err := os.ReadFile(file); string(text) != "precious" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if _, err := listen(t.Context(), "unix:", false, false); err == nil || !strings.Contains(err.Error(), "unix:/path") {
		t.Errorf("no path: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}
