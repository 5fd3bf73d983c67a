package yandex

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// That the service answers an upload with success is not believed: it is asked
// which size and hash the file has before the caller is told. Uploads into one
// folder that end at about the same time share that call, which is then a page of
// the folder, the latest changes first. The list of the latest uploads would serve
// all folders, but lags behind by seconds.

const (
	// confirmTries is how often a file is looked for that is not there yet, or
	// has not yet the content that was sent.
	confirmTries = 6
	// shareWait is how long an upload waits at most for others that are about
	// to end.
	shareWait = 400 * time.Millisecond
	// returnTime is within which a client that got its answer is expected to
	// send the next file.
	returnTime = 100 * time.Millisecond
	// shareAge is up to which age an upload is thought to be about to end.
	shareAge = time.Second
	// recentTime is more than the time in which uploads have the same time of
	// change, which has no fractions.
	recentTime = 3 * time.Second
	// otherChanges is how many changes by others a page has room for.
	otherChanges = 20
)

// storedFields are the members of a resource by which an upload is confirmed.
const storedFields = "type,name,size,md5,sha256,modified"

// confirmations are the uploads that are on their way, or wait to be confirmed.
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

// batch are uploads that are confirmed by one call, which the first of them
// makes.
type batch struct {
	names []string
	ready chan struct{} // closed when hardly any other is about to end
	done  chan struct{} // closed when found is set
	found map[string]*api.Resource
}

// begin notes an upload that is about to be sent.
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

// folder finds the uploads into the folder of u. The caller holds c.mu.
func (c *confirmations) folder(u *upload) *uploadsTo {
	dir := path.Dir(u.at)
	if c.folders[dir] == nil {
		c.folders[dir] = &uploadsTo{sending: map[*upload]time.Time{}}
	}
	return c.folders[dir]
}

// end notes that an upload is no longer being sent.
func (c *confirmations) end(u *upload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.folder(u)
	delete(f.sending, u)
	f.check(c.b.cfg.Now())
	c.tidy()
}

// tidy drops the folders that have no uploads. The caller holds c.mu.
func (c *confirmations) tidy() {
	now := c.b.cfg.Now()
	for dir, f := range c.folders {
		if f.dropOver(now); len(f.sending) == 0 && f.batch == nil && f.asking == 0 && len(f.over) == 0 {
			delete(c.folders, dir)
		}
	}
}

// dropOver drops the clients that did not come back in time.
func (f *uploadsTo) dropOver(now time.Time) {
	f.over = slices.DeleteFunc(f.over, func(at time.Time) bool { return now.Sub(at) >= returnTime })
}

// check lets a batch be asked for once it has three quarters of the uploads that it
// could have.
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
	select {
	case <-f.batch.ready:
	default:
		if 4*n >= 3*all {
			close(f.batch.ready)
		}
	}
}

// look returns what the service has of an upload that has ended; nil if it was
// not seen on the page that was asked for, or that could not be read.
func (c *confirmations) look(ctx context.Context, u *upload) *api.Resource {
	c.mu.Lock()
	f := c.folder(u)
	delete(f.sending, u)
	first := f.batch == nil
	if first {
		f.batch = &batch{ready: make(chan struct{}), done: make(chan struct{})}
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

// wait returns once a batch is to be asked for.
func (c *confirmations) wait(ctx context.Context, f *uploadsTo, mine *batch) {
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

// answered notes that n clients that were waited for are about to be answered.
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

// limit is how long a page must be to have n uploads on it that have just
// ended: each may have changed once more since, when its modification time was
// written. The caller holds c.mu.
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
	at, err := c.b.path(path.Dir(names[0]))
	if err != nil {
		return nil
	}
	folder, err := c.b.api.Resource(ctx, api.Request{Call: api.GetResource, Query: url.Values{
		"path": {at}, "fields": {"type," + embedded(storedFields)},
		"sort": {"-modified"}, "limit": {strconv.Itoa(limit)},
	}})
	if err != nil || !folder.Embedded.Listed() {
		return nil
	}
	for i := range folder.Embedded.Items {
		found[string(folder.Embedded.Items[i].Name)] = &folder.Embedded.Items[i]
	}
	return found
}

// storedAt asks what the service has under a name. What does not say its size
// is an error, and returned.
func (b *Backend) storedAt(ctx context.Context, name string) (*api.Resource, error) {
	at, err := b.path(name)
	if err != nil {
		return nil, err
	}
	return b.api.Resource(ctx, api.Request{Call: api.GetResource, Query: url.Values{
		"path": {at}, "fields": {storedFields}, "limit": {"0"},
	}})
}

// confirm compares what is stored with what was sent, and returns its time. What
// the service says of a file may be late, so that it is asked again.
func (u *upload) confirm(ctx context.Context) (modified time.Time, err error) {
	r := u.b.confirmations.look(ctx, u)
	for try := 0; r == nil || !u.matches(r); try++ {
		if try > 0 {
			if err := u.b.api.Backoff(ctx, try-1); err != nil {
				return time.Time{}, u.unconfirmed(err)
			}
		}
		r, err = u.b.storedAt(ctx, u.at)
		if err != nil && r == nil && !is(err, fs.ErrNotExist) {
			return time.Time{}, u.unconfirmed(err)
		}
		if try == confirmTries && (r == nil || !u.matches(r)) {
			return time.Time{}, u.notStored(r)
		}
	}
	return r.Modified.Time, nil
}

// unconfirmed is the error for an upload that could not be compared, or was found
// to differ. What has a temporary name is removed: the file itself has not
// changed.
func (u *upload) unconfirmed(err error) error {
	if u.at == u.name {
		return api.UncertainError{Err: err}
	}
	u.b.discard(context.Background(), u.at)
	return err
}

// notStored is the error for an upload that succeeded by the service's word, and
// of which r is what it has; nil is nothing. It allows one more attempt if that
// can replace no content but this.
func (u *upload) notStored(r *api.Resource) error {
	log := u.b.log.With("name", u.name, "bytes", u.sum.size)
	again := u.seek != nil && !u.resent && (u.at != u.name || u.opts.IfVersion == "" && !u.opts.IfAbsent)
	then := "what was there before is gone"
	switch {
	case r == nil:
		then = "nothing is there"
	case u.at != u.name:
		then = "what was there before has stayed"
	case u.opts.IfAbsent:
		then = "other content is there"
	case u.before == "":
		then = "what was there before may be gone"
	case versionOf(r) == u.before:
		then = "what was there before is there still"
	}
	err := fmt.Errorf("the service says that it stored the file, and has not what was sent; %s", then)
	if r != nil {
		log = log.With("bytes in the store", int64(r.Size))
	}
	if again {
		log.Warn("the service says that it stored a file, and has not what was sent; it is sent again")
		u.resent, u.issued = true, time.Time{} // by a new link, from the start
		return api.RetryableError{Err: u.unconfirmed(err)}
	}
	log.Error("the service says that it stored a file, and has not what was sent; "+then, "sent again", u.resent)
	return u.unconfirmed(err)
}

// matches reports whether a file has the content that was sent. A hash that is
// the same needs no size beside it.
func (u *upload) matches(r *api.Resource) bool {
	md5, sha := u.sum.sums()
	size := int64(r.Size) == u.sum.size
	switch {
	case r.Type != "file":
		return false
	case r.SHA256 != "":
		return string(r.SHA256) == sha && (size || r.Size == 0)
	case r.MD5 != "":
		return string(r.MD5) == md5 && (size || r.Size == 0)
	}
	return size
}
