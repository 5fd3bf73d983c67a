package etcd

import (
	"context"
	"errors"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestAnEntryIsTheSameByItsData: after an attempt whose answer was lost it is found,
// but that of a copy of this process under the same key is another's.
func TestAnEntryIsTheSameByItsData(t *testing.T) {
	testlevel.NeedMore(t)
	s, err := newStore(configure(t, etcdtest.Start(t, 1).Endpoints()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Identity(t.Context(), func(replica.Identity) error { return nil }); err != nil {
		t.Fatal(err)
	}
	add := func(data string) (uint64, error) { return s.Append(context.Background(), "key", []byte(data)) }
	seq, err := add("a")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := add("a"); err != nil || again != seq {
		t.Errorf("the same once more: %d after %d, %v", again, seq, err)
	}
	if _, err := add("b"); !errors.Is(err, replica.ErrTaken) || errors.Is(err, cluster.ErrUnknownOutcome) {
		t.Errorf("another: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
