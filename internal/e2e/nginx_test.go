package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/internal/testport"
	"github.com/davdisk/davdisk/internal/testtool"
)

// freeAddress finds an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	return testport.Addresses(t, 1)[0]
}

// startNginx runs nginx with one server, given by its directives, until the
// test ends, and waits until it listens on the address. It passes bodies on as
// they come, because a proxy that gathers them first has its own limits.
func startNginx(t *testing.T, address, directives string) {
	t.Helper()
	startNginxWith(t, address, "server { "+directives+" }")
}

// startNginxWith is startNginx for what is in the block http.
func startNginxWith(t *testing.T, address, directives string) {
	t.Helper()
	nginx := testtool.Find(t, "nginx")
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`
		daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes 1;
		events { worker_connections 64; }
		http {
			access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
			fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
			client_max_body_size 0; proxy_request_buffering off; proxy_http_version 1.1;
			%[2]s
		}`, dir, directives)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := exec.Command(nginx, "-c", conf, "-p", dir)
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- proxy.Wait() }()
	t.Cleanup(func() {
		_ = proxy.Process.Kill()
		<-ended
	})
	// It writes its number when it has got its addresses: before, another server may
	// answer there.
	until(t, "nginx listens", func() bool {
		select {
		case err := <-ended:
			ended <- err
			said, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Fatalf("nginx has ended: %v\n%s", err, said)
		default:
		}
		pid, err := os.ReadFile(filepath.Join(dir, "pid"))
		return err == nil && len(pid) > 0
	})
}
