package replica

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"
	"github.com/google/uuid"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// self is what a gateway remembers of itself in its state folder.
type self struct {
	Gateway  string `json:"gateway"`
	Process  string `json:"process"`        // random; of the last process
	Boot     string `json:"boot,omitempty"` // which start of which machine it ran in, and which lock it had
	Identity string `json:"identity"`       // of the log; empty before it was seen
	// Last is an entry of this gateway. A log that does not have it has lost what
	// was acknowledged, however far it has grown since.
	Last uint64 `json:"last"`

	replaces string            // the process before this one, if it is certainly gone
	formats  map[string]string // of the machines, by name
	path     string            // empty: nothing is remembered
	lock     *flock.Flock

	mu sync.Mutex // guards Identity and Last, and the file
}

const selfFormat = "davdisk cluster 1"

// selfPath is the file in a state folder.
func selfPath(dir string) string { return filepath.Join(dir, "cluster") }

// openSelf reads what the gateway remembers, and makes this process its only one.
// The one before is known to be gone if it ran on this machine since its start and
// had the same lock: else this may be the copy of a folder that is in use.
func openSelf(dir, name, boot string) (*self, error) {
	name, id := cmp.Or(name, "gateway"), uuid.NewString()[:8]
	s := &self{Gateway: name + "-" + id, Process: uuid.NewString(), Boot: boot, formats: map[string]string{}}
	if dir == "" {
		s.Gateway = name + " " + id // which no gateway with a folder can have
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
	if s.Boot != "" {
		info, err := s.lock.Stat()
		if err != nil {
			return s, errors.Join(err, s.lock.Close())
		}
		s.Boot = lockedIn(s.Boot, info)
	}
	var before self
	err := journal.ReadFile(s.path, selfFormat, &before)
	if err == nil {
		s.Gateway, s.Identity, s.Last = before.Gateway, before.Identity, before.Last
		if s.Boot != "" && before.Boot == s.Boot {
			s.replaces = before.Process
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = s.write()
	}
	if err != nil {
		return nil, errors.Join(err, s.lock.Close())
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

// forgetBoot lets no later process take this one for gone.
func (s *self) forgetBoot() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Boot = ""
	return s.write()
}

// accept remembers an identity, or refuses one that is not known and does not
// replace the one that is. It reports whether it replaces that.
func (s *self) accept(identity Identity) (fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Identity == identity.ID {
		return false, nil
	}
	if s.Identity != "" && identity.Replaces != s.Identity {
		return false, fmt.Errorf("%w: it is %s, and %s was known; if the other is gone for good, davdisk cluster init with the state folder of a gateway replaces it", cluster.ErrOtherLog, identity.ID, s.Identity)
	}
	known, last := s.Identity, s.Last
	s.Identity, s.Last = identity.ID, 0
	if err := s.write(); err != nil {
		s.Identity, s.Last = known, last
		return false, err
	}
	return known != "", nil
}

// remember remembers an entry of this gateway in the log of an identity.
func (s *self) remember(identity string, last uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if identity != s.Identity || last <= s.Last {
		return nil
	}
	s.Last = last
	return s.write()
}

func (s *self) identity() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Identity
}

func (s *self) last() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Last
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
