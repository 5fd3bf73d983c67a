package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
)

// TestRefusedTLSIsSaid: a connection that one end refuses the other is not tried
// until the time of the caller is over, whether there is a user to be logged in
// first or none.
func TestRefusedTLSIsSaid(t *testing.T) {
	type setting func(*tls.Config)
	trust := func(roots *x509.CertPool) setting { return func(c *tls.Config) { c.RootCAs = roots } }
	wantsOne := func(c *tls.Config) { c.ClientAuth = tls.RequireAnyClientCert }
	for _, c := range []struct {
		name   string
		server setting // nil: it has no TLS
		client func(roots *x509.CertPool) setting
		want   error
	}{
		{"an authority that is not known", func(*tls.Config) {}, func(*x509.CertPool) setting { return trust(x509.NewCertPool()) }, ErrUntrusted},
		{"no certificate", wantsOne, trust, ErrCertificate},
		{"no certificate, TLS 1.2", func(c *tls.Config) { wantsOne(c); c.MaxVersion = tls.VersionTLS12 }, trust, ErrCertificate},
		{"no TLS", nil, trust, ErrNoTLS},
	} {
		for _, user := range []string{"", "user"} {
			t.Run(c.name+" "+user, func(t *testing.T) {
				roots := x509.NewCertPool()
				config := Config{TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Username: user, Password: user}
				for range 2 {
					server := httptest.NewUnstartedServer(http.NotFoundHandler())
					server.Config.ErrorLog = log.New(io.Discard, "", 0)
					server.EnableHTTP2 = true
					if c.server == nil {
						server.Start()
					} else {
						server.TLS = &tls.Config{}
						c.server(server.TLS)
						server.StartTLS()
						roots.AddCert(server.Certificate())
					}
					defer server.Close()
					config.Endpoints = append(config.Endpoints, "https://"+server.Listener.Addr().String())
				}
				c.client(roots)(config.TLS)
				_, err := Init(t.Context(), config)
				if r := new(Refusal); !errors.Is(err, c.want) || !errors.Is(err, cluster.ErrUnavailable) || !errors.As(err, &r) || r.Endpoint == "" || r.Err == nil {
					t.Errorf("it says %v, want %v", err, c.want)
				}
			})
		}
	}
}

// TestARefusalIsNotThatOfAllNodes: as long as another node may be another, calls go
// on, and tell at the end who refused.
func TestARefusalIsNotThatOfAllNodes(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			if n == 2 {
				cancel()
			}
		}
	})
	defer accepting.Wait()
	defer l.Close()
	s, err := newStore(Config{Endpoints: []string{server.URL, "https://" + l.Addr().String()}, TLS: &tls.Config{MinVersion: tls.VersionTLS12}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Last(ctx); !errors.Is(err, ErrUntrusted) || !errors.Is(err, context.Canceled) {
		t.Errorf("it says %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
