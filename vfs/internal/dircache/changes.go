package dircache

import (
	"maps"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Stored records a file or a folder that has been made or replaced.
func (c *Cache) Stored(name string, info backend.Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored(name, info, c.writes)
}

// Writes returns the number of writes so far, for Made.
func (c *Cache) Writes() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// Made is like Stored, for a new folder. writes is what Writes returned before
// the folder was made: if there were others since, it may not be empty.
func (c *Cache) Made(name string, info backend.Info, writes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored(name, info, writes)
}

// stored is Made for a caller that holds c.mu.
func (c *Cache) stored(name string, info backend.Info, writes uint64) {
	alone := writes == c.writes
	c.written()
	info.Name = path.Base(name)
	c.invalidate(name)
	c.apply(path.Dir(name), func(l *listing) {
		if _, replaced := l.children.Get(info.Name); !replaced && !l.wide && info.Properties == nil {
			info.Properties = map[string]string{} // what is new has none
		}
		l.children.Set(info)
	})
	_, listed := c.listings.Peek(path.Dir(name))
	switch {
	case info.Dir && alone:
		// A folder that has just been made is empty.
		c.keep(name, &listing{self: info, children: NewChildren(), made: c.opts.Now()})
	case !info.Dir && !listed:
		c.keep(name, &listing{self: info, made: c.opts.Now()})
	}
}

// Removed records that a name and all below it has been removed.
func (c *Cache) Removed(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written()
	c.invalidateTree(name)
	base := path.Base(name)
	c.apply(path.Dir(name), func(l *listing) { l.children.Delete(base) })
}

// Kept returns the number of listings cached so far, for Moved.
func (c *Cache) Kept() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

// Moved records that a name and all below it has been moved. kept is what Kept
// returned before the move began. Listings cached since are dropped: a store
// that moves a folder file by file shows only a part of it then.
func (c *Cache) Moved(from, to string, kept uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written()
	info, known := c.remembered(from)
	c.invalidateTree(to)
	for _, old := range c.listings.Keys() {
		if !backend.Within(old, from) {
			continue
		}
		l, _ := c.listings.Peek(old)
		c.drop(old)
		if l.number > kept {
			continue
		}
		if old == from {
			if known && !info.Dir {
				l.self = info
			}
			l.self.Name = path.Base(to)
		}
		c.keep(to+strings.TrimPrefix(old, from), l)
	}
	c.invalidateTree(from)
	// A listing in progress may have been made before or after the move, and so
	// what it has under the names may be older or newer than what was moved.
	base := path.Base(from)
	c.apply(path.Dir(from), func(l *listing) { l.children.Delete(base) })
	if !known {
		c.invalidate(path.Dir(to))
		return
	}
	info.Name = path.Base(to)
	c.apply(path.Dir(to), func(l *listing) { l.children.Set(info) })
}

// Copied records that a name and all below it has been copied.
func (c *Cache) Copied(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written()
	info, known := c.remembered(from)
	c.invalidateTree(to)
	if !known {
		c.invalidate(path.Dir(to))
		return
	}
	info.Name, info.ID, info.Public, info.Created = path.Base(to), "", "", c.opts.Now()
	c.apply(path.Dir(to), func(l *listing) { l.children.Set(info) })
}

// Retimed records a modification time that has been set.
func (c *Cache) Retimed(name string, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applyTo(name, func(l *listing) { l.self.ModTime = t })
	base := path.Base(name)
	c.apply(path.Dir(name), func(l *listing) {
		if info, ok := l.children.Get(base); ok {
			info.ModTime = t
			l.children.Set(info)
		}
	})
}

// Propertied records properties that have been set and removed.
func (c *Cache) Propertied(name string, set map[string]string, remove []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written()
	update := func(info *backend.Info) {
		if info.Properties == nil {
			return
		}
		props := maps.Clone(info.Properties)
		maps.Copy(props, set)
		for _, key := range remove {
			delete(props, key)
		}
		info.Properties = props
	}
	c.applyTo(name, func(l *listing) { update(&l.self) })
	base := path.Base(name)
	c.apply(path.Dir(name), func(l *listing) {
		if info, ok := l.children.Get(base); ok {
			update(&info)
			l.children.Set(info)
		}
	})
}

// Invalidate drops what is cached of a name and of all below it, because it may
// be wrong.
func (c *Cache) Invalidate(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++ // a folder that is being made may not be empty any more
	c.invalidateTree(name)
	c.invalidate(path.Dir(name))
}

// remembered returns what was last known of a name from a listing, fresh or not:
// whoever changes the name has asked for it, and so has the listing requested
// again that is not. That is not so of a wide folder, and of a file whose folder
// is not listed: then it must be fresh. The caller holds c.mu.
func (c *Cache) remembered(name string) (backend.Info, bool) {
	if l, ok := c.listings.Peek(path.Dir(name)); ok && (!l.wide || c.isFresh(l)) {
		if info, ok := l.children.Get(path.Base(name)); ok {
			return info, true
		}
	}
	if l, ok := c.listings.Peek(name); ok && !l.wide && (l.children != nil || c.isFresh(l)) {
		return l.self, true
	}
	return backend.Info{}, false
}

// apply changes the children in the listing of a folder, and in one in progress.
// The caller holds c.mu.
func (c *Cache) apply(dir string, change func(*listing)) {
	c.applyTo(dir, func(l *listing) {
		if l.children == nil {
			return
		}
		if l.shared {
			l.children, l.shared = l.children.Clone(), false
		}
		change(l)
	})
}

func (c *Cache) applyTo(dir string, change func(*listing)) {
	if f := c.flights[dir]; f != nil {
		f.changes = append(f.changes, change)
	}
	if l, ok := c.listings.Peek(dir); ok {
		before := l.weight()
		change(l)
		c.entries += l.weight() - before
	}
}

// invalidate drops a listing, and invalidates one in progress. The caller holds
// c.mu.
func (c *Cache) invalidate(dir string) {
	c.drop(dir)
	if f := c.flights[dir]; f != nil {
		f.invalid = true
	}
}

// invalidateTree invalidates all listings at and below a name. The caller holds
// c.mu.
func (c *Cache) invalidateTree(name string) {
	for _, dir := range c.listings.Keys() {
		if backend.Within(dir, name) {
			c.drop(dir)
		}
	}
	for dir, f := range c.flights {
		if backend.Within(dir, name) {
			f.invalid = true
		}
	}
}
