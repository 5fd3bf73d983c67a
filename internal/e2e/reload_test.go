package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestReload: at SIGHUP users and certificate are read again, and stay as they
// were if they cannot be.
func TestReload(t *testing.T) {
	linux(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "f.txt", "content")
	dir := t.TempDir()
	users, cert, key := filepath.Join(dir, "users"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user := func(name string) string {
		hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		return name + ":" + string(hash) + "\n"
	}
	certificate := func(name string) {
		t.Helper()
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
		if err != nil {
			t.Fatal(err)
		}
		text, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		write(cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
		write(key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})))
	}
	write(users, user("anna"))
	certificate("first")
	s := serve(t, disk, "--htpasswd", users, "--tls-cert", cert, "--tls-key", key, "-v")

	// ask returns the status that a user gets, over which certificate.
	ask := func(name string) (int, string) {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // it is looked at
		defer client.CloseIdleConnections()
		req, err := http.NewRequest("GET", s.url+"f.txt", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(name, "secret")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode, resp.TLS.PeerCertificates[0].Subject.CommonName
	}
	reload := func(says string) {
		t.Helper()
		before := strings.Count(s.log.String(), says)
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		until(t, "it says: "+says, func() bool { return strings.Count(s.log.String(), says) > before })
	}
	expect := func(name string, status int, certificate string) {
		t.Helper()
		if code, shown := ask(name); code != status || shown != certificate {
			t.Errorf("%s: %d over the certificate %q, want %d over %q", name, code, shown, status, certificate)
		}
	}
	expect("anna", 200, "first")
	expect("berta", 401, "first")
	write(users, user("berta"))
	certificate("second")
	reload("read the certificate again")
	until(t, "berta is let in", func() bool { code, _ := ask("berta"); return code == 200 })
	expect("anna", 401, "second")

	for _, broken := range []string{"no hash\n", ""} { // nobody must be let in because nobody is there
		write(users, broken)
		write(key, "no key")
		reload("cannot read the users again: unchanged")
		expect("berta", 200, "second")
		expect("nobody", 401, "second")
	}
}
