// Package etcd keeps the log that gateways share in etcd 3.
//
// Below the prefix of a share there are
//
//	identity         what the data is known by; made by Init alone
//	log/entry/KEY    an entry; the revision that created it is its number
//	log/applied/E    how far the member of epoch E is
//	last             written with each entry, so that one read tells the last
//	snapshot/current what the latest snapshot has, and
//	snapshot/piece/… its pieces
//
// Names of files are data and never keys. Each write is made on condition of the
// identity, so that none reaches data of another life. etcd's own locks and
// elections are not used: whether a lock is held is decided by the log.
//
// The client of etcd stays with a node that does not answer but accepts
// connections, as a stopped process does. So each call has a short deadline, and
// after it a new client for the next endpoint.
package etcd

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/google/uuid"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// DefaultPrefix is the prefix of a share without one.
const DefaultPrefix = "davdisk/"

// Config configures an engine.
type Config struct {
	Endpoints []string    // HOST:PORT, or with http:// or https:// before it
	Prefix    string      // of all keys of the share
	TLS       *tls.Config // for https
	Username  string      // where etcd asks for it
	Password  string
	// Timeout is how long one node has for one answer; a sixth of the lease if 0.
	Timeout time.Duration

	replica.Config
}

// Open returns the engine of a share. It makes no call before Join.
func Open(c Config) (cluster.Engine, error) {
	s, err := newStore(c)
	if err != nil {
		return nil, err
	}
	return replica.New(s, c.Config)
}

// identity is the value of its key.
type identity struct {
	Version  int    `json:"version"` // of the layout of keys and values
	ID       string `json:"id"`
	Replaces string `json:"replaces,omitempty"`
}

// version is the version of the layout.
const version = 2

// Init makes an empty log with a new identity, which it returns. Where there is
// one, it changes nothing and returns that with an error that is fs.ErrExist.
// If the gateway whose state folder is Dir knew another log, which is gone, the
// gateways that knew it too accept the new one.
func Init(ctx context.Context, c Config) (id string, err error) {
	s, err := newStore(c)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	fresh := identity{Version: version, ID: uuid.NewString()}
	if c.Dir != "" {
		if fresh.Replaces, err = replica.Remembered(c.Dir); err != nil {
			return "", err
		}
	}
	value, err := json.Marshal(fresh)
	if err != nil {
		return "", err
	}
	var answer *clientv3.TxnResponse
	_, err = s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err = client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(s.key("identity")), "=", 0)).
			Then(
				clientv3.OpDelete(s.key("log/"), clientv3.WithPrefix()),
				clientv3.OpDelete(s.key("snapshot/"), clientv3.WithPrefix()),
				clientv3.OpDelete(s.key("last")),
				clientv3.OpPut(s.key("identity"), string(value))).
			Else(clientv3.OpGet(s.key("identity"))).
			Commit()
		return err
	})
	if err != nil {
		return "", err
	}
	if answer.Succeeded {
		return fresh.ID, nil
	}
	found, err := decodeIdentity(answer.Responses[0].GetResponseRange().Kvs[0].Value)
	if err == nil && found.ID != fresh.ID { // else the answer to the first attempt was lost
		err = fmt.Errorf("there is a log below %s: %w", s.prefix, fs.ErrExist)
	}
	return found.ID, err
}

func decodeIdentity(value []byte) (identity, error) {
	var i identity
	if err := json.Unmarshal(value, &i); err != nil || i.ID == "" {
		return i, fmt.Errorf("%w: its identity cannot be read", cluster.ErrOtherLog)
	}
	if i.Version != version {
		return i, fmt.Errorf("%w: the log has layout %d, and this program knows %d", cluster.ErrFormat, i.Version, version)
	}
	return i, nil
}

// newStore checks the configuration.
func newStore(c Config) (*store, error) {
	if len(c.Endpoints) == 0 {
		return nil, fmt.Errorf("etcd has no endpoints: %w", fs.ErrInvalid)
	}
	lease := cmp.Or(c.Lease, replica.DefaultLease)
	s := &store{
		prefix: strings.TrimSuffix(cmp.Or(c.Prefix, DefaultPrefix), "/") + "/",
		nodes:  nodes{config: c, timeout: cmp.Or(c.Timeout, lease/6)},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// checksum is that of a snapshot.
func checksum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }
