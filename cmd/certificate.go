package cmd

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/internal/durable"
)

// certificate reads a server's certificate, or makes one that clients must be
// told to trust; nil for none.
func certificate(certFile, keyFile string, selfSigned bool, stateDir string) (*tls.Certificate, error) {
	switch {
	case selfSigned && certFile+keyFile != "":
		return nil, misuse("--tls-self-signed makes a certificate of its own: leave out --tls-cert and --tls-key")
	case selfSigned:
		return ownCertificate(stateDir, time.Now())
	}
	return keyPair("tls-cert", "tls-key", certFile, keyFile)
}

// keyPair reads a certificate and its key from the files that two flags name; nil
// for none.
func keyPair(certFlag, keyFlag, certFile, keyFile string) (*tls.Certificate, error) {
	switch {
	case certFile == "" && keyFile == "":
		return nil, nil
	case certFile == "" || keyFile == "":
		return nil, misuse("--%s and --%s go together", certFlag, keyFlag)
	}
	certText, err := os.ReadFile(certFile)
	if err != nil {
		return nil, inFlag(certFlag, err)
	}
	keyText, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, inFlag(keyFlag, err)
	}
	cert, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return nil, language.Errorf("--%s %s, --%s %s: %w", certFlag, certFile, keyFlag, keyFile, err)
	}
	return &cert, nil
}

// ownCertificate is the one that this machine made before, as long as it fits,
// because who has told a client to trust it would have to do so again; or a new
// one, which is kept in stateDir if there is one.
func ownCertificate(stateDir string, now time.Time) (*tls.Certificate, error) {
	if stateDir == "" {
		cert, _, err := makeCertificate(now)
		return cert, err
	}
	file := filepath.Join(stateDir, "self-signed.pem")
	if kept, err := tls.LoadX509KeyPair(file, file); err == nil && stillFits(kept.Leaf, now) {
		return &kept, nil
	}
	cert, text, err := makeCertificate(now)
	if err == nil {
		err = durable.WriteFile(file, text, 0o600)
	}
	if err != nil {
		return nil, language.Errorf("keep the certificate: %w", err)
	}
	return cert, nil
}

// stillFits reports whether a certificate is good for another day, and for this
// machine. Its IPv6 addresses do not count: they come and go by themselves.
func stillFits(leaf *x509.Certificate, now time.Time) bool {
	if now.Before(leaf.NotBefore) || leaf.NotAfter.Before(now.Add(24*time.Hour)) {
		return false
	}
	for _, name := range localNames() {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	for _, ip := range localIPs() {
		if ip.To4() != nil && leaf.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	return true
}

// makeCertificate makes one for this machine, good for a month, and gives it
// with its key in PEM as well.
func makeCertificate(now time.Time) (*tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "davdisk, self-signed"},
		DNSNames:     localNames(),
		IPAddresses:  localIPs(),
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(31 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	var text bytes.Buffer
	for _, block := range []pem.Block{{Type: "CERTIFICATE", Bytes: der}, {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := pem.Encode(&text, &block); err != nil {
			return nil, nil, err
		}
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text.Bytes(), nil
}

// localNames are the names of this machine.
func localNames() []string {
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	return names
}

// localIPs are its addresses.
func localIPs() []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return ips
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() {
			ips = append(ips, n.IP)
		}
	}
	return ips
}

// fingerprint is what a person compares before trusting a certificate.
func fingerprint(cert *tls.Certificate) string {
	return fmt.Sprintf("%X", sha256.Sum256(cert.Certificate[0]))
}
