package dircache

import (
	"context"
	"path"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
)

const (
	maxAhead  = 8                // folders that are listed ahead at a time, for all clients
	aheadTime = 10 * time.Second // how long one may take while no client wants it
	maxWalks  = 64               // folders in which walks are followed
)

// walk follows a client that lists the folders in a folder one after the other.
// Cache.mu guards it.
type walk struct {
	number uint64   // of the listing of the folder
	last   string   // the subfolder farthest on that was listed
	dirs   []string // all subfolders, sorted, once a second one was listed
}

// ahead lists the next folders beside one that a client lists, if it has listed
// one shortly before that one, as a walk does. They are listed on behalf of a
// client of their own, so that where the rate is limited at least every other call
// is one of the clients themselves. What is listed ahead does not exceed the first
// page of a large folder, and stops soon after the clients do.
func (c *Cache) ahead(ctx context.Context, name string) {
	if name == "." {
		return
	}
	dir, base := path.Split(name)
	dir = path.Clean(dir)
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.freshListing(dir)
	if l == nil {
		return
	}
	if info, ok := l.children.Get(base); !ok || !info.Dir {
		return
	}
	w, ok := c.walks.Get(dir)
	if !ok || w.number != l.number {
		c.walks.Add(dir, &walk{number: l.number, last: base})
		return
	}
	if w.dirs == nil {
		for _, info := range l.children.Sorted() {
			if info.Dir {
				w.dirs = append(w.dirs, info.Name)
			}
		}
	}
	before, _ := slices.BinarySearch(w.dirs, w.last)
	at, _ := slices.BinarySearch(w.dirs, base)
	if at <= before { // listed by another client, or again
		return
	}
	w.last = base
	if at > before+maxAhead {
		return // not one after the other
	}
	for _, next := range w.dirs[min(at+1, len(w.dirs)):min(at+1+maxAhead, len(w.dirs))] {
		if c.listingAhead == maxAhead {
			return
		}
		c.listAhead(ctx, path.Join(dir, next))
	}
}

// listAhead begins to list a folder, unless it is known or being listed. The
// caller holds c.mu.
func (c *Cache) listAhead(ctx context.Context, name string) {
	if l, ok := c.listings.Peek(name); ok && (l.wide || c.isFresh(l)) || c.flights[name] != nil {
		return
	}
	c.listingAhead++
	ctx = backend.WithClient(context.WithoutCancel(ctx), backend.ClientFromContext(ctx)+", ahead")
	c.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, aheadTime)
		defer cancel()
		defer context.AfterFunc(c.background, cancel)()
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.listingAhead--
		}()
		if _, _, _, err := c.list(ctx, name, false); err != nil {
			c.opts.Log.Debug("a folder was not listed ahead", "name", name, "error", err) // its client will be told why
		}
	})
}
