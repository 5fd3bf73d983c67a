package cmd

import (
	"errors"

	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
)

// clusterError says which flags are wrong where etcd has refused this gateway, or
// the other way round, and makes one line of any other error.
func clusterError(err error) error {
	refused := new(etcd.Refusal)
	if !errors.As(err, &refused) {
		if err != nil {
			err = language.Errorf("the cluster: %w", err)
		}
		return err
	}
	switch refused.Kind {
	case etcd.ErrNoTLS:
		return misuse("etcd at %s does not speak TLS: %v; write etcd:// in place of etcds:// if that is meant", refused.Endpoint, refused.Err)
	case etcd.ErrUntrusted:
		return misuse("the certificate of etcd at %s is not trusted: %v; --cluster-ca names the file with those that it must be signed by", refused.Endpoint, refused.Err)
	case etcd.ErrCertificate:
		return misuse("etcd at %s refuses TLS: %v; --cluster-cert and --cluster-key name a certificate that it accepts", refused.Endpoint, refused.Err)
	case etcd.ErrLogin:
		return misuse("etcd at %s refuses the login: %v; look at --cluster-user and --cluster-pass-file", refused.Endpoint, refused.Err)
	case etcd.ErrRights:
		return misuse("etcd at %s does not let this user read and write the keys of the cluster: %v; give it a role that may, or write another --cluster-user", refused.Endpoint, refused.Err)
	}
	return err
}
