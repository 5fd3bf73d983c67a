package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

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
	admin, err := clientv3.New(clientv3.Config{Endpoints: server.Endpoints(), TLS: server.TLS, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	addUsers(t, admin)

	for _, w := range []struct {
		what           string
		user, password string
		tls            *tls.Config
		want           error
	}{
		{"no user", "", "", server.TLS, cluster.ErrUnavailable},
		{"a wrong password", "davdisk", "wrong", server.TLS, cluster.ErrUnavailable},
		{"another user", "stranger", "strange", server.TLS, fs.ErrPermission},
		{"an authority that is not known", "davdisk", "secret", &tls.Config{}, cluster.ErrUnavailable},
		{"no certificate", "davdisk", "secret", &tls.Config{RootCAs: server.TLS.RootCAs}, cluster.ErrUnavailable},
	} {
		wrong := c
		wrong.Username, wrong.Password, wrong.TLS = w.user, w.password, w.tls
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		_, err := Init(ctx, wrong)
		if cancel(); !errors.Is(err, w.want) {
			t.Errorf("%s: %v", w.what, err)
		}
		t.Logf("%s: %v", w.what, err)
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

// addUsers adds root, a user who may use the keys of the share, and one who may
// not, and lets etcd ask who somebody is.
func addUsers(t *testing.T, admin *clientv3.Client) {
	t.Helper()
	ctx := t.Context()
	_, err := admin.RoleAdd(ctx, "root")
	for _, u := range [][3]string{{"root", "toor", "root"}, {"davdisk", "secret", "share"}, {"stranger", "strange", "none"}} {
		if u[2] != "root" {
			_, failed := admin.RoleAdd(ctx, u[2])
			err = errors.Join(err, failed)
		}
		_, failed := admin.UserAdd(ctx, u[0], u[1])
		_, failed2 := admin.UserGrantRole(ctx, u[0], u[2])
		err = errors.Join(err, failed, failed2)
	}
	_, failed := admin.RoleGrantPermission(ctx, "share", "share/", clientv3.GetPrefixRangeEnd("share/"), clientv3.PermissionType(clientv3.PermReadWrite))
	_, failed2 := admin.AuthEnable(ctx)
	if err := errors.Join(err, failed, failed2); err != nil {
		t.Fatal(err)
	}
}
