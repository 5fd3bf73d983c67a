package dircache

import (
	"iter"
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
	byName map[string]*backend.Info // nil: sorted has all, and no two of a name

	mu     sync.Mutex
	sorted []*backend.Info // by name, if it has all of them
}

// NewChildren returns those of an empty folder.
func NewChildren() *Children { return &Children{byName: map[string]*backend.Info{}} }

// Collect returns those of a listing, of which no map is made if it is sorted: they
// are for one answer. They share their memory.
func Collect(all iter.Seq2[backend.Info, error]) (*Children, error) {
	const least, most = 8, 128 // entries that are made room for at once
	c := &Children{}
	var room []backend.Info
	for info, err := range all {
		if err != nil {
			return nil, err
		}
		if c.byName == nil && len(c.sorted) > 0 && c.sorted[len(c.sorted)-1].Name >= info.Name {
			c.byName = c.index()
		}
		if c.byName != nil {
			c.Set(info)
			continue
		}
		if len(room) == cap(room) {
			room = make([]backend.Info, 0, min(max(least, 2*cap(room)), most))
		}
		room = append(room, info)
		c.sorted = append(c.sorted, &room[len(room)-1])
	}
	return c, nil
}

// index returns a map of the entries, by name.
func (c *Children) index() map[string]*backend.Info {
	if c.byName != nil {
		return maps.Clone(c.byName)
	}
	byName := make(map[string]*backend.Info, len(c.sorted))
	for _, info := range c.sorted {
		byName[info.Name] = info
	}
	return byName
}

// Len returns how many there are.
func (c *Children) Len() int {
	if c == nil {
		return 0
	}
	if c.byName == nil {
		return len(c.sorted)
	}
	return len(c.byName)
}

// Get returns the entry with a name.
func (c *Children) Get(name string) (info backend.Info, ok bool) {
	if c == nil {
		return info, false
	}
	if c.byName == nil {
		i, ok := slices.BinarySearchFunc(c.sorted, name, func(info *backend.Info, name string) int { return strings.Compare(info.Name, name) })
		if ok {
			info = *c.sorted[i]
		}
		return info, ok
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
	if c.byName != nil && len(c.sorted) != len(c.byName) {
		c.sorted = slices.SortedFunc(maps.Values(c.byName), func(a, b *backend.Info) int { return strings.Compare(a.Name, b.Name) })
	}
	return c.sorted
}

// Clone returns a copy that may be changed.
func (c *Children) Clone() *Children { return &Children{byName: c.index()} }

// Set adds an entry, or replaces the one with its name. It is for children that
// nobody else has. Those that come in order need not be sorted.
func (c *Children) Set(info backend.Info) {
	if c.byName == nil {
		c.byName = c.index()
	}
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
	if c.byName == nil {
		c.byName = c.index()
	}
	delete(c.byName, name)
	c.sorted = nil
}
