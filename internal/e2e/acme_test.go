package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	wire "encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testwait"
)

// pebble is the test server for ACME of those who run Let's Encrypt.
const pebble = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3"

// TestACME obtains a certificate for a domain from pebble, which checks that the
// domain leads to davdisk, and keeps it over a restart without pebble.
func TestACME(t *testing.T) {
	testlevel.NeedMore(t)
	const domain = "share.test"
	dir, home := t.TempDir(), t.TempDir()
	api, management := freeAddress(t), freeAddress(t)
	trusted := certificateFor(t, dir)
	env := []string{"SSL_CERT_FILE=" + trusted}
	serving := func() *server {
		return start(t, home, env, "serve", "memory:", "--addr", "127.0.0.1:0", "--tls-acme", domain, "--tls-acme-directory", "https://"+api+"/dir")
	}
	s := serving()
	stop := startPebble(t, dir, api, management, portOf(t, s.url))

	roots := x509.NewCertPool()
	pool, err := os.ReadFile(trusted)
	if err != nil {
		t.Fatal(err)
	}
	roots.AppendCertsFromPEM(pool)
	root := fetch(t, clientOf(roots, management), "https://"+management+"/roots/0")
	issued := x509.NewCertPool()
	if !issued.AppendCertsFromPEM([]byte(root)) {
		t.Fatalf("pebble's root is %q", root)
	}
	first := leafOf(t, issued, s.url, domain)
	if err := first.VerifyHostname(domain); err != nil {
		t.Error(err)
	}
	if _, err := tls.Dial("tcp", hostOf(t, s.url), &tls.Config{ServerName: "other.test", RootCAs: issued}); err == nil {
		t.Error("a certificate for another domain is obtained")
	}
	s.stop()
	stop()
	s = serving()
	if again := leafOf(t, issued, s.url, domain); !again.Equal(first) {
		t.Error("the certificate is another one after a restart")
	}
}

// leafOf asks for the root of the share by its domain, and returns the certificate.
func leafOf(t *testing.T, roots *x509.CertPool, url, domain string) *x509.Certificate {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "PROPFIND", "https://"+domain+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Depth", "0")
	res, err := clientOf(roots, hostOf(t, url)).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusMultiStatus {
		t.Errorf("the share is answered %s", res.Status)
	}
	return res.TLS.PeerCertificates[0]
}

// clientOf trusts roots and connects to addr, whatever the name.
func clientOf(roots *x509.CertPool, addr string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
	}}
}

// fetch gets a page, as soon as there is somebody to answer.
func fetch(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	for end := time.Now().Add(testwait.Limit(t)); ; {
		res, err := client.Get(url)
		if err != nil {
			if time.Now().After(end) {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // pebble is starting
			continue
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", url, res.Status, err)
		}
		return string(body)
	}
}

func startPebble(t *testing.T, dir, api, management, tlsPort string) (stop func()) {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(cache, "davdisk-test", filepath.Base(pebble))
	if _, err := os.Stat(filepath.Join(bin, "pebble")); err != nil { // it is built once
		install := command(t, "go", "install", pebble)
		install.Env = append(os.Environ(), "GOBIN="+bin)
		run(t, install)
	}
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": management, "tlsPort": json.Number(tlsPort), "httpPort": 1,
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"profiles": map[string]any{"default": map[string]any{"description": "default", "validityPeriod": 7776000}},
	}}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "pebble"), "-config", file, "-dnsserver", serveDNS(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	log, err := os.Create(filepath.Join(dir, "pebble.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		stop()
		if text, err := os.ReadFile(log.Name()); t.Failed() {
			t.Logf("pebble said: %s, %v", text, err)
		}
	})
	return stop
}

// serveDNS answers that every name is this machine, over TCP, as pebble asks.
func serveDNS(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if err := answerDNS(conn); err != nil {
					t.Errorf("answer a question of DNS: %v", err)
				}
			})
		}
	})
	return l.Addr().String()
}

// answerDNS answers one question: RFC 1035, section 4.2.2.
func answerDNS(conn net.Conn) error {
	var size uint16
	if err := wire.Read(conn, wire.BigEndian, &size); err != nil {
		return err
	}
	packed := make([]byte, size)
	if _, err := io.ReadFull(conn, packed); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(packed); err != nil {
		return err
	}
	m.Header.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append(wire.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	return err
}

// certificateFor makes a certificate of 127.0.0.1 in cert.pem and key.pem.
func certificateFor(t *testing.T, dir string) (file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert.pem")
}

func hostOf(t *testing.T, url string) string {
	t.Helper()
	var host string
	if _, err := fmt.Sscanf(url, "https://%s", &host); err != nil {
		t.Fatal(err)
	}
	return host[:len(host)-1] // without the slash
}

func portOf(t *testing.T, url string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(hostOf(t, url))
	if err != nil {
		t.Fatal(err)
	}
	return port
}
