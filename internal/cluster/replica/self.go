package replica

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// self is what a gateway remembers of itself in its state folder.
type self struct {
	Gateway  string `json:"gateway"`
	Process  string `json:"process"`  // random; of the last process
	Identity string `json:"identity"` // of the log; empty before it was seen
	Epoch    uint64 `json:"epoch"`    // of the last membership: the log has that entry, or a snapshot after it

	replaces string            // the process before this one
	formats  map[string]string // of the machines, by name
	path     string            // empty: nothing is remembered
	lock     *flock.Flock
}

const selfFormat = "davdisk cluster 1"

// selfPath is the file in a state folder.
func selfPath(dir string) string { return filepath.Join(dir, "cluster") }

// openSelf reads what the gateway remembers, and makes this process its only one,
// so that the one before is known to be gone.
func openSelf(dir, name string) (self, error) {
	s := self{Gateway: cmp.Or(name, "gateway") + "-" + uuid.NewString()[:8], Process: uuid.NewString()}
	if dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	s.path = selfPath(dir)
	s.lock = flock.New(s.path+".lock", flock.SetPermissions(0o600))
	if got, err := s.lock.TryLock(); err != nil {
		return s, fmt.Errorf("lock %s: %w", s.path, err)
	} else if !got {
		return s, fmt.Errorf("%w: %s", journal.ErrLocked, s.path)
	}
	var before self
	err := journal.ReadFile(s.path, selfFormat, &before)
	if err == nil {
		s.Gateway, s.Identity, s.Epoch, s.replaces = before.Gateway, before.Identity, before.Epoch, before.Process
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = s.write()
	}
	if err != nil {
		return s, errors.Join(err, s.lock.Close())
	}
	return s, nil
}

// Remembered returns the identity of the log that the gateway with this state
// folder knows, or none.
func Remembered(dir string) (string, error) {
	var s self
	err := journal.ReadFile(selfPath(dir), selfFormat, &s)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return s.Identity, err
}

// accept remembers an identity, or refuses one that is not known and does not
// replace the one that is. It reports whether it replaces that.
func (s *self) accept(identity Identity) (fresh bool, err error) {
	if s.Identity == identity.ID {
		return false, nil
	}
	if s.Identity != "" && identity.Replaces != s.Identity {
		return false, fmt.Errorf("%w: it is %s, and %s was known; if the other is gone for good, davdisk cluster init with the state folder of a gateway replaces it", cluster.ErrOtherLog, identity.ID, s.Identity)
	}
	before := *s
	s.Identity, s.Epoch = identity.ID, 0
	if err := s.write(); err != nil {
		*s = before
		return false, err
	}
	return before.Identity != "", nil
}

// joined remembers a membership.
func (s *self) joined(epoch uint64) error {
	s.Epoch = epoch
	return s.write()
}

func (s *self) write() error {
	if s.path == "" {
		return nil
	}
	return journal.WriteFile(s.path, selfFormat, s)
}

func (s *self) close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}
