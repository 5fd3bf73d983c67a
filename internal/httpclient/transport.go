package httpclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
)

// Transport returns base with room for as many connections to one host as there
// are requests at a time, and with the certificates of a file (PEM) beside those
// of the system, unless caFile is empty. Its errors name the option ca-file.
func Transport(base http.RoundTripper, caFile string) (http.RoundTripper, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	t, ok := base.(*http.Transport)
	if !ok {
		if caFile != "" {
			return nil, errors.New("option ca-file: this program has a transport of its own, which takes no certificates")
		}
		return base, nil
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 64
	if caFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("option ca-file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("option ca-file: %s has no certificate (PEM) in it", caFile)
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.RootCAs = roots
	return t, nil
}

// Transfers returns base for requests that carry the content of files: over HTTP/1,
// and with large buffers. HTTP/2 cuts content into frames of 16 KiB, each with a
// system call of its own, lets all transfers to a host share one connection, and
// stops them when the windows of its flow control are full. A transport of another
// type is returned as it is.
func Transfers(base http.RoundTripper) http.RoundTripper {
	t, ok := base.(*http.Transport)
	if !ok {
		return base
	}
	t = t.Clone() // which has the protocols of a transport with HTTP/2 already
	t.Protocols, t.ForceAttemptHTTP2 = nil, false
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{}
	}
	t.TLSClientConfig.NextProtos = []string{"http/1.1"}
	t.WriteBufferSize, t.ReadBufferSize = transferBuffer, transferBuffer
	return t
}

// transferBuffer is the size in bytes of the buffers of a connection for transfers.
const transferBuffer = 64 << 10

// InTheClear reports whether what is sent to u crosses a network unencrypted.
func InTheClear(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
