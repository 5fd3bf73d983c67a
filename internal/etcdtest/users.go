package etcdtest

import (
	"errors"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// AddUsers adds users and lets etcd ask who somebody is: root, with the password
// toor; davdisk, with secret, who may use the keys that begin with prefix; reader,
// with read, who may read them; and stranger, with strange, who may do nothing.
func (c *Cluster) AddUsers(tb testing.TB, prefix string) {
	tb.Helper()
	admin, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints(), TLS: c.TLS, Logger: zap.NewNop()})
	if err != nil {
		tb.Fatal(err)
	}
	defer admin.Close()
	ctx := tb.Context()
	var failed []error
	for _, u := range []struct {
		name, password string
		may            clientv3.PermissionType
	}{
		{"root", "toor", -1},
		{"davdisk", "secret", clientv3.PermissionType(clientv3.PermReadWrite)},
		{"reader", "read", clientv3.PermissionType(clientv3.PermRead)},
		{"stranger", "strange", -1},
	} {
		_, err := admin.RoleAdd(ctx, u.name)
		_, err2 := admin.UserAdd(ctx, u.name, u.password)
		_, err3 := admin.UserGrantRole(ctx, u.name, u.name)
		failed = append(failed, err, err2, err3)
		if u.may >= 0 {
			_, err := admin.RoleGrantPermission(ctx, u.name, prefix, clientv3.GetPrefixRangeEnd(prefix), u.may)
			failed = append(failed, err)
		}
	}
	_, err = admin.AuthEnable(ctx)
	if err := errors.Join(append(failed, err)...); err != nil {
		tb.Fatal(err)
	}
}
