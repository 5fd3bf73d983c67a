package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// makeCert writes a certificate for 127.0.0.1 and its key.
func makeCert(tb testing.TB, dir string) (cert, key string) {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e2e"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		tb.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		tb.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return cert, key
}

// TestBehindTLS has nginx take TLS off: what clients name begins with https,
// and davdisk, which was told no public address, speaks http. It goes by the
// Host that is passed on, or by what a proxy that it trusts says of it.
func TestBehindTLS(t *testing.T) {
	linux(t)
	for _, c := range []struct {
		name    string
		headers string // what nginx adds
		flags   []string
		moved   string // what a MOVE within the share is answered
	}{
		{"the Host is passed on", "proxy_set_header Host $http_host;", nil, "201"},
		{"a trusted proxy tells it", "proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;", []string{"--trusted-proxy", "127.0.0.1/32"}, "201"},
		{"somebody else tells it", "proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;", nil, "502"},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := startDisk(t, emulator.Options{})
			put(t, disk, "a b.txt", "text")
			put(t, disk, "d/Ж.txt", "more")
			s := serve(t, disk, c.flags...)
			front, cert := tlsFront(t, s.url, c.headers)
			curl := func(method, name string, args ...string) string {
				t.Helper()
				return run(t, command(t, "curl", append([]string{"-sS", "--cacert", cert, "-o", filepath.Join(t.TempDir(), "out"), "-w", "%{http_code}", "-X", method, front + name}, args...)...))
			}
			for _, step := range []struct{ method, name, to, want string }{
				{"MOVE", "a%20b.txt", front + "moved%20&.txt", c.moved},
				{"COPY", "d", front + "copy", c.moved},
				{"COPY", "d/%D0%96.txt", "/d/again.txt", "201"},
				{"MOVE", "d/again.txt", "https://elsewhere.example/x", "502"},
			} {
				if got := curl(step.method, step.name, "-H", "Destination: "+step.to); got != step.want {
					t.Errorf("%s %s to %s answered %s, want %s", step.method, step.name, step.to, got, step.want)
				}
			}
			text, more := sum([]byte("text")), sum([]byte("more"))
			want := map[string]string{"moved &.txt": text, "copy/Ж.txt": more, "d/Ж.txt": more, "d/again.txt": more}
			if c.moved != "201" {
				want = map[string]string{"a b.txt": text, "d/Ж.txt": more, "d/again.txt": more}
			}
			same(t, "at the disk", stored(disk), want)
			if c.moved != "201" {
				return
			}
			// A lock's token comes back tagged with the address that the client knows.
			headers := filepath.Join(t.TempDir(), "headers")
			if got := curl("LOCK", "copy/", "-D", headers, "-H", "Timeout: Second-60", "--data", lockBody); got != "200" {
				t.Fatalf("LOCK answered %s", got)
			}
			said, err := os.ReadFile(headers)
			if err != nil {
				t.Fatal(err)
			}
			token := lockToken.FindString(string(said))
			if got := curl("PUT", "copy/new", "--data", "x"); got != "423" {
				t.Errorf("PUT without the token answered %s", got)
			}
			if got := curl("PUT", "copy/new", "--data", "x", "-H", "If: <"+front+"copy/> (<"+token+">)"); got != "201" {
				t.Errorf("PUT with the token answered %s", got)
			}
		})
	}
}

// tlsFront starts nginx in front of a server and returns its address and the
// certificate to trust.
func tlsFront(t *testing.T, behind, headers string) (url, cert string) {
	t.Helper()
	front := freeAddress(t)
	cert, key := makeCert(t, t.TempDir())
	startNginx(t, front, fmt.Sprintf(`listen %s ssl; ssl_certificate %s; ssl_certificate_key %s;
		location / { proxy_pass %s; %s }`, front, cert, key, strings.TrimSuffix(behind, "/"), headers))
	return "https://" + front + "/", cert
}
