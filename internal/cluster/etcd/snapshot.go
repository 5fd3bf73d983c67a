package etcd

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

const (
	pieceSize = 512 << 10 // etcd takes 1.5 MiB at once
	atOnce    = 100       // operations of a transaction; etcd takes 128
)

// current is the value of snapshot/current.
type current struct {
	Seq     uint64 `json:"seq"`
	Trimmed uint64 `json:"trimmed"`
	Size    int    `json:"size"` // bytes
	Sum     string `json:"sha256"`
	ID      string `json:"id"` // of the pieces; two members may write a snapshot of one number
}

func decodeCurrent(value []byte) (current, error) {
	var c current
	if err := json.Unmarshal(value, &c); err != nil || c.Seq == 0 {
		return c, fmt.Errorf("%w: its snapshot cannot be read", cluster.ErrOtherLog)
	}
	return c, nil
}

// pieces is the name of the pieces of a snapshot, in the order of snapshots.
func pieces(seq uint64, id string) string { return fmt.Sprintf("snapshot/piece/%016x-%s/", seq, id) }

// Save implements replica.Store.
func (s *store) Save(ctx context.Context, snapshot replica.Snapshot, trim []string, live []uint64) error {
	same := s.same() // for all steps: what is known changes when the data is made anew
	c := current{Seq: snapshot.Seq, Trimmed: snapshot.Trimmed, Size: len(snapshot.Data), Sum: checksum(snapshot.Data)}
	c.ID = c.Sum[:8] + strconv.FormatUint(slices.Min(live), 16) // equal content of one writer is one snapshot
	n := 0
	for piece := range slices.Chunk(snapshot.Data, pieceSize) {
		if err := s.write(ctx, same, clientv3.OpPut(fmt.Sprintf("%s%06d", s.key(pieces(c.Seq, c.ID)), n), string(piece))); err != nil {
			return err
		}
		n++
	}
	before, replaced, err := s.replace(ctx, same, c)
	if err != nil {
		return err
	}
	if !replaced {
		return replica.ErrSuperseded
	}
	for keys := range slices.Chunk(trim, atOnce) {
		var ops []clientv3.Op
		for _, key := range keys {
			ops = append(ops, clientv3.OpDelete(s.key("log/entry/"+key)))
		}
		if err := s.write(ctx, same, ops...); err != nil {
			return err
		}
	}
	return s.clean(ctx, same, c, before, live)
}

// replace makes c the current snapshot, unless there is a later one, and returns
// the one before.
func (s *store) replace(ctx context.Context, same clientv3.Cmp, c current) (before current, replaced bool, err error) {
	key := s.key("snapshot/current")
	_, err = s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
		answer, err := client.Get(ctx, key)
		if err != nil {
			return err
		}
		var revision int64
		next := c
		for _, kv := range answer.Kvs {
			there, err := decodeCurrent(kv.Value)
			if err != nil {
				return err
			}
			if there.Seq == c.Seq && there.ID == c.ID { // the answer to the first attempt was lost
				replaced = true
				return nil
			}
			if there.Seq >= c.Seq {
				return nil
			}
			revision, before = kv.ModRevision, there
			next.Trimmed = max(c.Trimmed, there.Trimmed)
		}
		value, err := json.Marshal(next)
		if err != nil {
			return err
		}
		done, err := client.Txn(ctx).
			If(same, clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
			Then(clientv3.OpPut(key, string(value))).
			Commit()
		replaced = err == nil && done.Succeeded // else another member was faster
		return err
	})
	return before, replaced, err
}

// clean removes what the snapshots before c have left: pieces, reports of former
// members, and the history of etcd up to the snapshot before, which etcd keeps
// for ever unless it is told.
func (s *store) clean(ctx context.Context, same clientv3.Cmp, c, before current, live []uint64) error {
	ops := []clientv3.Op{clientv3.OpDelete(s.key("snapshot/piece/"), clientv3.WithRange(s.key(pieces(c.Seq, ""))))}
	var reports *clientv3.GetResponse
	if _, err := s.call(ctx, func(ctx context.Context, client *clientv3.Client) (err error) {
		reports, err = client.Get(ctx, s.key("log/applied/"), clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(atOnce))
		return err
	}); err != nil {
		return err
	}
	for _, kv := range reports.Kvs {
		epoch, err := strconv.ParseUint(strings.TrimPrefix(string(kv.Key), s.key("log/applied/")), 10, 64)
		if err == nil && epoch <= c.Seq && !slices.Contains(live, epoch) {
			ops = append(ops, clientv3.OpDelete(string(kv.Key)))
		}
	}
	if err := s.write(ctx, same, ops...); err != nil {
		return err
	}
	if before.Seq > 0 {
		_, _ = s.call(ctx, func(ctx context.Context, client *clientv3.Client) error {
			_, err := client.Compact(ctx, int64(before.Seq))
			return err // it may have been done by others
		})
	}
	return nil
}

// load reads a snapshot.
func (s *store) load(ctx context.Context, client *clientv3.Client, c current, revision int64) (*replica.Snapshot, error) {
	data := make([]byte, 0, c.Size)
	for n := 0; len(data) < c.Size; n++ {
		answer, err := s.get(ctx, client, fmt.Sprintf("%s%06d", pieces(c.Seq, c.ID), n), clientv3.WithRev(revision))
		if err != nil {
			return nil, err
		}
		if len(answer.Kvs) != 1 {
			return nil, fmt.Errorf("%w: a piece of its snapshot is missing", cluster.ErrOtherLog)
		}
		data = append(data, answer.Kvs[0].Value...)
	}
	if checksum(data) != c.Sum {
		return nil, fmt.Errorf("%w: its snapshot is damaged", cluster.ErrOtherLog)
	}
	return &replica.Snapshot{Seq: c.Seq, Trimmed: c.Trimmed, Data: data}, nil
}
