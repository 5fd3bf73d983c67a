// Package pathlock locks names in a tree, each alone or with everything below it.
//
// All names of an operation are requested and granted at once, first come,
// first served; so there are no deadlocks, as long as no caller requests more
// while holding some.
package pathlock

import (
	"context"
	"slices"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

// A Name is what to lock: slash-separated and clean, "." being the root.
type Name struct {
	Path string
	Tree bool // with everything below it
}

// One locks a name alone.
func One(path string) Name { return Name{Path: path} }

// Tree locks a name with everything below it.
func Tree(path string) Name { return Name{Path: path, Tree: true} }

// A Table holds the locks of one tree of names. The zero value is ready.
type Table struct {
	mu     sync.Mutex
	claims []*claim // in order of arrival
}

// claim is the names of one operation; granted is closed when it holds them.
type claim struct {
	names   []Name
	granted chan struct{}
	held    bool
}

// Lock waits until no other operation holds any of the names, or ctx ends.
// The returned function releases them and must be called once.
func (t *Table) Lock(ctx context.Context, names ...Name) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c := &claim{names: names, granted: make(chan struct{})}
	t.mu.Lock()
	t.claims = append(t.claims, c)
	t.grant()
	t.mu.Unlock()
	select {
	case <-c.granted:
		return func() { t.drop(c) }, nil
	case <-ctx.Done():
		t.drop(c)
		return nil, ctx.Err()
	}
}

func (t *Table) drop(c *claim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.claims = slices.DeleteFunc(t.claims, func(other *claim) bool { return other == c })
	t.grant()
}

// grant grants every claim that does not conflict with an earlier one. The
// caller holds t.mu.
func (t *Table) grant() {
	for i, c := range t.claims {
		if !c.held && !slices.ContainsFunc(t.claims[:i], c.conflicts) {
			c.held = true
			close(c.granted)
		}
	}
}

func (c *claim) conflicts(other *claim) bool {
	for _, a := range c.names {
		for _, b := range other.names {
			if a.Path == b.Path || a.Tree && backend.Within(b.Path, a.Path) || b.Tree && backend.Within(a.Path, b.Path) {
				return true
			}
		}
	}
	return false
}
