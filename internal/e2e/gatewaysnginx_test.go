//go:build unix

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestNginxBeforeGateways has nginx spread requests over three gateways by the
// configuration that davdisk comes with, in which only the names are others. Litmus
// meets what it meets at one davdisk. When a gateway is killed, the client of a
// request that it had is answered 502, and the file is the old one or the new one;
// nginx finds out by one more request in ten seconds.
func TestNginxBeforeGateways(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	f := startFleet(t, 3, 1, "--trusted-proxy", "127.0.0.1/32")
	front, client, answers := balance(t, f)

	want := litmusTests()
	want["http"] = "3" // expect100 is not for TLS
	litmus(t, front, want, "expect100")
	spread := answers()
	for _, g := range f.gateways {
		if spread[g.host()] < 50 {
			t.Errorf("%s has answered %d requests of litmus: %v", g.name, spread[g.host()], spread)
		}
	}
	t.Logf("litmus was answered by %v", spread)

	do := func(method, name string, body io.Reader) (code int, content string) {
		req, err := http.NewRequest(method, front+name, body)
		if err != nil {
			return 0, err.Error()
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		read, err := io.ReadAll(res.Body)
		if err != nil {
			return 0, err.Error()
		}
		return res.StatusCode, string(read)
	}
	if code, body := do(http.MethodPut, "f", strings.NewReader("old")); code != http.StatusCreated {
		t.Fatalf("PUT is answered %d %s", code, body)
	}

	// One in flight.
	reader, writer := io.Pipe()
	ended := make(chan string, 1)
	go func() {
		code, body := do(http.MethodPut, "f", reader)
		ended <- fmt.Sprint(code, " ", body)
	}()
	_, _ = io.WriteString(writer, "half of the new")
	var busy *gatewayProcess
	until(t, "a gateway has the request", func() bool {
		for _, g := range f.gateways {
			if g.connections(t) > 0 {
				busy = g
			}
		}
		return busy != nil
	})
	busy.s.kill()
	if told := <-ended; !strings.HasPrefix(told, "502 ") {
		t.Errorf("the client of a request that its gateway did not live to answer gets %s", told)
	}
	writer.Close()

	// Those that come.
	began, refused := time.Now(), 0
	for i := range 60 {
		code, body := do(http.MethodGet, "f", nil)
		switch {
		case code == http.StatusBadGateway:
			refused++
		case code != http.StatusOK || body != "old":
			t.Errorf("GET is answered %d %q", code, body)
		}
		if code, _ := do(http.MethodPut, fmt.Sprint("new", i), strings.NewReader("x")); code == http.StatusBadGateway {
			refused++
		} else if code != http.StatusCreated {
			t.Errorf("PUT is answered %d", code)
		}
	}
	if most := 1 + int(time.Since(began)/(10*time.Second)); refused > most {
		t.Errorf("%d requests were answered 502, want %d", refused, most)
	}
	f.start(busy)
}

// host is the address of a gateway.
func (g *gatewayProcess) host() string {
	u, err := url.Parse(*g.url.Load())
	if err != nil {
		return err.Error()
	}
	return u.Host
}

// connections counts those that a gateway has accepted and that are open.
func (g *gatewayProcess) connections(t *testing.T) (n int) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(g.host(), ":")
	var number int
	if _, err := fmt.Sscan(port, &number); err != nil {
		t.Fatal(err)
	}
	const established = "01"
	for line := range strings.Lines(string(table)) {
		if field := strings.Fields(line); len(field) > 3 && strings.HasSuffix(field[1], fmt.Sprintf(":%04X", number)) && field[3] == established {
			n++
		}
	}
	return n
}

// balance starts nginx before the gateways. It returns the address, a client that
// trusts it, and how many requests each gateway has answered.
func balance(t *testing.T, f *fleet) (front string, client *http.Client, answers func() map[string]int) {
	t.Helper()
	given, err := os.ReadFile(filepath.Join("..", "..", "packaging", "cluster", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	dir, address := t.TempDir(), freeAddress(t)
	cert, key := makeCert(t, dir)
	log := filepath.Join(dir, "access.log")
	text := string(given)
	replace := func(old, now string) {
		t.Helper()
		if strings.Count(text, old) != 1 {
			t.Fatalf("packaging/cluster/nginx.conf has %q %d times", old, strings.Count(text, old))
		}
		text = strings.Replace(text, old, now, 1)
	}
	for i, g := range f.gateways {
		replace(fmt.Sprintf("gateway%d:8080", i+1), g.host())
	}
	replace("listen 443 ssl;", "listen "+address+" ssl; access_log "+log+" gateway;")
	replace("/etc/ssl/disk.pem", cert)
	replace("/etc/ssl/disk.key", key)
	startNginxWith(t, address, "log_format gateway $upstream_addr;\n"+text)
	shown, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(shown)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	t.Cleanup(transport.CloseIdleConnections)
	return "https://" + address + "/", &http.Client{Transport: transport}, func() map[string]int {
		lines, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for host := range strings.FieldsSeq(string(lines)) {
			count[host]++
		}
		return count
	}
}
