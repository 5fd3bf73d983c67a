package etcd

import (
	"context"
	"errors"
	"net"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// failingNode has no answer to the first write, and meets the condition of none.
type failingNode struct {
	etcdserverpb.UnimplementedKVServer
	failing  func()      // called at the first
	identity chan string // which each write needs
}

func (n *failingNode) Range(context.Context, *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	return &etcdserverpb.RangeResponse{Header: &etcdserverpb.ResponseHeader{}}, nil
}

func (n *failingNode) Txn(_ context.Context, r *etcdserverpb.TxnRequest) (*etcdserverpb.TxnResponse, error) {
	n.identity <- string(r.Compare[0].GetValue())
	if n.failing != nil {
		n.failing()
		n.failing = nil
		return nil, status.Error(codes.Unavailable, "it is going away")
	}
	var answers []*etcdserverpb.ResponseOp
	for range r.Failure {
		answers = append(answers, &etcdserverpb.ResponseOp{Response: &etcdserverpb.ResponseOp_ResponseRange{ResponseRange: &etcdserverpb.RangeResponse{}}})
	}
	return &etcdserverpb.TxnResponse{Header: &etcdserverpb.ResponseHeader{}, Responses: answers}, nil
}

// TestAWriteIsForOneLife: data that was made anew while a write is tried again is not that
// which it was for, though it has been accepted meanwhile.
func TestAWriteIsForOneLife(t *testing.T) {
	for name, test := range map[string]struct {
		write func(ctx context.Context, s *store) error
		want  error
	}{
		"append": {func(ctx context.Context, s *store) error { _, err := s.Append(ctx, "key", nil); return err }, cluster.ErrOtherLog},
		"report": {func(ctx context.Context, s *store) error { return s.Report(ctx, 1, 2) }, cluster.ErrOtherLog},
		"save": {func(ctx context.Context, s *store) error {
			return s.Save(ctx, replica.Snapshot{Seq: 1}, nil, []uint64{1})
		}, replica.ErrSuperseded},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s, err := newStore(Config{Endpoints: []string{l.Addr().String()}})
			if err != nil {
				t.Fatal(err)
			}
			one, another := "one", "another"
			s.known.Store(&one)
			node := &failingNode{failing: func() { s.known.Store(&another) }, identity: make(chan string, 2)}
			server := grpc.NewServer()
			etcdserverpb.RegisterKVServer(server, node)
			served := make(chan error, 1)
			go func() { served <- server.Serve(l) }()
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
				server.Stop()
				if err := <-served; err != nil {
					t.Error(err)
				}
			}()
			if err := test.write(t.Context(), s); !errors.Is(err, test.want) {
				t.Errorf("it is %v", err)
			}
			for range cap(node.identity) {
				if got := received(t, node.identity); got != one {
					t.Errorf("it is written to %q", got)
				}
			}
		})
	}
}
