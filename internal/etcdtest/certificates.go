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

// certificates makes an authority and certificates of it: the flags of etcd, and
// what its clients need.
func certificates(tb testing.TB) (flags []string, client *tls.Config) {
	tb.Helper()
	dir := tb.TempDir()
	authority := newCertificate(tb, nil, "authority")
	server := newCertificate(tb, &authority, "127.0.0.1")
	own := newCertificate(tb, &authority, "client")
	ca := write(tb, dir, "ca.pem", "CERTIFICATE", authority.Certificate[0])
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	if err != nil {
		tb.Fatal(err)
	}
	flags = []string{
		"--cert-file", write(tb, dir, "server.pem", "CERTIFICATE", server.Certificate[0]),
		"--key-file", write(tb, dir, "server.key", "PRIVATE KEY", key),
		"--trusted-ca-file", ca, "--client-cert-auth",
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	return flags, &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}
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
