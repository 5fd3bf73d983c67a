package lock

import (
	"context"
	"slices"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// A Change is what a request is about to do to one path.
type Change struct {
	Path string
	// Content: the resource's content or properties change, or it goes away.
	Content bool
	// Tree: so does everything below it (DELETE, the source of a MOVE, what a
	// COPY or MOVE replaces).
	Tree bool
	// Member: the name is added to or removed from its folder, which is a
	// change of the folder, protected by the folder's lock of any depth
	// (section 7.4).
	Member bool
}

// Confirm reports whether a principal who submitted these tokens may make the
// changes. A locked resource may be changed by the principal who created one of
// the locks that cover it and submits its token (section 6.4); several locks on
// one resource are all shared, and any of them will do. Otherwise Confirm
// returns a *ConflictError with the roots of the locks whose tokens are
// missing.
//
// The caller has reserved the paths, or a lock may be made before the changes
// take effect. A lock that has expired is ended before, for all gateways: the
// change may be made without it, and nobody can refresh it afterwards.
func (t *Table) Confirm(principal string, tokens []string, changes ...Change) error {
	if t.shared {
		if err := t.expire(context.Background(), t.opts.Now()); err != nil {
			return err
		}
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	c := confirmation{table: t, now: t.opts.Now(), principal: principal, tokens: tokens}
	for _, change := range changes {
		name := pathtree.Clean(change.Path)
		if change.Member && name != "/" {
			c.check(parent(name))
		}
		if change.Content || change.Tree {
			c.check(name)
		}
		if change.Tree {
			for root := range t.tree.Below(name) {
				c.check(root)
			}
		}
	}
	return conflict(c.wanting)
}

type confirmation struct {
	table     *Table
	now       time.Time
	principal string
	tokens    []string
	wanting   []string
}

// check adds the roots of a resource's locks if none of them is held.
func (c *confirmation) check(name string) {
	locks := c.table.covering(name, c.now)
	held := slices.ContainsFunc(locks, func(l Lock) bool {
		return l.Principal == c.principal && slices.Contains(c.tokens, l.Token)
	})
	if held {
		return
	}
	for _, l := range locks {
		c.wanting = append(c.wanting, l.Root)
	}
}
