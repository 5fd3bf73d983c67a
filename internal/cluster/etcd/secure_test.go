package etcd

import (
	"crypto/tls"
	"errors"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestTLSAndUsers has an etcd whose clients show a certificate and log in, and a
// user who may use the keys of the share alone.
func TestTLSAndUsers(t *testing.T) {
	testlevel.NeedMore(t)
	server := etcdtest.StartTLS(t, 1)
	c := Config{Endpoints: server.Endpoints(), TLS: server.TLS, Prefix: "share"}
	c.Entries = 50
	server.AddUsers(t, "share/")

	for _, w := range []struct {
		what           string
		user, password string
		tls            *tls.Config
		want           error
	}{
		{"no user", "", "", server.TLS, ErrRights}, // that of the certificate
		{"a wrong password", "davdisk", "wrong", server.TLS, ErrLogin},
		{"another user", "stranger", "strange", server.TLS, ErrRights},
		{"a user who may only read", "reader", "read", server.TLS, ErrRights},
		{"an authority that is not known", "davdisk", "secret", &tls.Config{}, ErrUntrusted},
		{"the same without a user", "", "", &tls.Config{}, ErrUntrusted},
		{"no certificate", "davdisk", "secret", &tls.Config{RootCAs: server.TLS.RootCAs}, ErrCertificate},
		{"the same without a user", "", "", &tls.Config{RootCAs: server.TLS.RootCAs}, ErrCertificate},
	} {
		wrong := c
		wrong.Username, wrong.Password, wrong.TLS = w.user, w.password, w.tls
		if _, err := Init(t.Context(), wrong); !errors.Is(err, w.want) || !errors.Is(err, cluster.ErrUnavailable) {
			t.Errorf("%s: %v", w.what, err)
		}
	}

	c.Username, c.Password = "davdisk", "secret"
	if _, err := Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	e := engine(t, c)
	if _, err := e.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := e.Status(t.Context()); err != nil || len(s.Members) != 1 || s.Bytes == 0 || len(s.Unsafe) != 1 {
		t.Errorf("status: %+v, %v", s, err)
	}
	server.Nodes[0].Kill() // and with it the logins
	server.Nodes[0].Launch()
	server.Nodes[0].Healthy()
	if _, err := e.Join(t.Context()); err != nil {
		t.Errorf("after a restart of etcd: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	clustertest.Run(t, clustertest.Setup{Gateways: 2, Changes: 60, Open: func(int) cluster.Engine { return engine(t, c) }})
}
