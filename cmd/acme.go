package cmd

import (
	"crypto/tls"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// tlsConfig is that of a share, by the flags; nil without TLS.
func tlsConfig(c *cli.Context, stateDir string) (*tls.Config, error) {
	cert, err := certificate(c.String("tls-cert"), c.String("tls-key"), c.Bool("tls-self-signed"), stateDir)
	if err != nil {
		return nil, err
	}
	domains := c.StringSlice("tls-acme")
	switch {
	case len(domains) > 0 && cert != nil:
		return nil, misuse("--tls-acme obtains certificates of its own: leave out --tls-cert, --tls-key and --tls-self-signed")
	case len(domains) > 0 && stateDir == "":
		return nil, misuse("--tls-acme needs a state folder to keep certificates in, because their number is limited; name one with --state-dir")
	case len(domains) > 0:
		return acmeConfig(domains, c.String("tls-acme-email"), c.String("tls-acme-directory"), stateDir), nil
	case cert == nil:
		return nil, nil
	}
	return &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}, nil
}

// acmeConfig obtains certificates from a service that speaks ACME (RFC 8555) when
// they are first asked for, renews them, and keeps them in the state folder. The
// service connects to port 443 of each domain (RFC 8737), which has to arrive here.
func acmeConfig(domains []string, email, directory, stateDir string) *tls.Config {
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Email: email,
		Cache:      autocert.DirCache(filepath.Join(stateDir, "acme")),
		HostPolicy: autocert.HostWhitelist(domains...),
		Client:     &acme.Client{DirectoryURL: directory, UserAgent: "davdisk/" + version().Version},
	}
	config := m.TLSConfig()
	config.MinVersion = tls.VersionTLS12
	return config
}
