// Package pathlock locks names in a tree, each alone or with everything below it.
//
// All names of an operation are requested and granted at once, so there are no
// deadlocks, as long as no caller requests more while holding some. Claims on one
// name are granted first come, first served. A claim that waits holds back later
// ones on its own names only: others go on below a folder while a change of the
// folder itself waits for one of them.
package pathlock

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// ErrBusy is the error of a claim that has waited for Table.Timeout.
var ErrBusy = errors.New("in use")

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
	// Timeout is how long a claim waits for what is held below its names, which
	// it does not hold back, before Lock fails with ErrBusy. 0: for ever.
	Timeout time.Duration

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
	held := c.held
	t.mu.Unlock()
	if !held {
		if err := t.wait(ctx, c); err != nil {
			t.drop(c)
			return nil, err
		}
	}
	return func() { t.drop(c) }, nil
}

// wait waits until a claim is granted.
func (t *Table) wait(ctx context.Context, c *claim) error {
	var timeout <-chan time.Time
	if t.Timeout > 0 {
		ticker := time.NewTicker(t.Timeout)
		defer ticker.Stop()
		timeout = ticker.C
	}
	for {
		select {
		case <-c.granted:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout:
			if t.waitsBelow(c) {
				return ErrBusy
			}
		}
	}
}

// waitsBelow reports whether a claim waits for what is held below its names.
func (t *Table) waitsBelow(c *claim) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !c.held && slices.ContainsFunc(t.claims, func(other *claim) bool { return other.held && c.above(other) })
}

func (t *Table) drop(c *claim) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.claims = slices.DeleteFunc(t.claims, func(other *claim) bool { return other == c })
	t.grant()
}

// grant grants every claim that conflicts with no held one and shares no name
// with an earlier one that waits. The caller holds t.mu.
func (t *Table) grant() {
	for i, c := range t.claims {
		if !c.held && !slices.ContainsFunc(t.claims, func(other *claim) bool { return other.held && c.conflicts(other) }) &&
			!slices.ContainsFunc(t.claims[:i], c.shares) {
			c.held = true
			close(c.granted)
		}
	}
}

// shares reports whether both claims are for one very name.
func (c *claim) shares(other *claim) bool {
	return slices.ContainsFunc(c.names, func(a Name) bool {
		return slices.ContainsFunc(other.names, func(b Name) bool { return a.Path == b.Path })
	})
}

// above reports whether some name of the other claim is below a tree of c.
func (c *claim) above(other *claim) bool {
	return slices.ContainsFunc(c.names, func(a Name) bool {
		return a.Tree && slices.ContainsFunc(other.names, func(b Name) bool { return b.Path != a.Path && backend.Within(b.Path, a.Path) })
	})
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
