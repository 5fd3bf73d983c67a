package webdav

import (
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"time"

	xdav "golang.org/x/net/webdav"

	"github.com/davdisk/davdisk/webdav/internal/lock"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// NewLockSystem returns the lock table of [Handler] for programs on
// golang.org/x/net/webdav: locks are kept in dir, or in memory if it is "",
// survive a restart, end after at most an hour, and have unguessable tokens. It
// is an io.Closer; two must not share a folder.
//
// A lock of depth 0 without an owner and without a timeout is kept in memory
// alone: x/net's handler makes one for each request that submits no token, and
// a crash must not leave those behind. As with x/net's NewMemLS, an entity tag
// in an If header is ignored: a lock system does not know the files.
func NewLockSystem(dir string) (xdav.LockSystem, error) {
	s := &lockSystem{held: map[string]string{}}
	var err error
	s.table, err = lock.Open(dir, lock.Options{Now: func() time.Time { return s.now }})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// lockSystem adapts a lock.Table to x/net.
type lockSystem struct {
	mu    sync.Mutex // held by each method; guards what follows
	table *lock.Table
	now   time.Time         // of the current call
	held  map[string]string // name to token: locks in memory alone, and names in use (no token)
}

// Close closes the folder; the locks stay in it.
func (s *lockSystem) Close() error { return s.table.Close() }

// enter begins a call.
func (s *lockSystem) enter(now time.Time) (leave func()) {
	s.mu.Lock()
	s.now = now
	return s.mu.Unlock
}

// Confirm implements LockSystem. It holds the names rather than the locks:
// two requests with one token of a folder may change two files in it at once.
func (s *lockSystem) Confirm(now time.Time, name0, name1 string, conditions ...xdav.Condition) (release func(), err error) {
	defer s.enter(now)()
	var names []string
	for _, name := range []string{name0, name1} {
		if clean := pathtree.Clean(name); name != "" && !slices.Contains(names, clean) {
			names = append(names, clean)
		}
	}
	for _, name := range names {
		if _, inUse := s.held[name]; inUse || !s.holds(name, conditions) {
			return nil, xdav.ErrConfirmationFailed
		}
	}
	for _, name := range names {
		s.held[name] = ""
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, name := range names {
			delete(s.held, name)
		}
	}, nil
}

// holds reports whether one of the conditions names a lock that covers name,
// and none names one that must not.
func (s *lockSystem) holds(name string, conditions []xdav.Condition) bool {
	covering := s.table.Covering(name)
	found := false
	for _, c := range conditions {
		if c.Token == "" {
			continue
		}
		covers := slices.ContainsFunc(covering, func(l lock.Lock) bool { return l.Token == c.Token })
		if covers && c.Not {
			return false
		}
		found = found || covers
	}
	return found
}

// Create implements LockSystem.
func (s *lockSystem) Create(now time.Time, details xdav.LockDetails) (token string, err error) {
	defer s.enter(now)()
	root := pathtree.Clean(details.Root)
	for name := range s.held {
		if name == root || !details.ZeroDepth && pathtree.Within(name, root) {
			return "", xdav.ErrLocked
		}
	}
	if details.ZeroDepth && details.Duration < 0 && details.OwnerXML == "" {
		if len(s.table.Covering(root)) > 0 {
			return "", xdav.ErrLocked
		}
		token := "urn:davdisk-lock:" + rand.Text()
		s.held[root] = token
		return token, nil
	}
	granted, err := s.table.Create(lock.Request{
		Root: root, Infinite: !details.ZeroDepth, Owner: details.OwnerXML, Timeout: max(details.Duration, 0),
	})
	return granted.Token, forLockSystem(err)
}

// Refresh implements LockSystem.
func (s *lockSystem) Refresh(now time.Time, token string, duration time.Duration) (xdav.LockDetails, error) {
	defer s.enter(now)()
	if root, ok := s.inMemory(token); ok {
		return xdav.LockDetails{Root: root, Duration: -1, ZeroDepth: true}, nil
	}
	root, ok := s.rootOf(token)
	if !ok {
		return xdav.LockDetails{}, xdav.ErrNoSuchLock
	}
	l, err := s.table.Refresh(root, "", token, max(duration, 0))
	return xdav.LockDetails{Root: l.Root, Duration: l.Timeout, OwnerXML: l.Owner, ZeroDepth: !l.Infinite}, forLockSystem(err)
}

// Unlock implements LockSystem.
func (s *lockSystem) Unlock(now time.Time, token string) error {
	defer s.enter(now)()
	if root, ok := s.inMemory(token); ok {
		delete(s.held, root)
		return nil
	}
	root, ok := s.rootOf(token)
	if !ok {
		return xdav.ErrNoSuchLock
	}
	return forLockSystem(s.table.Unlock(root, "", token))
}

// rootOf returns the root of the lock with a token.
func (s *lockSystem) rootOf(token string) (root string, ok bool) {
	for _, l := range s.table.Below("/") {
		if l.Token == token {
			return l.Root, true
		}
	}
	return "", false
}

func (s *lockSystem) inMemory(token string) (root string, ok bool) {
	for root, t := range s.held {
		if t == token && token != "" {
			return root, true
		}
	}
	return "", false
}

// forLockSystem maps an error of a lock.Table to that of x/net.
func forLockSystem(err error) error {
	var conflict *lock.ConflictError
	switch {
	case errors.As(err, &conflict):
		return xdav.ErrLocked
	case errors.Is(err, lock.ErrNoLock):
		return xdav.ErrNoSuchLock
	case errors.Is(err, lock.ErrNotOwner):
		return xdav.ErrForbidden
	}
	return err
}
