package emulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// authority is the emulator's certificate authority, created on first use. It
// issues a certificate for any requested name.
type authority struct {
	mu     sync.Mutex // guards what follows
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	leaves map[string]*tls.Certificate
}

// CACert returns the certificate of the emulator's authority in PEM, for clients
// to trust: SSL_CERT_FILE, --ca-cert, NODE_EXTRA_CA_CERTS.
func (e *Emulator) CACert() ([]byte, error) {
	if err := e.authority.make(); err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.authority.cert.Raw}), nil
}

func (a *authority) make() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cert != nil {
		return nil
	}
	now := time.Now() // by the clock of the clients
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make certificate authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "davdisk emulator CA"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(year),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make certificate authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("make certificate authority: %w", err)
	}
	a.cert, a.key, a.leaves = cert, key, make(map[string]*tls.Certificate)
	return nil
}

// config returns a configuration with a certificate for the name that the
// client requests.
func (a *authority) config() *tls.Config {
	return &tls.Config{
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.leaf(hello.ServerName)
		},
	}
}

// leaf returns a certificate for a host, or for this machine if there is no name.
func (a *authority) leaf(host string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cert, ok := a.leaves[host]; ok {
		return cert, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(a.leaves)) + 2), Subject: pkix.Name{CommonName: host},
		NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if host != "" {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	cert := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}
	a.leaves[host] = cert
	return cert, nil
}
