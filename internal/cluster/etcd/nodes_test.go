package etcd

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
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
