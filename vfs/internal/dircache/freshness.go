package dircache

import (
	"context"
	"errors"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// step is more than the coarsest step in which a store may count its
// revisions: what happens within it of another change may not show.
const step = 2 * time.Second

// revision is what is known of the store's own token.
//
// A listing is fresh for one poll interval after it was asked for. Once that
// is over, and only if it is wanted, the token is asked for, at most once an
// interval. If it stands where it stood before the listing was made, nothing
// has changed since, so all such listings hold for another interval. If it has
// moved, they are asked for again; whether it moved by more than our own
// writes cannot be told from a token.
type revision struct {
	token   string
	since   time.Time // when token was first seen
	moved   time.Time // when it was last seen to have moved
	asked   time.Time // when it was last asked for
	still   time.Time // when it was last asked for and had not moved
	written time.Time // when we first wrote something that must move it
	off     bool      // it tells nothing: only time does
	asking  chan struct{}
}

// isFresh tells whether a listing is to be believed. The caller holds c.mu.
func (c *Cache) isFresh(l *listing) bool {
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

// confirms tells whether the standing of the token says something about a
// listing. The caller holds c.mu.
func (c *Cache) confirms(l *listing) bool {
	return !l.made.Before(c.revision.since.Add(step))
}

// written takes note of a write of our own, which must move the token. The
// caller holds c.mu.
func (c *Cache) written() {
	c.writes++
	r, now := &c.revision, c.opts.Now()
	if r.token != "" && r.written.IsZero() && now.After(r.since.Add(step)) {
		r.written = now
	}
}

// refresh asks for the revision, if that may make the listing of a folder
// fresh again.
func (c *Cache) refresh(ctx context.Context, dir string) {
	c.mu.Lock()
	l, ok := c.listings.Peek(dir)
	r, now := &c.revision, c.opts.Now()
	if !ok || l.wide || r.off || c.opts.Poll == 0 || c.isFresh(l) || now.Before(r.asked.Add(c.opts.Poll)) {
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
	defer func() { // also if the store panics
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

// seen judges a token that was asked for at a time. The caller holds c.mu.
func (c *Cache) seen(token string, err error, asked time.Time) {
	r := &c.revision
	r.asked = asked
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		r.off = true
	case err != nil:
		c.opts.Log.Debug("the store does not tell its revision", "error", err)
	case token != r.token:
		now := c.opts.Now()
		if r.token != "" {
			r.moved = now
		}
		r.token, r.since, r.written = token, now, time.Time{}
	case !r.written.IsZero() && !asked.Before(r.written.Add(step)):
		r.off = true
		c.opts.Log.Warn("the revision of the store does not move when something is written; listings expire by time", "after", c.opts.TTL)
	default:
		r.still = asked
	}
}
