package dircache

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

// Children are the entries of a folder. Once a caller has them they do not change
// any more, so that all callers share them, and their order, and any number of
// goroutines may read them. Of a nil one nothing is known.
type Children struct {
	byName map[string]*backend.Info

	mu     sync.Mutex
	sorted []*backend.Info // by name, if it has all of them
}

// NewChildren returns those of an empty folder.
func NewChildren() *Children { return &Children{byName: map[string]*backend.Info{}} }

// Len returns how many there are.
func (c *Children) Len() int {
	if c == nil {
		return 0
	}
	return len(c.byName)
}

// Get returns the entry with a name.
func (c *Children) Get(name string) (info backend.Info, ok bool) {
	if c == nil {
		return info, false
	}
	found, ok := c.byName[name]
	if ok {
		info = *found
	}
	return info, ok
}

// Sorted returns the entries by name. The caller changes neither the slice nor what
// it points to.
func (c *Children) Sorted() []*backend.Info {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sorted) != len(c.byName) {
		c.sorted = slices.SortedFunc(maps.Values(c.byName), func(a, b *backend.Info) int { return strings.Compare(a.Name, b.Name) })
	}
	return c.sorted
}

// Clone returns a copy that may be changed.
func (c *Children) Clone() *Children { return &Children{byName: maps.Clone(c.byName)} }

// Set adds an entry, or replaces the one with its name. It is for children that
// nobody else has. Those that come in order need not be sorted.
func (c *Children) Set(info backend.Info) {
	inOrder := len(c.sorted) == len(c.byName) && (len(c.sorted) == 0 || c.sorted[len(c.sorted)-1].Name < info.Name)
	c.byName[info.Name] = &info
	if inOrder {
		c.sorted = append(c.sorted, &info)
	} else {
		c.sorted = nil
	}
}

// Delete removes an entry if it is there. It is for children that nobody else has.
func (c *Children) Delete(name string) {
	delete(c.byName, name)
	c.sorted = nil
}
