package dircache

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// step is more than the coarsest granularity of the revision of a store: a
// change within step of another one may not change the revision.
const step = 2 * time.Second

// revision is what is known of the revision of the store, a token.
//
// A listing is fresh for one poll interval after it was requested. After that,
// and only if a listing is wanted, the token is requested, at most once an
// interval. If it is the token from before the listing was made, nothing has
// changed since, so all such listings are fresh for another interval. If it has
// changed, they are requested again; a token does not show whether it changed
// only by our own writes.
type revision struct {
	token   string
	since   time.Time // when token was first seen
	moved   time.Time // when it was last seen to have changed
	asked   time.Time // when it was last requested
	still   time.Time // when it was last requested and had not changed
	written time.Time // time of our first write that must change it
	off     bool      // it is not usable: only TTL applies
	asking  chan struct{}
}

// isFresh reports whether a listing is fresh. The caller holds c.mu.
func (c *Cache) isFresh(l *listing) bool {
	if !c.valid() {
		return false
	}
	r, now := &c.revision, c.opts.Now()
	if r.off || c.opts.Poll == 0 {
		return now.Before(l.made.Add(c.opts.TTL))
	}
	switch {
	case l.made.Before(r.moved):
		return false
	case now.Before(l.made.Add(c.opts.Poll)):
		return true
	}
	return c.confirms(l) && now.Before(r.still.Add(c.opts.Poll))
}

// valid reports whether anything cached may be used.
func (c *Cache) valid() bool { return c.opts.Valid == nil || c.opts.Valid() }

// confirms reports whether an unchanged token confirms a listing. The caller
// holds c.mu.
func (c *Cache) confirms(l *listing) bool {
	return !l.made.Before(c.revision.since.Add(step))
}

// written records a write through this cache, which must change the token. The
// caller holds c.mu.
func (c *Cache) written() {
	c.writes++
	r, now := &c.revision, c.opts.Now()
	if r.token != "" && r.written.IsZero() && now.After(r.since.Add(step)) {
		r.written = now
	}
}

// refreshName is refresh for what describes a name: the listing of its folder, or
// what is cached of the name alone.
func (c *Cache) refreshName(ctx context.Context, name string) {
	c.mu.Lock()
	dir := path.Dir(name)
	l, ok := c.listings.Peek(dir)
	if ok && l.wide {
		_, ok = l.children.Get(path.Base(name))
	}
	c.mu.Unlock()
	if !ok {
		dir = name
	}
	c.refresh(ctx, dir)
}

// refresh requests the revision, if that may confirm what is cached of a name.
func (c *Cache) refresh(ctx context.Context, name string) {
	c.mu.Lock()
	l, ok := c.listings.Peek(name)
	r, now := &c.revision, c.opts.Now()
	if !ok || l.wide && l.children == nil || r.off || c.opts.Poll == 0 || c.isFresh(l) || now.Before(r.asked.Add(c.opts.Poll)) {
		c.mu.Unlock()
		return
	}
	if asking := r.asking; asking != nil {
		c.mu.Unlock()
		select {
		case <-asking:
		case <-ctx.Done():
		}
		return
	}
	r.asking = make(chan struct{})
	c.mu.Unlock()
	defer func() { // even if the store panics
		c.mu.Lock()
		defer c.mu.Unlock()
		close(r.asking)
		r.asking = nil
	}()

	token, err := backend.Revision(ctx, c.b)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen(token, err, now)
}

// seen records the answer to a request for the token, made at the time asked.
// The caller holds c.mu.
func (c *Cache) seen(token string, err error, asked time.Time) {
	r := &c.revision
	r.asked = asked
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		r.off = true
	case err != nil:
		c.opts.Log.Debug("cannot get the revision of the store", "error", err)
	case token != r.token:
		now := c.opts.Now()
		if r.token != "" {
			r.moved = now
		}
		r.token, r.since, r.written = token, now, time.Time{}
	case !r.written.IsZero() && !asked.Before(r.written.Add(step)):
		r.off = true
		c.opts.Log.Warn("the revision of the store does not change with writes; listings expire by time", "after", c.opts.TTL)
	default:
		r.still = asked
	}
}
