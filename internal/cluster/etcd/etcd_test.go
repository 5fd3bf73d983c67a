package etcd

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// configure returns the configuration of a gateway, and makes the log.
func configure(t *testing.T, endpoints []string) Config {
	t.Helper()
	c := Config{Endpoints: endpoints, Prefix: "test/share", Config: replica.Config{Gateway: "g", Entries: 200}}
	if _, err := Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func engine(t *testing.T, c Config) cluster.Engine {
	t.Helper()
	e, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOneNode(t *testing.T) {
	testlevel.NeedMore(t)
	server := etcdtest.Start(t, 1)
	c := configure(t, server.Endpoints())
	clustertest.Run(t, clustertest.Setup{Gateways: 3, Changes: 60, Open: func(int) cluster.Engine { return engine(t, c) }})
}

func TestAnotherLogIsRefused(t *testing.T) {
	testlevel.NeedMore(t)
	server := etcdtest.Start(t, 1)
	c := Config{Endpoints: server.Endpoints(), Config: replica.Config{Dir: t.TempDir()}}
	e := engine(t, c)
	if _, err := e.Join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("without init: %v", err)
	}
	id, err := Init(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Init(t.Context(), c); !errors.Is(err, fs.ErrExist) || again != id {
		t.Errorf("a second init of %s: %s, %v", id, again, err)
	}
	m, err := e.Join(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Status(t.Context())
	if err != nil || s.Identity != id || len(s.Members) != 1 || s.Engine != "etcd 3.7.3" || len(s.Unsafe) != 1 {
		t.Errorf("status: %+v, %v", s, err)
	}

	// The data is gone: the gateway stops, and goes on after another init.
	server.Nodes[0].Kill()
	server.Nodes[0].Wipe()
	server.Nodes[0].Launch()
	server.Nodes[0].Healthy()
	<-m.Lost()
	if _, err := e.Join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("after the data was lost: %v", err)
	}
	other := c
	other.Dir = ""
	if _, err := Init(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("with a log that does not replace the known one: %v", err)
	}
	server.Nodes[0].Kill()
	server.Nodes[0].Wipe()
	server.Nodes[0].Launch()
	server.Nodes[0].Healthy()
	if id, err = Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Join(t.Context()); err != nil {
		t.Errorf("with a log that replaces the known one: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if known, err := replica.Remembered(c.Dir); err != nil || known != id {
		t.Errorf("remembered is %s, not %s: %v", known, id, err)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "cluster")); err != nil {
		t.Error(err)
	}
}

// TestNobodyListens needs no etcd: nothing was sent, so nothing is unknown.
func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	s, err := newStore(Config{Endpoints: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := s.Append(ctx, "key", nil); !errors.Is(err, cluster.ErrUnavailable) || errors.Is(err, cluster.ErrUnknownOutcome) {
		t.Errorf("append: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Last(t.Context()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
