package etcd

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/testwait"
)

// TestALoginThatHangsHoldsNobody: a node accepts the connection and says nothing.
// Each call ends with its own context, and Close ends the login.
func TestALoginThatHangsHoldsNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := newStore(Config{Endpoints: []string{l.Addr().String()}, Username: "u", Password: "p", Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 1)
	go func() { _, err := s.Last(context.Background()); waiting <- err }()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(over, "key", nil); !errors.Is(err, cluster.ErrUnavailable) || errors.Is(err, cluster.ErrUnknownOutcome) {
		t.Errorf("append: %v", err)
	}
	if err := s.Follow(over, 0, func(replica.Event) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("follow: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waiting; err == nil {
		t.Error("a call has succeeded")
	}
}

// serveNode runs a node until the test has ended, and returns its address.
func serveNode(t *testing.T, node *grpc.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- node.Serve(l) }()
	t.Cleanup(func() {
		node.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// silentNode starts a node that answers nothing, and returns its address and the
// context of each call that comes.
func silentNode(t *testing.T) (address string, calls <-chan context.Context) {
	t.Helper()
	came := make(chan context.Context)
	return serveNode(t, grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, call grpc.ServerStream) error {
		came <- call.Context()
		<-call.Context().Done()
		return call.Context().Err()
	}))), came
}

// received returns what comes, if it does before the time of the run is over.
func received[T any](t *testing.T, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(testwait.Limit(t)):
		t.Fatal("nothing has come")
	}
	return value
}

// TestACallThatIsGivenUpDisturbsNoOther: a request that nobody waits for any more, and
// an entry that the watch has shown before its writer was answered, end one call of many
// that share a connection, and say nothing of the node.
func TestACallThatIsGivenUpDisturbsNoOther(t *testing.T) {
	address, calls := silentNode(t)
	s, err := newStore(Config{Endpoints: []string{address}, Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var callers sync.WaitGroup
	defer callers.Wait()
	defer s.Close()
	begin := func(ctx context.Context) (err <-chan error, arrived context.Context) {
		failed := make(chan error, 1)
		callers.Go(func() {
			_, err := s.Append(ctx, "key", nil)
			failed <- err
		})
		return failed, received(t, calls)
	}
	_, first := begin(context.Background())
	ctx, giveUp := context.WithCancel(t.Context())
	failed, _ := begin(ctx)
	giveUp()
	if err := received(t, failed); !errors.Is(err, cluster.ErrUnknownOutcome) {
		t.Errorf("what was given up is %v", err)
	}
	_, last := begin(context.Background())
	a, _ := peer.FromContext(first)
	b, _ := peer.FromContext(last)
	if first.Err() != nil || a.Addr.String() != b.Addr.String() {
		t.Errorf("the first call has come from %s and is %v, the last comes from %s", a.Addr, first.Err(), b.Addr)
	}
}
