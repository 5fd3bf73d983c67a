// Package dircache caches the listings of the folders of a store. A fresh,
// complete listing answers what exists in the folder and what does not, without
// a call to the store.
package dircache

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/davdisk/davdisk/backend"
)

// wide is the number of entries above which a folder is not listed for the sake
// of a single name: a few of the pages of a store.
const wide = 3000

// maxAsked is the number of folders of which it is remembered that a name in them
// was asked for.
const maxAsked = 1000

// Options configures a Cache. There are no defaults.
type Options struct {
	TTL     time.Duration // how long a listing is fresh without a revision that confirms it; 0: nothing is cached
	Entries int           // limit for all listings together
	Poll    time.Duration // how often the revision is requested; 0: never
	Valid   func() bool   // whether anything cached may be used now; nil: always
	Log     *slog.Logger
	Now     func() time.Time
}

// Cache caches the listings of one store. It is safe for concurrent use.
type Cache struct {
	b    backend.Backend
	opts Options

	mu       sync.Mutex // guards the fields below
	listings *simplelru.LRU[string, *listing]
	entries  int                            // of all listings
	asked    *simplelru.LRU[string, string] // by folder, a name in it that was asked for
	flights  map[string]*flight
	revision revision
	writes   uint64         // number of writes through this cache so far
	kept     uint64         // number of listings cached so far
	running  sync.WaitGroup // flights, and what is listed ahead

	background   context.Context // of what is listed ahead; done when Close begins
	stop         context.CancelFunc
	walks        *simplelru.LRU[string, *walk] // by folder
	listingAhead int
}

// listing is the content of a folder, or the description of a file, whose
// children are nil. Cache.mu guards it.
type listing struct {
	self     backend.Info
	children *Children
	made     time.Time // when it was requested
	number   uint64    // Cache.kept when it was cached
	shared   bool      // callers have children, which must not be changed any more
	wide     bool      // not to be listed for one name; children are some of them, or nil
	failed   bool      // wide for now, because it could not be listed
}

func (l *listing) weight() int { return l.children.Len() + 1 }

// New returns an empty cache in front of b. Close it after use.
func New(b backend.Backend, opts Options) *Cache {
	c := &Cache{b: b, opts: opts, flights: map[string]*flight{}}
	// The limit is on entries, which the callback counts.
	c.listings, _ = simplelru.NewLRU(math.MaxInt, func(_ string, l *listing) { c.entries -= l.weight() })
	c.background, c.stop = context.WithCancel(context.Background())
	c.walks, _ = simplelru.NewLRU[string, *walk](maxWalks, nil)
	c.asked, _ = simplelru.NewLRU[string, string](maxAsked, nil)
	return c
}

// Close waits for listings in progress, but for those that no client wants, which
// it cancels.
func (c *Cache) Close() {
	c.stop()
	c.running.Wait()
}

// Stat describes a file or a folder, from the cache if it can.
func (c *Cache) Stat(ctx context.Context, name string) (backend.Info, error) {
	if c.opts.TTL == 0 {
		return c.b.Stat(ctx, name)
	}
	c.refreshName(ctx, name)
	info, known, err := c.known(name)
	if known {
		return info, err
	}
	if c.isWide(path.Dir(name)) {
		return c.b.Stat(ctx, name)
	}
	info, known, err = c.listFor(ctx, name)
	if !known && err == nil {
		return c.b.Stat(ctx, name)
	}
	return info, err
}

// listFor describes a name from the listing of its folder. known is false if the
// folder turns out to be wide, or cannot be listed.
func (c *Cache) listFor(ctx context.Context, name string) (info backend.Info, known bool, err error) {
	self, children, whole, err := c.list(ctx, path.Dir(name), false)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, backend.ErrNotDir):
		return backend.Info{}, true, missing("stat", name)
	case err != nil:
		return backend.Info{}, false, err
	case name == ".":
		return self, true, nil
	}
	if info, ok := children.Get(path.Base(name)); ok {
		return info, true, nil
	}
	if !whole {
		return backend.Info{}, false, nil
	}
	return backend.Info{}, true, missing("stat", name)
}

