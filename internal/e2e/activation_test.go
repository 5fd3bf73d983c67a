package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// TestSocketActivation hands davdisk a socket as systemd does: the descriptor is 3,
// LISTEN_PID names the process.
func TestSocketActivation(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("systemd is of Linux")
	}
	dir, err := os.MkdirTemp("", "davdisk") // the path of a socket has 100 bytes or so
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(dir, "socket")}[network]
			l, err := net.Listen(network, address)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			socket, err := l.(interface{ File() (*os.File, error) }).File()
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			// --addr is in use, and does not matter.
			activated := exec.Command("sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, binary, "serve", "memory:", "--addr", l.Addr().String())
			activated.ExtraFiles = []*os.File{socket}
			s := startCommand(t, t.TempDir(), nil, activated)
			if want := map[string]string{"tcp": "http://" + l.Addr().String() + "/", "unix": "unix:" + address}[network]; s.url != want {
				t.Errorf("it listens on %s, want %s", s.url, want)
			}
			if network == "unix" {
				curl := command(t, "curl", "--silent", "--show-error", "--fail", "--unix-socket", address, "--upload-file", binary, "http://localhost/file")
				run(t, curl)
			} else {
				put, _ := s.request("PUT", "file", nil)
				if got, _ := s.request("GET", "file", nil); put != 201 || got != 200 {
					t.Errorf("PUT is answered %d, GET %d", put, got)
				}
			}
			s.stop()
			if _, err := os.Stat(address); network == "unix" && err != nil {
				t.Errorf("the socket of systemd is removed: %v", err)
			}
		})
	}
	t.Run("of another process", func(t *testing.T) {
		other := exec.Command("sh", "-c", `LISTEN_FDS=1 LISTEN_PID=1 exec "$0" "$@"`, binary, "serve", "memory:", "--addr", "127.0.0.1:0")
		startCommand(t, t.TempDir(), nil, other)
	})
	t.Run("two", func(t *testing.T) {
		two := command(t, "sh", "-c", `LISTEN_FDS=2 LISTEN_PID=$$ exec "$0" "$@"`, binary, "serve", "memory:")
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer null.Close()
		two.ExtraFiles = []*os.File{null, null}
		if out, err := two.CombinedOutput(); two.ProcessState.ExitCode() != 2 {
			t.Errorf("two sockets: %v, %s", err, out)
		}
	})
}
