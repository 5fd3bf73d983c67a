package etcd

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/testwait"
)

// node is an etcd whose data is made anew while it has no answer to one of the calls.
type node struct {
	etcdserverpb.UnimplementedKVServer
	anew func() // called then

	mu         sync.Mutex // guards what follows
	identity   string     // of the data
	left       int        // calls that are answered before
	identities []string   // that the writes were for
}

// called counts a call, and is its error; n.mu is held.
func (n *node) called() error {
	if n.left--; n.left != -1 {
		return nil
	}
	n.identity = "another"
	n.anew()
	return status.Error(codes.Unavailable, "it is going away")
}

func (n *node) Range(context.Context, *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &etcdserverpb.RangeResponse{Header: &etcdserverpb.ResponseHeader{}}, n.called()
}

func (n *node) Txn(_ context.Context, r *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	identity := string(r.Compare[0].GetValue())
	n.identities = append(n.identities, identity)
	if err := n.called(); err != nil {
		return nil, err
	}
	answer := &etcdserverpb.TxnResponse{Header: &etcdserverpb.ResponseHeader{}, Succeeded: identity == n.identity}
	if !answer.Succeeded {
		for range r.Failure {
			answer.Responses = append(answer.Responses, &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: &etcdserverpb.RangeResponse{}}})
		}
	}
	return answer, nil
}

// TestAWriteIsForOneLife: data that was made anew while a write is tried again is not that
// which it was for, though it has been accepted meanwhile.
func TestAWriteIsForOneLife(t *testing.T) {
	save := func(ctx context.Context, s *store) error {
		return s.Save(ctx, replica.Snapshot{Seq: 1, Data: make([]byte, pieceSize+1)}, []string{"key"}, []uint64{1})
	}
	for name, test := range map[string]struct {
		write  func(ctx context.Context, s *store) error
		before int // calls that are answered
		want   error
	}{
		"append":             {func(ctx context.Context, s *store) error { _, err := s.Append(ctx, "key", nil); return err }, 0, cluster.ErrOtherLog},
		"report":             {func(ctx context.Context, s *store) error { return s.Report(ctx, 1, 2) }, 0, cluster.ErrOtherLog},
		"a piece":            {save, 0, cluster.ErrOtherLog},
		"the last piece":     {save, 1, cluster.ErrOtherLog},
		"the one before":     {save, 2, replica.ErrSuperseded},
		"a snapshot":         {save, 3, replica.ErrSuperseded},
		"what is trimmed":    {save, 4, cluster.ErrOtherLog},
		"reports":            {save, 5, cluster.ErrOtherLog},
		"what is left of it": {save, 6, cluster.ErrOtherLog},
	} {
		t.Run(name, func(t *testing.T) {
			one, another := "one", "another"
			node, server := &node{identity: one, left: test.before}, grpc.NewServer()
			etcdserverpb.RegisterKVServer(server, node)
			limit := testwait.Limit(t)
			s, err := newStore(Config{Endpoints: []string{serveNode(t, server)}, Timeout: limit})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.known.Store(&one)
			node.anew = func() { s.known.Store(&another) }
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if err := test.write(ctx, s); !errors.Is(err, test.want) {
				t.Errorf("it is %v", err)
			}
			node.mu.Lock()
			defer node.mu.Unlock()
			if len(node.identities) == 0 || slices.ContainsFunc(node.identities, func(identity string) bool { return identity != one }) {
				t.Errorf("it is written to %q", node.identities)
			}
		})
	}
}
