package etcd

import (
	"errors"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestARestoredCopyIsRefused by a gateway that has seen what came later, though the
// etcd has grown since; a restart without loss is nothing.
func TestARestoredCopyIsRefused(t *testing.T) {
	testlevel.NeedMore(t)
	server := etcdtest.Start(t, 1)
	node := server.Nodes[0]
	c := configure(t, server.Endpoints())
	own := c
	own.Dir = t.TempDir()
	visitWith := func(c Config) error {
		e := engine(t, c)
		_, err := e.Join(t.Context())
		return errors.Join(err, e.Close())
	}
	visit := func() error { return visitWith(own) }
	restart := func(before func()) {
		node.Kill()
		before()
		node.Launch()
		node.Healthy()
	}
	if err := visit(); err != nil {
		t.Fatal(err)
	}
	var restore func()
	restart(func() { restore = node.Copy() })
	running := engine(t, c)
	m, err := running.Join(t.Context())
	if err := errors.Join(err, visit()); err != nil {
		t.Fatal(err)
	}
	restart(func() {})
	if err := visit(); err != nil {
		t.Errorf("after a restart of etcd: %v", err)
	}
	if m, err = running.Join(t.Context()); err != nil { // at once, if a lease has outlasted the restart
		t.Fatal(err)
	}
	restart(restore)
	<-m.Lost()
	for range 30 {
		if err := visitWith(c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := running.Join(t.Context()); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("one that was running when a copy was restored: %v", err)
	}
	if err := visit(); !errors.Is(err, cluster.ErrOtherLog) {
		t.Errorf("after a copy was restored: %v", err)
	}
	if err := running.Close(); err != nil {
		t.Error(err)
	}
}
