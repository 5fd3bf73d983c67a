package yandex

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/rival"
)

// An upload succeeds only when the service tells the size and hash of what was
// sent; the response to the upload alone is not proof. Uploads into one folder
// that end at about the same time share one such call: a page of the folder,
// latest changes first. The service's list of latest uploads would serve all
// folders, but lags by seconds.

const (
	// confirmTries is how often a file is looked up that is missing, or does not
	// have the content that was sent.
	confirmTries = 6
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

// storedFields are the members of a resource by which an upload is confirmed.
const storedFields = "type,name,size,md5,sha256,modified"

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

// storedAt looks a name up by the fields that confirm an upload.
func (b *Backend) storedAt(ctx context.Context, name string) (*api.Resource, error) {
	at, err := b.path(name)
	if err != nil {
		return nil, err
	}
	return b.api.Resource(ctx, api.Request{Call: api.GetResource, Query: url.Values{
		"path": {at}, "fields": {storedFields}, "limit": {"0"},
	}})
}

// confirm compares what is stored with what was sent and returns its
// modification time. The service's metadata may lag, so the lookup is repeated.
func (u *upload) confirm(ctx context.Context) (modified time.Time, err error) {
	r := u.b.confirmations.look(ctx, u)
	for try := 0; r == nil || !u.matches(ctx, r); try++ {
		if u.replaced(ctx, r) {
			return time.Time{}, errReplaced()
		}
		if try > 0 {
			if err := u.b.api.Backoff(ctx, try-1); err != nil {
				return time.Time{}, u.unconfirmed(err)
			}
		}
		r, err = u.b.storedAt(ctx, u.at)
		if err != nil && r == nil && !is(err, fs.ErrNotExist) {
			return time.Time{}, u.unconfirmed(err)
		}
		if try == confirmTries && (r == nil || !u.matches(ctx, r)) {
			return time.Time{}, u.notStored(ctx, r)
		}
	}
	return r.Modified.Time, nil
}

var errRival = errors.New("another gateway stored the file at the same time, and what is there is not what was sent")

func errReplaced() error {
	return &backend.Error{Kind: fmt.Errorf("%w: %w", backend.ErrUncertain, rival.ErrReplaced)}
}

// unconfirmed returns the error for an upload that could not be compared, or
// differs. An upload under a temporary name is removed: the file itself has not
// changed.
func (u *upload) unconfirmed(err error) error {
	if u.at == u.name {
		return api.UncertainError{Err: err}
	}
	u.b.discard(context.Background(), u.at)
	return err
}

// replaced reports whether r is known to be what another gateway has stored in place of
// what was sent: it has told that after the last byte. Nothing shows late then.
func (u *upload) replaced(ctx context.Context, r *api.Resource) bool {
	known := rival.From(ctx)
	return r != nil && u.at == u.name && known.Stored(versionOf(r), u.told) && known.Possible(ctx)
}

// notStored returns the error for an upload that the service reported as stored
// although it has r instead; nil means that it has nothing. It permits one more
// attempt if that can replace no other content: r may be what another gateway has
// stored and acknowledged since. It has replaced what was sent if that was told after
// the last byte; before, it may as well be what the service has kept in place of it.
func (u *upload) notStored(ctx context.Context, r *api.Resource) error {
	log := u.b.log.With("name", u.name, "bytes", u.sum.size)
	if u.replaced(ctx, r) {
		return errReplaced()
	}
	if u.at == u.name && rival.From(ctx).Possible(ctx) {
		log.Warn("another gateway stored the file at the same time, and what is there is not what was sent; it is not sent again")
		return u.unconfirmed(errRival)
	}
	again := u.seek != nil && !u.resent && (u.at != u.name || u.opts.IfVersion == "" && !u.opts.IfAbsent)
	then := "the previous content is gone"
	switch {
	case r == nil:
		then = "nothing is there"
	case u.at != u.name:
		then = "the previous content is unchanged"
	case u.opts.IfAbsent:
		then = "other content is there"
	case u.before == "":
		then = "the previous content may be gone"
	case versionOf(r) == u.before:
		then = "the previous content is still there"
	}
	err := fmt.Errorf("the service reported success but did not store what was sent; %s", then)
	if r != nil {
		log = log.With("bytes in the store", int64(r.Size))
	}
	if again {
		log.Warn("the service reported success but did not store what was sent; sending it again")
		u.resent, u.issued = true, time.Time{} // by a new link, from the start
		return api.RetryableError{Err: u.unconfirmed(err)}
	}
	log.Error("the service reported success but did not store what was sent; "+then, "sent again", u.resent)
	return u.unconfirmed(err)
}

// matches reports whether a file has the content that was sent. If the hashes
// are equal, a size that is not told does not matter.
func (u *upload) matches(ctx context.Context, r *api.Resource) bool {
	same := int64(r.Size) == u.sum.size
	switch {
	case r.Type != "file":
		return false
	case r.SHA256 != "":
		same = string(r.SHA256) == u.sum.sha256() && (same || r.Size == 0)
	case r.MD5 != "":
		same = string(r.MD5) == u.md5(ctx) && (same || r.Size == 0)
	}
	if same {
		u.toldMD5 = string(r.MD5)
	}
	return same
}
