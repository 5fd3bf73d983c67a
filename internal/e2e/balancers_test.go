//go:build unix

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/testtool"
)

// nginxBefore starts nginx before gateways, by the file that davdisk comes with.
func nginxBefore(t *testing.T, f *fleet, cert, key string) (address string) {
	t.Helper()
	address = freeAddress(t)
	p := packaged(t, "nginx.conf")
	for i, g := range f.gateways {
		p.replace(fmt.Sprintf("gateway%d:8080", i+1), g.host())
	}
	p.replace("listen 443 ssl;", "listen "+address+" ssl;")
	p.replace("/etc/ssl/disk.pem", cert)
	p.replace("/etc/ssl/disk.key", key)
	startNginxWith(t, address, p.text)
	return address
}

// haproxyBefore is nginxBefore of HAProxy.
func haproxyBefore(t *testing.T, f *fleet, _, _ string) (address string) {
	t.Helper()
	address = freeAddress(t)
	p := packaged(t, "haproxy.cfg")
	for i, g := range f.gateways {
		p.replace(fmt.Sprintf("gateway%d:8080", i+1), g.host())
	}
	p.replace("bind :8080", "bind "+address)
	p.replace("port 9090", "port "+f.gateways[0].adminPort(t))
	p.replace("inter 5s", "inter 2s")
	startProxy(t, address, "haproxy", "-db", "-f", p.write())
	return address
}

// caddyBefore is nginxBefore of Caddy.
func caddyBefore(t *testing.T, f *fleet, cert, key string) (address string) {
	t.Helper()
	address = freeAddress(t)
	p := packaged(t, "Caddyfile")
	for i, g := range f.gateways {
		p.replace(fmt.Sprintf("gateway%d:8080", i+1), g.host())
	}
	host, _, _ := net.SplitHostPort(address)
	p.replace("disk.example.org {", "https://"+address+" {\n bind "+host+"\n tls "+cert+" "+key)
	p.replace("health_port 9090", "health_port "+f.gateways[0].adminPort(t))
	p.replace("health_interval 5s", "health_interval 2s")
	p.text = "{\n admin off\n auto_https disable_redirects\n}\n" + p.text
	startProxy(t, address, "caddy", "run", "--adapter", "caddyfile", "--config", p.write())
	return address
}

// A packagedFile is one of packaging/cluster, whose names are replaced.
type packagedFile struct {
	*testing.T
	name, text string
}

func packaged(t *testing.T, name string) *packagedFile {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "packaging", "cluster", name))
	if err != nil {
		t.Fatal(err)
	}
	return &packagedFile{t, name, string(text)}
}

// replace replaces what must be there once.
func (p *packagedFile) replace(old, now string) {
	p.Helper()
	if n := strings.Count(p.text, old); n != 1 {
		p.Fatalf("packaging/cluster/%s has %q %d times", p.name, old, n)
	}
	p.text = strings.Replace(p.text, old, now, 1)
}

// write returns the path of the file as it is by now.
func (p *packagedFile) write() (path string) {
	p.Helper()
	path = filepath.Join(p.TempDir(), p.name)
	if err := os.WriteFile(path, []byte(p.text), 0o600); err != nil {
		p.Fatal(err)
	}
	return path
}

// startProxy runs a proxy that stays in the foreground until the test ends, and
// waits until it listens on an address.
func startProxy(t *testing.T, address, program string, args ...string) {
	t.Helper()
	home, said := t.TempDir(), &output{}
	proxy := exec.Command(testtool.Find(t, program), args...)
	proxy.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home)
	proxy.Stdout, proxy.Stderr = said, said
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- proxy.Wait() }()
	t.Cleanup(func() {
		_ = proxy.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", program, said)
		}
	})
	until(t, program+" listens", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s has ended: %v", program, err)
		default:
		}
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// host is the address of a gateway.
func (g *gatewayProcess) host() string {
	u, err := url.Parse(*g.url.Load())
	if err != nil {
		return err.Error()
	}
	return u.Host
}

// admin is the address of the health and the metrics of a gateway.
func (g *gatewayProcess) admin(t *testing.T) string {
	t.Helper()
	for i, flag := range g.flags {
		if flag == "--admin-addr" {
			return g.flags[i+1]
		}
	}
	t.Fatal("the gateway has no metrics")
	return ""
}

func (g *gatewayProcess) adminPort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(g.admin(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// answered counts the requests that a gateway has answered since it was started.
func (g *gatewayProcess) answered(t *testing.T) (n int) {
	t.Helper()
	res, err := http.Get("http://" + g.admin(t) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "davdisk_requests_total{") {
			count, err := strconv.ParseFloat(line[strings.LastIndex(line, " ")+1:len(line)-1], 64)
			if err != nil {
				t.Fatal(err)
			}
			n += int(count)
		}
	}
	return n
}