// Look is like Stat, for a name of which nothing may be cached yet. It asks for
// the first such name in a folder only, and lists the folder for the second. If
// name is a folder that it had to list, it returns the children too.
func (c *Cache) Look(ctx context.Context, name string) (info backend.Info, children *Children, err error) {
	if c.opts.TTL > 0 {
		c.refreshName(ctx, name)
		info, known, err := c.known(name)
		if known {
			return info, nil, err
		}
		if parent := path.Dir(name); c.another(name) && !c.isWide(parent) {
			info, known, err := c.listFor(ctx, name)
			switch {
			case known:
				return info, nil, err
			case ctx.Err() != nil:
				return backend.Info{}, nil, ctx.Err()
			case err != nil: // the name itself may still be described
				c.giveUp(parent)
			}
		}
	}
	info, children, err = c.List(ctx, name)
	if errors.Is(err, backend.ErrNotDir) {
		err = nil
	}
	return info, children, err
}

// another records that a name is asked for, and reports whether another one in
// the same folder was asked for before.
func (c *Cache) another(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	dir := path.Dir(name)
	before, ok := c.asked.Get(dir)
	if !ok {
		c.asked.Add(dir, name)
	}
	return ok && before != name
}

// giveUp records that a folder, which could not be listed, is not to be listed
// for one name again for now.
func (c *Cache) giveUp(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.freshListing(name) == nil {
		c.keep(name, &listing{wide: true, failed: true, made: c.opts.Now()})
	}
}

// List returns a folder and its children. For a file it returns its Info and
// backend.ErrNotDir.
func (c *Cache) List(ctx context.Context, name string) (self backend.Info, children *Children, err error) {
	if c.opts.TTL == 0 {
		l, err := c.ask(ctx, name, nil)
		return l.self, l.children, err
	}
	c.refresh(ctx, name)
	c.ahead(ctx, name)
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
	self, children, _, err = c.list(ctx, name, true)
	return self, children, err
}

// Empty reports whether a folder is empty. It always asks the store.
func (c *Cache) Empty(ctx context.Context, name string) (bool, error) {
	_, children, whole, err := backend.ListSome(ctx, c.b, name, 1)
	if err != nil {
		return false, err
	}
	for _, err := range children {
		return false, err
	}
	return whole, nil
}

// fresh returns a fresh listing.
func (c *Cache) fresh(name string) (backend.Info, *Children, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.freshListing(name)
	if l == nil || l.children == nil {
		return backend.Info{}, nil, false
	}
	l.shared = true
	return l.self, l.children, true
}

// freshListing returns the listing of a folder if it is fresh, or nil. The
// caller holds c.mu.
func (c *Cache) freshListing(name string) *listing {
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
	return ok && (l.wide && (!l.failed || c.isFresh(l)) || l.children.Len() > wide)
}

// part returns what is known of a name from a listing of its folder that was left.
// The caller holds c.mu.
func (c *Cache) part(dir, base string) (backend.Info, bool) {
	l, ok := c.listings.Get(dir)
	if !ok || !l.wide || !c.isFresh(l) {
		return backend.Info{}, false
	}
	info, ok := l.children.Get(base)
	return info, ok
}

// known looks up a name in the fresh listings. If they answer, known is true and
// err is nil, or fs.ErrNotExist because the name or one of its parents is
// missing.
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
			l := c.freshListing(dir)
			if l == nil {
				continue
			}
			info, ok := l.children.Get(rest)
			switch {
			case !ok || !last && !info.Dir:
				return backend.Info{}, true, missing("stat", name)
			case last:
				return info, true, nil
			}
		}
	}
	if l := c.freshListing(name); l != nil {
		return l.self, true, nil
	}
	info, known = c.part(path.Dir(name), path.Base(name))
	return info, known && name != ".", nil
}

func missing(op, name string) error { return backend.PathError(op, name, fs.ErrNotExist, "") }

// keep caches a listing. The caller holds c.mu.
func (c *Cache) keep(name string, l *listing) {
	c.drop(name)
	if l.weight() > c.opts.Entries {
		l = &listing{wide: true, made: l.made}
	}
	c.kept++
	l.number = c.kept
	c.listings.Add(name, l)
	c.entries += l.weight()
	for c.entries > c.opts.Entries {
		c.listings.RemoveOldest()
	}
}

// drop removes a listing. The caller holds c.mu.
func (c *Cache) drop(name string) { c.listings.Remove(name) }
