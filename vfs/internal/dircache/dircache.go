// Package dircache remembers what is in the folders of a store, listing by
// listing. A complete listing that is fresh answers what is in the folder and
// what is not, without a call to the store.
package dircache

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/davdisk/davdisk/backend"
)

// wide is the number of entries from which on a folder is not listed for the
// sake of a single name: about what a store gives in one answer.
const wide = 1000

// Options shape a cache; none has a default.
type Options struct {
	TTL     time.Duration // how long a listing is believed where no revision can confirm it; 0: nothing is kept
	Entries int           // of all listings together
	Poll    time.Duration // how often the revision is asked for; 0: never
	Log     *slog.Logger
	Now     func() time.Time
}

// Cache remembers listings of one store. It may be used from many goroutines
// at once.
type Cache struct {
	b    backend.Backend
	opts Options

	mu       sync.Mutex // guards all below
	listings *simplelru.LRU[string, *listing]
	entries  int // of all listings
	flights  map[string]*flight
	revision revision
	writes   uint64         // of our own, so far
	kept     uint64         // listings that have been remembered so far
	running  sync.WaitGroup // flights
}

// listing is what is in a folder. It is changed only under Cache.mu.
type listing struct {
	self     backend.Info
	children map[string]backend.Info
	made     time.Time // when it was asked for
	number   uint64    // of all that have been remembered
	wide     bool      // too much to be listed for one name; there are no children here
}

func (l *listing) weight() int { return len(l.children) + 1 }

// New makes a cache in front of b.
func New(b backend.Backend, opts Options) *Cache {
	c := &Cache{b: b, opts: opts, flights: map[string]*flight{}}
	// The bound is on entries, which drop keeps count of.
	c.listings, _ = simplelru.NewLRU(math.MaxInt, func(_ string, l *listing) { c.entries -= l.weight() })
	return c
}

// Close waits for what is still being listed.
func (c *Cache) Close() { c.running.Wait() }

// Stat describes a file or a folder.
func (c *Cache) Stat(ctx context.Context, name string) (backend.Info, error) {
	if c.opts.TTL == 0 {
		return c.b.Stat(ctx, name)
	}
	parent := path.Dir(name)
	c.refresh(ctx, parent)
	info, known, err := c.known(name)
	if known {
		return info, err
	}
	if c.isWide(parent) {
		return c.b.Stat(ctx, name)
	}
	self, children, err := c.list(ctx, parent, false)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, backend.ErrNotDir):
		return backend.Info{}, missing("stat", name)
	case err != nil:
		return backend.Info{}, err
	case name == ".":
		return self, nil
	case children == nil:
		return c.b.Stat(ctx, name)
	}
	if info, ok := children[path.Base(name)]; ok {
		return info, nil
	}
	return backend.Info{}, missing("stat", name)
}

// Look describes what is under a name of which nothing may be known yet; of a
// folder that had to be listed for that it gives the children too, by name.
// They are the caller's.
func (c *Cache) Look(ctx context.Context, name string) (info backend.Info, children map[string]backend.Info, err error) {
	if c.opts.TTL > 0 {
		c.refresh(ctx, path.Dir(name))
		info, known, err := c.known(name)
		if known {
			return info, nil, err
		}
	}
	info, children, err = c.List(ctx, name)
	if errors.Is(err, backend.ErrNotDir) {
		err = nil
	}
	return info, children, err
}

// List gives a folder and what is in it, by name. The map is the caller's. A
// file gives its Info with ErrNotDir.
func (c *Cache) List(ctx context.Context, name string) (self backend.Info, children map[string]backend.Info, err error) {
	if c.opts.TTL == 0 {
		l, err := c.ask(ctx, name, nil)
		return l.self, l.children, err
	}
	c.refresh(ctx, name)
	if self, children, ok := c.fresh(name); ok {
		return self, children, nil
	}
	info, known, err := c.known(name)
	switch {
	case known && err != nil:
		return info, nil, err
	case known && !info.Dir:
		return info, nil, backend.PathError("list", name, backend.ErrNotDir, "")
	}
	return c.list(ctx, name, true)
}

// Empty tells whether there is nothing in a folder, not by what is remembered.
func (c *Cache) Empty(ctx context.Context, name string) (bool, error) {
	_, children, err := c.b.List(ctx, name)
	if err != nil {
		return false, err
	}
	for _, err := range children {
		return false, err
	}
	return true, nil
}

// fresh gives a copy of a listing that needs no asking.
func (c *Cache) fresh(name string) (backend.Info, map[string]backend.Info, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.believed(name)
	if l == nil {
		return backend.Info{}, nil, false
	}
	return l.self, maps.Clone(l.children), true
}

// believed is the listing of a folder, if it is fresh. The caller holds c.mu.
func (c *Cache) believed(name string) *listing {
	l, ok := c.listings.Get(name)
	if !ok || l.wide || !c.isFresh(l) {
		return nil
	}
	return l
}

func (c *Cache) isWide(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.listings.Get(name)
	return ok && (l.wide || len(l.children) > wide)
}

// known tells what fresh listings say of a name: what is there, or that
// nothing is there because it, or a folder on the way, is missing.
func (c *Cache) known(name string) (info backend.Info, known bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name != "." {
		for end := 0; end < len(name); {
			dir := "."
			if end > 0 {
				dir = name[:end]
				end++
			}
			rest, last := name[end:], true
			if i := strings.IndexByte(rest, '/'); i >= 0 {
				rest, last = rest[:i], false
			}
			end += len(rest)
			l := c.believed(dir)
			if l == nil {
				continue
			}
			info, ok := l.children[rest]
			switch {
			case !ok || !last && !info.Dir:
				return backend.Info{}, true, missing("stat", name)
			case last:
				return info, true, nil
			}
		}
	}
	if l := c.believed(name); l != nil {
		return l.self, true, nil
	}
	return backend.Info{}, false, nil
}

func missing(op, name string) error { return backend.PathError(op, name, fs.ErrNotExist, "") }

// keep remembers a listing. The caller holds c.mu.
func (c *Cache) keep(name string, l *listing) {
	c.drop(name)
	if l.weight() > c.opts.Entries {
		l = &listing{wide: true}
	}
	c.kept++
	l.number = c.kept
	c.listings.Add(name, l)
	c.entries += l.weight()
	for c.entries > c.opts.Entries {
		c.listings.RemoveOldest()
	}
}

// drop forgets a listing. The caller holds c.mu.
func (c *Cache) drop(name string) { c.listings.Remove(name) }
