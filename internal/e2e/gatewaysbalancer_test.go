//go:build unix

package e2e

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestBalancersBeforeGateways has a balancer spread requests over three gateways by
// the configuration that davdisk comes with, in which only names and how often it
// looks are others. Litmus meets what it meets at one davdisk. When a gateway is
// killed, the client of a request that it had is answered 502, and the file is the
// old one; when it is back it is asked again.
func TestBalancersBeforeGateways(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	for _, c := range []struct {
		name  string
		start func(t *testing.T, f *fleet, cert, key string) (address string)
		tls   bool
		// goesOn is how many KiB times four are sent after a gateway was killed, for a
		// balancer that answers only then.
		goesOn int
		// mayClose is for one that may close the connection in place of an answer.
		mayClose bool
		// refused is how many further requests are answered 502 in this time.
		refused func(time.Duration) int
	}{
		{"nginx", nginxBefore, true, 0, false, func(d time.Duration) int { return 1 + int(d/(10*time.Second)) }},
		{"HAProxy", haproxyBefore, false, 0, true, func(time.Duration) int { return 0 }},
		{"Caddy", caddyBefore, true, 80, false, func(time.Duration) int { return 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := startHosts(t)
			cert, key := makeCert(t, t.TempDir())
			b := &balancer{T: t, fleet: f, front: "http://" + c.start(t, f, cert, key) + "/"}
			if b.client = http.DefaultClient; c.tls {
				b.front = strings.Replace(b.front, "http", "https", 1)
				b.client = trusting(t, cert)
			}
			b.litmus(c.tls)
			b.killOne(c.goesOn, c.mayClose, c.refused)
		})
	}
}

// A balancer is before a fleet.
type balancer struct {
	*testing.T
	fleet  *fleet
	front  string
	client *http.Client
}

// dial makes a connection to the balancer.
func (b *balancer) dial() (c net.Conn) {
	b.Helper()
	host, err := url.Parse(b.front)
	if err == nil && host.Scheme == "https" {
		c, err = tls.Dial("tcp", host.Host, b.client.Transport.(*http.Transport).TLSClientConfig)
	} else if err == nil {
		c, err = net.Dial("tcp", host.Host)
	}
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// startHosts starts three gateways that differ in their addresses and not in their
// ports, as if each had a machine.
func startHosts(t *testing.T) *fleet {
	t.Helper()
	_, port, _ := strings.Cut(freeAddress(t), ":")
	_, admin, _ := strings.Cut(freeAddress(t), ":")
	return startFleetWith(t, 3, 1, func(i int) []string {
		host := fmt.Sprint("127.0.0.", i+2)
		return []string{"--trusted-proxy", "127.0.0.1/32", "--addr", host + ":" + port, "--admin-addr", host + ":" + admin}
	})
}

// trusting returns a client that trusts a certificate.
func trusting(t *testing.T, cert string) *http.Client {
	t.Helper()
	shown, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(shown)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (b *balancer) litmus(tls bool) {
	b.Helper()
	want, excused := litmusTests(), ""
	if tls {
		want["http"], excused = "3", "expect100" // which is not for TLS
	}
	litmus(b.T, b.front, want, excused)
	for _, g := range b.fleet.gateways {
		if n := g.answered(b.T); n < 50 {
			b.Errorf("%s has answered %d requests of litmus", g.name, n)
		}
	}
}

func (b *balancer) killOne(goesOn int, mayClose bool, allowed func(time.Duration) int) {
	b.Helper()
	if code, body := b.do(http.MethodPut, "f", strings.NewReader("old")); code != http.StatusCreated {
		b.Fatalf("PUT is answered %d %s", code, body)
	}

	// One in flight.
	c := b.dial()
	defer c.Close()
	chunk := func(text string) error {
		_, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(text), text)
		return err
	}
	_, err := fmt.Fprintf(c, "PUT /f HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n", c.RemoteAddr())
	if err := errors.Join(err, chunk("half of the new")); err != nil {
		b.Fatal(err)
	}
	busy := b.fleet.reader(func() { _ = chunk("and more") })
	busy.s.kill()
	for range goesOn {
		if chunk(strings.Repeat("x", 4<<10)) != nil {
			break
		}
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		if !mayClose {
			b.Errorf("the client of a request that its gateway did not live to answer gets %v", err)
		}
	} else if res.Body.Close(); res.StatusCode != http.StatusBadGateway {
		b.Errorf("the client of a request that its gateway did not live to answer gets %s", res.Status)
	}

	// Those that come.
	began, refused := time.Now(), 0
	for i := range 90 {
		code, body := b.do(http.MethodGet, "f", nil)
		switch {
		case code == http.StatusBadGateway:
			refused++
		case code != http.StatusOK || body != "old":
			b.Errorf("GET is answered %d %q", code, body)
		}
		if i < 30 {
			continue // a change waits until the gateway is expelled, and by then it may be known to be gone
		}
		if code, _ := b.do(http.MethodPut, fmt.Sprint("new", i), strings.NewReader("x")); code == http.StatusBadGateway {
			refused++
		} else if code != http.StatusCreated {
			b.Errorf("PUT is answered %d", code)
		}
	}
	if most := allowed(time.Since(began)); refused > most {
		b.Errorf("%d requests were answered 502, want %d", refused, most)
	}

	b.fleet.start(busy)
	until(b.T, "the gateway that is back is asked again", func() bool {
		code, body := b.do(http.MethodGet, "f", nil)
		if code != http.StatusOK || body != "old" {
			b.Errorf("GET is answered %d %q", code, body)
		}
		return busy.answered(b.T) > 0
	})
}

func (b *balancer) do(method, name string, body io.Reader) (code int, content string) {
	req, err := http.NewRequest(method, b.front+name, body)
	if err != nil {
		return 0, err.Error()
	}
	res, err := b.client.Do(req)
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

// reader finds the gateway that a request is sent to, which more writes to. For that
// all stand still: in one the bytes are left lying.
func (f *fleet) reader(more func()) (busy *gatewayProcess) {
	f.Helper()
	for _, g := range f.gateways {
		f.signal(g, syscall.SIGSTOP)
		defer f.signal(g, syscall.SIGCONT)
	}
	until(f.T, "a gateway has the request", func() bool {
		more() // again, because it may not stand still yet
		for _, g := range f.gateways {
			if g.unread(f.T) {
				busy = g
			}
		}
		return busy != nil
	})
	return busy
}

// unread reports whether a gateway has been sent what it has not read.
func (g *gatewayProcess) unread(t *testing.T) bool {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	var host, port int
	if _, err := fmt.Sscanf(g.host(), "127.0.0.%d:%d", &host, &port); err != nil {
		t.Fatal(err)
	}
	const established = "01"
	for line := range strings.Lines(string(table)) {
		field := strings.Fields(line)
		if len(field) > 4 && field[1] == fmt.Sprintf("%02X00007F:%04X", host, port) && field[3] == established && !strings.HasSuffix(field[4], ":00000000") {
			return true
		}
	}
	return false
}
