package etcdtest

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
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Files are what a client of etcd needs for TLS, in PEM.
type Files struct{ CA, Cert, Key string }

// certificates makes an authority and certificates of it: the flags of etcd, and
// what its clients need.
func certificates(tb testing.TB) (flags []string, files Files, client *tls.Config) {
	tb.Helper()
	dir := tb.TempDir()
	authority := newCertificate(tb, nil, "authority")
	server := newCertificate(tb, &authority, "127.0.0.1")
	own := newCertificate(tb, &authority, "client")
	files = Files{CA: write(tb, dir, "ca.pem", "CERTIFICATE", authority.Certificate[0])}
	files.Cert, files.Key = writePair(tb, dir, "client", own)
	cert, key := writePair(tb, dir, "server", server)
	flags = []string{"--cert-file", cert, "--key-file", key, "--trusted-ca-file", files.CA, "--client-cert-auth"}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	return flags, files, &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
}

// Strangers makes another authority, and a certificate of it that no etcd of a test
// accepts.
func Strangers(tb testing.TB) Files {
	tb.Helper()
	_, files, _ := certificates(tb)
	return files
}

// newCertificate makes a certificate for both ends of a connection, signed by
// another one or, without that, by itself.
func newCertificate(tb testing.TB, by *tls.Certificate, name string) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	parent, signer := template, any(key)
	if by == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// write writes a file in PEM and returns its path.
func write(tb testing.TB, dir, name, kind string, der []byte) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// writePair writes a certificate and its key, and returns their paths.
func writePair(tb testing.TB, dir, name string, c tls.Certificate) (cert, key string) {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	return write(tb, dir, name+".pem", "CERTIFICATE", c.Certificate[0]), write(tb, dir, name+".key", "PRIVATE KEY", der)
}
