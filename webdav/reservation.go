package webdav

import (
	"context"
	"slices"
	"sync"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// reservations keep changes of the same names apart from the moment they are
// decided until the handler's own records agree with the file system. Without
// them a property that is set while its folder is being moved would be
// acknowledged and then belong to the old name.
//
// The zero value is ready for use.
type reservations struct {
	mu       sync.Mutex // guards what follows
	held     [][]reserved
	released chan struct{} // closed at the next release; nil if nobody waits
}

// reserved is one name that a change concerns.
type reserved struct {
	name  string
	scope reservedScope
}

type reservedScope int

const (
	reservedName   reservedScope = iota // the resource itself
	reservedTree                        // with all below it
	reservedSource                      // a tree that is copied: it must stay where it is, and may change
)

// conflicts reports whether two changes must not overlap.
func (a reserved) conflicts(b reserved) bool {
	if a.scope != reservedTree && b.scope != reservedTree {
		return a.name == b.name && a.scope == reservedName && b.scope == reservedName
	}
	return a.name == b.name ||
		a.scope != reservedName && pathtree.Within(b.name, a.name) ||
		b.scope != reservedName && pathtree.Within(a.name, b.name)
}

// reserve waits until no other request holds a conflicting name, or ctx ends.
// All names are granted at once, so two requests never wait for each other.
// release must be called once.
func (s *reservations) reserve(ctx context.Context, names ...reserved) (release func(), err error) {
	for {
		s.mu.Lock()
		if !s.conflict(names) {
			s.held = append(s.held, names)
			s.mu.Unlock()
			return func() { s.release(names) }, nil
		}
		if s.released == nil {
			s.released = make(chan struct{})
		}
		released := s.released
		s.mu.Unlock()
		select {
		case <-released:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (s *reservations) conflict(names []reserved) bool {
	for _, held := range s.held {
		for _, h := range held {
			if slices.ContainsFunc(names, h.conflicts) {
				return true
			}
		}
	}
	return false
}

func (s *reservations) release(names []reserved) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = slices.DeleteFunc(s.held, func(held []reserved) bool { return &held[0] == &names[0] })
	if s.released != nil {
		close(s.released)
		s.released = nil
	}
}
