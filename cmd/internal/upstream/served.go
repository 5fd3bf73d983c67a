package upstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// ErrOtherStore means that the gateways of the cluster serve another store or
// folder.
var ErrOtherStore = errors.New("the gateways of this cluster serve another store or folder")

// store is an entry of the machine served.
type store struct {
	Digest string `json:"digest"`
}

// served is a machine of which store the gateways serve, by a digest. The first
// gateway says it, for the life of the log: locks are by path, and those of
// another folder would be others.
type served struct {
	log cluster.Log[store]

	mu sync.Mutex // guards the digest
	is string
}

func openServed(e cluster.Engine) (*served, error) {
	s := &served{}
	var err error
	s.log, err = cluster.Open(e, "served", journal.Config[store]{Format: "served 1", Machine: s})
	return s, err
}

// check is ErrOtherStore unless the store is the one that the gateways serve. It
// adds an entry only where nobody has said it yet.
func (s *served) check(ctx context.Context, digest string) error {
	if s.current() == "" {
		_, err := s.log.Propose(ctx, store{digest}, journal.Options{})
		return err
	}
	return s.compare(digest)
}

func (s *served) current() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.is
}

func (s *served) compare(digest string) error {
	if is := s.current(); is != digest {
		return fmt.Errorf("%w: theirs is known as %s, this one as %s", ErrOtherStore, is, digest)
	}
	return nil
}

// Apply implements journal.Machine.
func (s *served) Apply(e store) error {
	if e.Digest == "" {
		return fmt.Errorf("a store without a digest: %w", fs.ErrInvalid)
	}
	if s.current() != "" {
		return s.compare(e.Digest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.is = e.Digest
	return nil
}

// Snapshot implements journal.Machine.
func (s *served) Snapshot() iter.Seq[store] {
	return func(yield func(store) bool) {
		if is := s.current(); is != "" {
			yield(store{is})
		}
	}
}

// Reset implements cluster.Resetter.
func (s *served) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.is = ""
}
