package dircache

import (
	"maps"
	"path"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Stored takes note of a file or a folder that we have made or replaced.
func (c *Cache) Stored(name string, info backend.Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored(name, info, c.writes)
}

// Writes counts our own writes, for Made.
func (c *Cache) Writes() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// Made is Stored for a folder that was asked for when there had been so many
// writes. If there were others since, it may not be empty any more.
func (c *Cache) Made(name string, info backend.Info, writes uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored(name, info, writes)
}

// stored is Made. The caller holds c.mu.
func (c *Cache) stored(name string, info backend.Info, writes uint64) {
	alone := writes == c.writes
	c.written()
	info.Name = path.Base(name)
	c.forget(name)
	c.apply(path.Dir(name), func(l *listing) {
		if _, replaced := l.children[info.Name]; !replaced && info.Properties == nil {
			info.Properties = map[string]string{} // what is new has none
		}
		l.children[info.Name] = info
	})
	if info.Dir && alone {
		// What we have just made is empty.
		c.keep(name, &listing{self: info, children: map[string]backend.Info{}, made: c.opts.Now()})
	}
}

// Removed takes note that we have removed a name with all below it.
func (c *Cache) Removed(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written()
	c.forgetTree(name)
	base := path.Base(name)
	c.apply(path.Dir(name), func(l *listing) { delete(l.children, base) })
}

// Kept counts the listings that have been remembered, for Moved.
func (c *Cache) Kept() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

// Moved takes note that we have moved a name with all below it, which began
// when so many listings had been remembered. Those that came later do not
// follow: a store that moves a folder file by file shows a part of it then.
func (c *Cache) Moved(from, to string, kept uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written()
	info, known := c.remembered(from)
	c.forgetTree(to)
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
			l.self.Name = path.Base(to)
		}
		c.keep(to+strings.TrimPrefix(old, from), l)
	}
	c.forgetTree(from)
	base := path.Base(from)
	if path.Dir(from) == path.Dir(to) {
		if !known {
			c.drop(path.Dir(to)) // but what is on its way has one name or the other
		}
		c.apply(path.Dir(to), func(l *listing) {
			moved, ok := l.children[base]
			if !ok {
				moved, ok = info, known
			}
			if ok {
				delete(l.children, base)
				moved.Name = path.Base(to)
				l.children[moved.Name] = moved
			}
		})
		return
	}
	c.apply(path.Dir(from), func(l *listing) { delete(l.children, base) })
	if !known {
		c.forget(path.Dir(to))
		return
	}
	info.Name = path.Base(to)
	c.apply(path.Dir(to), func(l *listing) { l.children[info.Name] = info })
}

// Copied takes note that we have copied a name with all below it.
func (c *Cache) Copied(from, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written()
	info, known := c.remembered(from)
	c.forgetTree(to)
	if !known {
		c.forget(path.Dir(to))
		return
	}
	info.Name, info.ID, info.Public, info.Created = path.Base(to), "", "", c.opts.Now()
	c.apply(path.Dir(to), func(l *listing) { l.children[info.Name] = info })
}

// Retimed takes note of a modification time that we have set.
func (c *Cache) Retimed(name string, t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applyTo(name, func(l *listing) { l.self.ModTime = t })
	base := path.Base(name)
	c.apply(path.Dir(name), func(l *listing) {
		if info, ok := l.children[base]; ok {
			info.ModTime = t
			l.children[base] = info
		}
	})
}

// Propertied takes note of properties that we have set and removed.
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
		if info, ok := l.children[base]; ok {
			update(&info)
			l.children[base] = info
		}
	})
}

// Forget drops what is known of a name and of all below it, because it may be
// wrong.
func (c *Cache) Forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetTree(name)
	c.forget(path.Dir(name))
}

// remembered is what was last known of a name, fresh or not. The caller holds
// c.mu.
func (c *Cache) remembered(name string) (backend.Info, bool) {
	if l, ok := c.listings.Peek(path.Dir(name)); ok {
		if info, ok := l.children[path.Base(name)]; ok {
			return info, true
		}
	}
	if l, ok := c.listings.Peek(name); ok && !l.wide {
		return l.self, true
	}
	return backend.Info{}, false
}

// apply changes the listing of a folder, also one that is on its way. The
// caller holds c.mu.
func (c *Cache) apply(dir string, change func(*listing)) {
	c.applyTo(dir, func(l *listing) {
		if l.children != nil {
			change(l)
		}
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

// forget drops a listing, also one that is on its way. The caller holds c.mu.
func (c *Cache) forget(dir string) {
	c.drop(dir)
	if f := c.flights[dir]; f != nil {
		f.void = true
	}
}

// forgetTree drops all listings at and below a name. The caller holds c.mu.
func (c *Cache) forgetTree(name string) {
	for _, dir := range c.listings.Keys() {
		if backend.Within(dir, name) {
			c.drop(dir)
		}
	}
	for dir, f := range c.flights {
		if backend.Within(dir, name) {
			f.void = true
		}
	}
}
