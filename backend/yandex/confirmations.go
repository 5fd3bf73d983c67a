package yandex

import (
	"context"
	"net/url"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Uploads into one folder that end at about the same time are confirmed by one call:
// a page of the folder, latest changes first. The service's list of latest uploads
// would serve all folders, but lags by seconds.

const (
	// shareWait bounds how long an upload waits for others that are about to end.
	shareWait = 400 * time.Millisecond
	// lingerTime is how much longer an upload waits for the last of them.
	lingerTime = 15 * time.Millisecond
	// returnTime is the time within which a client that was answered is expected
	// to send its next file.
	returnTime = 100 * time.Millisecond
	// shareAge is the age beyond which an upload is no longer waited for.
	shareAge = time.Second
	// recentTime exceeds the resolution of the service's modification times,
	// which have no fractions of a second.
	recentTime = 3 * time.Second
	// otherChanges is the room that a page has for changes by others.
	otherChanges = 20
)

// confirmations tracks uploads that are being sent or wait to be confirmed.
type confirmations struct {
	b *Backend

	mu      sync.Mutex // guards all below, and the batches that have not been asked for
	folders map[string]*uploadsTo
	ended   []time.Time // when uploads ended lately
}

// uploadsTo are the uploads into one folder.
type uploadsTo struct {
	sending map[*upload]time.Time // the small ones, and when they began
	batch   *batch                // those that have ended; nil: none
	asking  int                   // those whose call is under way, of batches of several
	over    []time.Time           // when others were confirmed whose clients have not come back
}

// A batch is a group of uploads confirmed by one call, which the first of them
// makes.
type batch struct {
	names []string
	ready chan struct{} // closed when hardly any other is about to end
	whole chan struct{} // closed when none is
	done  chan struct{} // closed when found is set
	found map[string]*api.Resource
}

// begin records an upload that is about to be sent.
func (c *confirmations) begin(u *upload) {
	if u.size < 0 || u.size > smallSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.folder(u)
	f.sending[u] = c.b.cfg.Now()
	if len(f.over) > 0 {
		f.over = f.over[1:]
	}
}

// folder returns the uploads into the folder of u. The caller holds c.mu.
func (c *confirmations) folder(u *upload) *uploadsTo {
	dir := path.Dir(u.at)
	if c.folders[dir] == nil {
		c.folders[dir] = &uploadsTo{sending: map[*upload]time.Time{}}
	}
	return c.folders[dir]
}

// end records that an upload is no longer being sent.
func (c *confirmations) end(u *upload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.folder(u)
	delete(f.sending, u)
	f.check(c.b.cfg.Now())
	c.tidy()
}

// tidy deletes folders without uploads. The caller holds c.mu.
func (c *confirmations) tidy() {
	now := c.b.cfg.Now()
	for dir, f := range c.folders {
		if f.dropOver(now); len(f.sending) == 0 && f.batch == nil && f.asking == 0 && len(f.over) == 0 {
			delete(c.folders, dir)
		}
	}
}

// dropOver forgets clients that did not return in time.
func (f *uploadsTo) dropOver(now time.Time) {
	f.over = slices.DeleteFunc(f.over, func(at time.Time) bool { return now.Sub(at) >= returnTime })
}

// check releases a batch once it has three quarters of the uploads that could
// join it.
func (f *uploadsTo) check(now time.Time) {
	if f.batch == nil {
		return
	}
	n := len(f.batch.names)
	all := n
	for _, began := range f.sending {
		if now.Sub(began) < shareAge {
			all++
		}
	}
	f.dropOver(now)
	all += f.asking + len(f.over)
	closeIf(f.batch.ready, 4*n >= 3*all)
	closeIf(f.batch.whole, n >= all)
}

// closeIf closes a channel, once, if a condition holds. The caller holds c.mu.
func closeIf(c chan struct{}, holds bool) {
	select {
	case <-c:
	default:
		if holds {
			close(c)
		}
	}
}

// look returns the service's description of an upload that has ended, or nil if
// the page that was requested does not have it or could not be read.
func (c *confirmations) look(ctx context.Context, u *upload) *api.Resource {
	c.mu.Lock()
	f := c.folder(u)
	delete(f.sending, u)
	first := f.batch == nil
	if first {
		f.batch = &batch{ready: make(chan struct{}), whole: make(chan struct{}), done: make(chan struct{})}
	}
	mine := f.batch
	mine.names = append(mine.names, u.at)
	f.check(c.b.cfg.Now())
	c.mu.Unlock()
	if first {
		c.wait(ctx, f, mine)
		c.mu.Lock()
		f.batch = nil
		n := len(mine.names)
		if n == 1 {
			n = 0 // one alone is not waited for
		}
		f.asking += n
		limit := c.limit(len(mine.names))
		c.mu.Unlock()
		mine.found = c.ask(ctx, mine.names, limit)
		c.answered(f, n)
		close(mine.done)
	}
	select {
	case <-mine.done:
		return mine.found[path.Base(u.at)]
	case <-ctx.Done():
		return nil
	}
}

// wait blocks until the call for a batch is due.
func (c *confirmations) wait(ctx context.Context, f *uploadsTo, mine *batch) {
	c.waitReady(ctx, f, mine)
	select {
	case <-mine.whole:
		return
	default:
	}
	select {
	case <-mine.whole:
	case <-c.b.cfg.After(lingerTime):
	case <-ctx.Done():
	}
}

// waitReady waits for most of those that could be in a batch.
func (c *confirmations) waitReady(ctx context.Context, f *uploadsTo, mine *batch) {
	for _, d := range []time.Duration{returnTime, shareWait - returnTime} {
		select {
		case <-mine.ready:
			return
		default:
		}
		select {
		case <-mine.ready:
		case <-c.b.cfg.After(d):
		case <-ctx.Done():
			return
		}
		c.mu.Lock()
		f.check(c.b.cfg.Now())
		c.mu.Unlock()
	}
}

// answered records that n clients of a shared batch are about to be answered.
func (c *confirmations) answered(f *uploadsTo, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.asking -= n
	now := c.b.cfg.Now()
	for len(f.over) < n {
		f.over = append(f.over, now)
	}
	f.check(now)
	c.tidy()
}

// limit returns the page size needed to see n uploads that have just ended. Each
// may have changed once more since, when its modification time was written. The
// caller holds c.mu.
func (c *confirmations) limit(n int) int {
	now := c.b.cfg.Now()
	for len(c.ended) > 0 && (now.Sub(c.ended[0]) > recentTime || len(c.ended) > pageSize) {
		c.ended = c.ended[1:]
	}
	for range n {
		c.ended = append(c.ended, now)
	}
	return min(2*len(c.ended)+otherChanges, pageSize)
}

// ask makes the call for a batch.
func (c *confirmations) ask(ctx context.Context, names []string, limit int) map[string]*api.Resource {
	found := map[string]*api.Resource{}
	if len(names) == 1 {
		if r, _ := c.b.storedAt(ctx, names[0]); r != nil {
			found[path.Base(names[0])] = r
		}
		return found
	}
	return c.b.latest(ctx, path.Dir(names[0]), storedFields, limit)
}

// latest returns up to limit entries of a folder by name, those that changed last.
// It returns none if they cannot be listed.
func (b *Backend) latest(ctx context.Context, dir, fields string, limit int) map[string]*api.Resource {
	at, err := b.path(dir)
	if err != nil {
		return nil
	}
	folder, err := b.api.Resource(ctx, api.Request{Call: api.GetResource, Query: url.Values{
		"path": {at}, "fields": {"type," + embedded(fields)},
		"sort": {"-modified"}, "limit": {strconv.Itoa(limit)},
	}})
	if err != nil || !folder.Embedded.Listed() {
		return nil
	}
	found := map[string]*api.Resource{}
	for i := range folder.Embedded.Items {
		found[string(folder.Embedded.Items[i].Name)] = &folder.Embedded.Items[i]
	}
	return found
}
