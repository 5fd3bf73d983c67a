package yandex

import (
	"context"
	"maps"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/unsettled"
)

const (
	// firstSweep is the pause after which a temporary file that could not be
	// removed is tried again; pauses double up to lastSweep.
	firstSweep = time.Minute
	lastSweep  = time.Hour
)

// leftovers are the temporary names in use, and those that a change which
// failed, or a process that was killed, has left. They are in a journal, and
// what has them is removed in the background until it is gone. No other file is:
// each name is one that davdisk has made up.
type leftovers struct {
	b       *Backend
	journal *work[leftover]
	kick    chan struct{} // capacity 1: there is something new to remove
	cancel  context.CancelFunc
	worker  sync.WaitGroup

	mu      sync.Mutex
	inUse   map[string]bool
	ctx     context.Context // of the worker
	running bool
}

// leftover is one temporary name.
type leftover struct {
	Until  time.Time `json:"until"` // after which nothing can appear under it any more
	absent bool      // nothing was there
}

// openLeftovers opens the temporary names that an earlier process has left.
func openLeftovers(b *Backend) (*leftovers, error) {
	j, err := openWork(b.cfg, b.root, "temporary", func(a, b leftover) bool { return a.Until.After(b.Until) })
	if err != nil {
		return nil, err
	}
	l := &leftovers{b: b, journal: j, kick: make(chan struct{}, 1), inUse: map[string]bool{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	last := b.cfg.Now().Add(linkWindow)
	for name, left := range j.All() {
		if left.Until.After(last) { // recorded with a wrong clock
			l.logFailure(name, j.note(name, leftover{Until: last}))
		}
		l.start()
	}
	return l, nil
}

// take returns a temporary name beside another, for release. Its extension is
// not one for which the service slows down uploads.
func (l *leftovers) take(name string) string {
	name = ownname.Sibling(name, uuid.NewString()+".txt")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse[name] = true
	return name
}

// record records that something may appear under a name, before it does.
func (l *leftovers) record(name string) {
	l.logFailure(name, l.journal.note(name, leftover{Until: l.b.cfg.Now().Add(linkWindow)}))
}

// gone records that what had the name has it no longer.
func (l *leftovers) gone(name string) { l.logFailure(name, l.journal.delete(name)) }

// release ends the use of a name. What is not gone is removed in the
// background. That it does not show may be because it is new.
func (l *leftovers) release(name string) {
	l.mu.Lock()
	delete(l.inUse, name)
	l.mu.Unlock()
	if _, left := l.journal.Get(name); left {
		l.logFailure(name, l.journal.note(name, leftover{Until: l.b.cfg.Now().Add(freshTime)}))
		l.start()
	}
}

// within returns what is left at and below a name.
func (l *leftovers) within(name string) map[string]leftover {
	all := map[string]leftover{}
	for at, is := range l.journal.All() {
		if backend.Within(at, name) {
			all[at] = is
		}
	}
	return all
}

// copied records that a folder may have taken along what was in it. before is what was
// left within it before that began: the worker, which does not keep folders from being
// copied or moved, may have forgotten some of it since.
func (l *leftovers) copied(from, to string, before map[string]leftover) {
	maps.Copy(before, l.within(from))
	for name, is := range before {
		is.absent = false
		l.logFailure(name, l.journal.note(to+name[len(from):], is))
		l.start()
	}
}

// moved is copied where nothing stays.
func (l *leftovers) moved(from, to string, before map[string]leftover) {
	l.copied(from, to, before)
	for name := range l.within(from) {
		l.gone(name)
	}
}

// start starts the worker, or wakes it.
func (l *leftovers) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running {
		select {
		case l.kick <- struct{}{}:
		default:
		}
	} else if l.ctx.Err() == nil {
		l.running = true
		l.worker.Go(l.run)
	}
}

// run is the worker: it removes what is left until there is nothing.
func (l *leftovers) run() {
	for pause := firstSweep; l.sweep(l.ctx, false); {
		select {
		case <-l.ctx.Done():
			return
		case <-l.kick:
			pause = firstSweep
		case <-l.b.cfg.After(pause):
			pause = min(2*pause, lastSweep)
		}
	}
}

// sweep removes what nobody uses; again is to look once more where nothing was.
// It reports whether something is left.
func (l *leftovers) sweep(ctx context.Context, again bool) (left bool) {
	for name, is := range l.journal.All() {
		l.mu.Lock()
		used := l.inUse[name]
		l.mu.Unlock()
		is.absent = is.absent && !again
		if !used && !l.remove(ctx, name, is) {
			left = true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = left || len(l.kick) > 0
	return l.running
}

// remove removes one name. It reports whether it is done with.
func (l *leftovers) remove(ctx context.Context, name string, is leftover) bool {
	early := l.b.cfg.Now().Before(is.Until)
	if is.absent && early {
		return false
	}
	unlock, err := l.b.lock(ctx, name)
	if err != nil {
		return false
	}
	defer unlock()
	found, _, err := l.b.removeTemporary(ctx, name)
	switch {
	case err != nil:
		return false
	case !found && early:
		is.absent = true
		l.logFailure(name, l.journal.note(name, is))
		return false
	}
	l.gone(name)
	return true
}

// Close ends the worker and removes what it can. The next one goes on.
func (l *leftovers) Close() error {
	l.cancel()
	l.worker.Wait()
	if len(l.journal.All()) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		l.sweep(ctx, true)
	}
	return l.journal.Close()
}

func (l *leftovers) logFailure(name string, err error) {
	if err != nil {
		l.b.log.Warn("the journal of temporary files cannot be written", "name", name, "error", err)
	}
}

// discard removes the temporary name of a change that failed. The caller has
// locked its folder. It reports whether it was still there for certain.
func (b *Backend) discard(ctx context.Context, name string) (removed bool) {
	ctx, cancel := issued(ctx)
	defer cancel()
	found, removed, err := b.removeTemporary(ctx, name)
	switch {
	case err != nil:
		b.log.Warn("a temporary file could not be removed; that is tried again", "name", name, "error", httpclient.Message(err))
	case found:
		b.leftovers.gone(name)
	}
	return removed
}

// removeTemporary reports whether there was something to remove, and whether that is gone
// by this and not otherwise.
func (b *Backend) removeTemporary(ctx context.Context, name string) (found, removed bool, err error) {
	target, err := b.path(name)
	if err != nil {
		return false, false, err
	}
	ctx = unsettled.Without(ctx)
	r, _, err := b.carryOut(ctx, api.DeleteItem, url.Values{"path": {target}, "permanently": {"true"}}, name)
	if hasCode(err, "DiskNotFoundError") {
		return r.Lost > 0, false, nil
	}
	if err == nil && r.Async() {
		err = b.vanished(ctx, func(ctx context.Context) (*api.Resource, error) { return b.storedAt(ctx, name) })
	}
	if err == nil {
		b.lost.used(name)
	}
	return true, err == nil, err
}
