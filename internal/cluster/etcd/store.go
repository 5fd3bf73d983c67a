package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// store implements replica.Store.
type store struct {
	nodes
	prefix string
	known  atomic.Pointer[string] // value of the identity that was accepted
}

func (s *store) key(name string) string { return s.prefix + name }

// Identity implements replica.Store.
func (s *store) Identity(ctx context.Context, accept func(replica.Identity) error) error {
	var got replica.Identity
	var value string
	_, err := s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Get(ctx, s.key("identity"))
		if err != nil {
			return err
		}
		if len(answer.Kvs) == 0 {
			return fmt.Errorf("%w: there is none below %s; davdisk cluster init makes one", cluster.ErrOtherLog, s.prefix)
		}
		i, err := decodeIdentity(answer.Kvs[0].Value)
		if err == nil {
			value = string(answer.Kvs[0].Value)
			got = replica.Identity{ID: i.ID, Replaces: i.Replaces}
		}
		return err
	})
	if err == nil {
		err = accept(got)
	}
	if err == nil {
		s.known.Store(&value)
	}
	return err
}

// same is the condition that the data is that of the identity which was told. Its
// revision would not do: it is often the second in each life. Where there is none,
// etcd takes no value for equal. A call that writes takes it once for all its attempts:
// there may be another life of the data before the last of them, with the same epochs.
func (s *store) same() clientv3.Cmp {
	value := ""
	if known := s.known.Load(); known != nil {
		value = *known
	}
	return clientv3.Compare(clientv3.Value(s.key("identity")), "=", value)
}

// Append implements replica.Store.
func (s *store) Append(ctx context.Context, key string, data []byte) (seq uint64, err error) {
	key = s.key("log/entry/" + key)
	same := s.same()
	sent, err := s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Txn(ctx).
			If(same, clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, string(data)), clientv3.OpPut(s.key("last"), "")).
			Else(clientv3.OpGet(key)).
			Commit()
		switch {
		case err != nil:
			return err
		case answer.Succeeded:
			seq = uint64(answer.Header.Revision)
			return nil
		}
		there := answer.Responses[0].GetResponseRange().Kvs
		switch {
		case len(there) == 0:
			return errReplaced
		case !bytes.Equal(there[0].Value, data):
			return replica.ErrTaken
		}
		seq = uint64(there[0].ModRevision) // of an attempt whose answer was lost
		return nil
	})
	if err != nil && sent && !errors.Is(err, cluster.ErrOtherLog) && !errors.Is(err, replica.ErrTaken) {
		err = fmt.Errorf("%w: %w", cluster.ErrUnknownOutcome, err)
	}
	return seq, err
}

// errReplaced is the error of a write whose condition same was not met.
var errReplaced = fmt.Errorf("%w: it was made anew, or is gone", cluster.ErrOtherLog)

// Last implements replica.Store.
func (s *store) Last(ctx context.Context) (seq uint64, err error) {
	_, err = s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Txn(ctx).If(s.same()).Then(clientv3.OpGet(s.key("last"))).Commit()
		if err != nil {
			return err
		}
		if !answer.Succeeded {
			return errReplaced
		}
		for _, kv := range answer.Responses[0].GetResponseRange().Kvs {
			seq = uint64(kv.ModRevision)
		}
		return nil
	})
	return seq, err
}

// Report implements replica.Store.
func (s *store) Report(ctx context.Context, epoch, seq uint64) error {
	return s.write(ctx, s.same(), clientv3.OpPut(s.key(fmt.Sprint("log/applied/", epoch)), strconv.FormatUint(seq, 10)))
}

// write makes writes that may be made twice, to the data for which same was taken.
func (s *store) write(ctx context.Context, same clientv3.Cmp, ops ...clientv3.Op) error {
	_, err := s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Txn(ctx).If(same).Then(ops...).Commit()
		if err == nil && !answer.Succeeded {
			err = errReplaced
		}
		return err
	})
	return err
}

// Close implements replica.Store.
func (s *store) Close() error { return s.close() }
