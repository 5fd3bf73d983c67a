package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

// listen opens the address for a server. One that others can reach needs
// somebody to ask for a password, unless insecure says that it is meant.
func listen(ctx context.Context, addr string, guarded, insecure bool) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if isTaken(err) {
		return nil, fmt.Errorf("listen on %s: another program has this address; name another with --addr, port 0 finds a free one", addr)
	}
	var dns *net.DNSError
	var wrong *net.AddrError
	if errors.As(err, &dns) || errors.As(err, &wrong) {
		return nil, misuse("listen on %q: %v; write HOST:PORT, such as 127.0.0.1:8080", addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	bound, ok := l.Addr().(*net.TCPAddr)
	if !ok || bound.IP.IsLoopback() || guarded || insecure {
		return l, nil
	}
	l.Close()
	return nil, misuse("%s can be reached by others, and nobody would be asked for a password; use --user and --pass-file or --htpasswd, or say --insecure", addr)
}

// certificate reads a server's certificate, or makes one that clients must be
// told to trust; nil for none.
func certificate(certFile, keyFile string, selfSigned bool) (*tls.Certificate, error) {
	switch {
	case selfSigned && certFile+keyFile != "":
		return nil, misuse("--tls-self-signed makes a certificate of its own: leave out --tls-cert and --tls-key")
	case selfSigned:
		return makeCertificate(time.Now())
	case certFile == "" && keyFile == "":
		return nil, nil
	case certFile == "" || keyFile == "":
		return nil, misuse("--tls-cert and --tls-key go together")
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return &cert, nil
}

// makeCertificate makes one for this machine, good for a month.
func makeCertificate(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "davdisk, self-signed"},
		DNSNames:     names,
		IPAddresses:  localIPs(),
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(31 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

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
