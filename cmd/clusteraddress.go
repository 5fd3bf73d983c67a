package cmd

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/internal/cluster/etcd"
)

// etcdPort is the port of an etcd whose address has none.
const etcdPort = "2379"

// clusterFlags are those of every command that reaches the log of a cluster.
func clusterFlags() []cli.Flag {
	return []cli.Flag{
		textFlag("cluster-ca", "", "`FILE` with the certificates (PEM) that etcd's must be signed by; those of the system if it is not there"),
		textFlag("cluster-cert", "", "`FILE` with the certificate (PEM) that etcd is shown"),
		textFlag("cluster-key", "", "`FILE` with the key of --cluster-cert"),
		textFlag("cluster-user", "", "`NAME` to log in to etcd with"),
		textFlag("cluster-pass-file", "", "`FILE` with the password of --cluster-user"),
	}
}

// A clusterAddress is where the log of a cluster is: etcd://HOST:PORT,…/PREFIX, or
// etcds:// with TLS.
type clusterAddress struct {
	endpoints []string // URLs
	prefix    string   // without slashes around it
	tls       bool
}

// parseClusterAddress never repeats an address that may hold a password.
func parseClusterAddress(address string) (a clusterAddress, err error) {
	if strings.Contains(address, "@") {
		return a, misuse("a user and a password do not belong into the address of a cluster; write --cluster-user and --cluster-pass-file")
	}
	wrong := misuse("%q is no address of a cluster; write etcd://HOST:PORT,HOST:PORT,HOST:PORT, and /PREFIX behind it where several clusters share the etcd; etcds:// is with TLS", address)
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok || scheme != "etcd" && scheme != "etcds" || strings.ContainsAny(rest, "?#") {
		return a, wrong
	}
	a.tls = scheme == "etcds"
	hosts, prefix, _ := strings.Cut(rest, "/")
	if a.prefix = strings.Trim(prefix, "/"); strings.ContainsFunc(a.prefix, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return a, wrong
	}
	for host := range strings.SplitSeq(hosts, ",") {
		u, err := url.Parse("//" + host)
		if err != nil || u.Hostname() == "" || u.Path != "" {
			return a, wrong
		}
		port := cmp.Or(u.Port(), etcdPort)
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return a, wrong
		}
		endpoint := url.URL{Scheme: map[bool]string{false: "http", true: "https"}[a.tls], Host: net.JoinHostPort(u.Hostname(), port)}
		a.endpoints = append(a.endpoints, endpoint.String())
	}
	return a, nil
}

// folder is where in a state folder a gateway remembers the cluster. It is the same
// however etcd is reached.
func (a clusterAddress) folder(stateDir string) string {
	prefix := cmp.Or(a.prefix, strings.Trim(etcd.DefaultPrefix, "/"))
	return filepath.Join(stateDir, "cluster", lockName(prefix)+"-"+digest(prefix))
}

// clusterConfig returns how the log of an address is reached, as the flags say. It
// makes no call.
func (s *session) clusterConfig(address string) (c etcd.Config, err error) {
	a, err := parseClusterAddress(address)
	if err != nil {
		return c, err
	}
	c.Endpoints, c.Prefix, c.Username = a.endpoints, a.prefix, s.c.String("cluster-user")
	c.Log = s.log
	if s.stateDir != "" {
		c.Dir = a.folder(s.stateDir)
	}
	if c.Password, err = s.secret("cluster-pass"); err != nil {
		return c, err
	}
	if (c.Username == "") != (c.Password == "") {
		return c, misuse("--cluster-user goes with a password, which is in the file --cluster-pass-file or in DAVDISK_CLUSTER_PASS")
	}
	ca, cert, key := s.c.String("cluster-ca"), s.c.String("cluster-cert"), s.c.String("cluster-key")
	switch {
	case !a.tls && ca+cert+key != "":
		return c, misuse("--cluster-ca, --cluster-cert and --cluster-key are for TLS; write etcds:// in place of etcd://")
	case a.tls:
		c.TLS, err = clusterTLS(ca, cert, key)
	}
	return c, err
}

// clusterTLS reads the certificates for etcd. A file without a name is not there.
func clusterTLS(ca, certFile, keyFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, inFlag("cluster-ca", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, misuse("--cluster-ca: %s has no certificate in PEM", ca)
		}
	}
	cert, err := keyPair("cluster-cert", "cluster-key", certFile, keyFile)
	if cert != nil {
		c.Certificates = []tls.Certificate{*cert}
	}
	return c, err
}
