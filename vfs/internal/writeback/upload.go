package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

const (
	maxUploads = 4                // concurrent
	firstPause = time.Second      // after the first try that failed; it doubles
	lastPause  = time.Minute      // at most
	slowPause  = 10 * time.Minute // after a permanent error
	lateTime   = 5 * time.Second  // by which a modification time may be wrong: setting it costs a call
	drainTime  = 20 * time.Second // that Close waits for uploads
	maxLooks   = 3                // per attempt, while the store keeps changing
)

// Start starts storing queued files in the background. It must be called once.
func (q *Queue) Start() { go q.run() }

// wake makes run look for entries again.
func (q *Queue) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// drain stops run. For at most drainTime, uploads in flight are completed, and
// entries that have not failed yet are tried.
func (q *Queue) drain() {
	q.mu.Lock()
	q.draining = true
	q.mu.Unlock()
	q.wake()
	timeout := time.NewTimer(drainTime)
	defer timeout.Stop()
	select {
	case <-q.stopped:
	case <-timeout.C:
		q.cancel()
		<-q.stopped
	}
	q.cancel()
}

// run is the goroutine that starts uploads. It waits for all of them.
func (q *Queue) run() {
	defer close(q.stopped)
	var uploads sync.WaitGroup
	defer uploads.Wait()
	for {
		e, pause, more := q.pick()
		switch {
		case e != nil:
			uploads.Go(func() { q.try(e) })
			continue
		case !more:
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-q.kick:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// pick returns the oldest entry that is due, or how long to wait for the next
// one. more is false once a draining queue has nothing left to do.
func (q *Queue) pick() (first *entry, pause time.Duration, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	pause = slowPause
	more = !q.draining || len(q.inFlight) > 0
	if len(q.inFlight) >= maxUploads || q.work.Err() != nil {
		return nil, pause, more
	}
	for name, e := range q.entries {
		switch {
		case q.inFlight[name] != nil, q.draining && e.failed:
		case !q.gateways.Owns(name): // Expedite wakes us
		case slices.Contains(q.blocked, name):
			more = true
		case e.Trouble.Next.After(now):
			pause = min(pause, e.Trouble.Next.Sub(now))
		case first == nil || e.urgent && !first.urgent || e.urgent == first.urgent && e.ID < first.ID:
			first = e
		}
	}
	if first != nil {
		q.inFlight[first.Name] = first.attempt
		first.look, first.begun = first.begun || len(first.Replaces) > 1, true
	}
	return first, pause, more
}

// try makes one attempt to store an entry and records the result.
func (q *Queue) try(e *entry) {
	q.mu.Lock()
	ctx := q.uploads
	q.mu.Unlock()
	err := q.upload(ctx, e)
	if err != nil && ctx.Err() == nil {
		_ = q.over(ctx, e, "") // so that one that cannot be stored can be dropped
	}
	switch {
	case err == nil:
		// Before callers can see that it is no longer queued.
		err = q.folder.removeEntry(e.ID)
	case errors.Is(err, backend.ErrQuota), errors.Is(err, backend.ErrTooLarge):
		// So that the next Put is refused before it is acknowledged.
		if _, err := q.Usage(q.work); err != nil {
			q.opts.Log.Debug("cannot get the quota of the store", "error", err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.wake()
	current, attempt := q.entries[e.Name], q.inFlight[e.Name]
	delete(q.inFlight, e.Name)
	if current != nil && current != e {
		q.unnote(current)
	}
	switch {
	case err == nil && current == e:
		q.dequeue(e)
		q.gateways.Changed(e.Name)
		q.space.Used += e.Growth
		q.retryFull()
		if e.failed {
			q.opts.Log.Info("stored after failed attempts", "name", e.Name)
		}
	case err == nil && current != nil:
		current.Replaces, current.begun = []string{e.Version}, false
	case current == e:
		e.attempt = newAttempt()
		var late *lateError
		switch {
		case ctx.Err() != nil, errors.Is(err, errNotOurs): // the next run tries again, or the next membership
		case errors.As(err, &late):
			q.lingers(e, late)
		default:
			q.failed(e, err)
		}
	}
	if errors.Is(err, context.Canceled) && q.work.Err() == nil {
		err = errNotOurs // the membership has ended
	}
	attempt.end(err)
}

// failed records a failed attempt. The caller holds q.mu.
func (q *Queue) failed(e *entry, err error) {
	pause, refused := pauseAfter(err, e.Trouble.Tries)
	news := !e.failed || refused != e.refused
	e.failed, e.refused, e.full = true, refused, errors.Is(err, backend.ErrQuota)
	e.Trouble = Trouble{Tries: e.Trouble.Tries + 1, Error: err.Error(), Next: q.opts.Now().Add(pause)}
	if err := q.folder.writeTrouble(e.Entry); err != nil {
		q.opts.Log.Debug("cannot write the error of an upload", "name", e.Name, "error", err)
	}
	if news {
		q.opts.Log.Warn("a file cannot be stored yet; it is kept here and tried again", "name", e.Name, "error", err, "in", pause)
	}
}

// retryFull makes entries due that the store had no room for, because it may have
// some now. The caller holds q.mu and wakes run.
func (q *Queue) retryFull() {
	for _, e := range q.entries {
		if e.full && q.inFlight[e.Name] == nil {
			e.full, e.Trouble.Next = false, q.opts.Now()
		}
	}
}

// upload stores an entry, or finds that it is stored already. It looks first if
// the store may have an upload of ours already, and again if the store has
// another version than expected.
func (q *Queue) upload(ctx context.Context, e *entry) error {
	q.mu.Lock()
	replaces, look := e.Replaces, e.look
	q.mu.Unlock()
	there := replaces[0]
	var err error
	for range maxLooks {
		if look {
			info, err := q.store.Stat(ctx, e.Name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				there = "" // removed by another client: there is no conflict
			case err != nil:
				return err
			case !info.Dir && info.Version == e.Version:
				return q.over(ctx, e, info.Version)
			case info.Dir || !slices.Contains(replaces, info.Version):
				if err := q.over(ctx, e, ""); err != nil {
					return err
				}
				return q.storeBeside(e)
			default:
				there = info.Version
			}
		}
		if err = q.send(ctx, e, there); err == nil {
			return q.over(ctx, e, "")
		}
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, backend.ErrChanged) && !errors.Is(err, backend.ErrIsDir) {
			return err
		}
		look = true
	}
	return err
}

// errNotOurs means that others may store something under the name of an entry.
var errNotOurs error = &backend.Error{Kind: backend.ErrUnavailable, Message: "this gateway cannot tell the others that it is stored", RetryAfter: firstPause}

// send stores the content of an entry in place of a version; "" is none. It
// makes a parent folder that another client has removed meanwhile.
func (q *Queue) send(ctx context.Context, e *entry, replaces string) error {
	file, err := os.Open(q.folder.content(e.ID))
	if err != nil {
		return &localError{err}
	}
	defer file.Close()
	opts := backend.PutOptions{Size: e.Size, IfAbsent: replaces == "", IfVersion: replaces, ModTime: e.ModTime}
	if opts.ModTime.IsZero() && q.opts.Now().Sub(e.Since) > lateTime {
		opts.ModTime = e.Since
	}
	info, err := q.putOurs(ctx, e, file, opts)
	if errors.Is(err, fs.ErrNotExist) {
		if err := q.makeFolder(ctx, path.Dir(e.Name)); err != nil {
			return err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return &localError{err}
		}
		info, err = q.putOurs(ctx, e, file, opts)
	}
	if err == nil && info.Version != e.Version {
		err = fmt.Errorf("the store reports the version %q, not %q", info.Version, e.Version)
	}
	return err
}

// putOurs stores at once what the others still know to be ours.
func (q *Queue) putOurs(ctx context.Context, e *entry, file *os.File, opts backend.PutOptions) (backend.Info, error) {
	if !q.gateways.Owns(e.Name) {
		return backend.Info{}, errNotOurs
	}
	return q.putNoted(ctx, e, file, opts)
}

func (q *Queue) makeFolder(ctx context.Context, name string) error {
	info, err := q.store.Stat(ctx, name)
	switch {
	case err == nil && !info.Dir:
		return &backend.Error{Kind: backend.ErrNotDir, Message: "a file has replaced the folder"}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := q.makeFolder(ctx, path.Dir(name)); err != nil {
		return err
	}
	defer q.opts.Changed(name)
	if err := q.store.Mkdir(ctx, name); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// pauseAfter returns how long to wait after a failed attempt, and whether the
// error is permanent.
func pauseAfter(err error, tries int) (pause time.Duration, final bool) {
	if errors.Is(err, backend.ErrQuota) { // room may appear, or be there already: services say 507 for less
		return min(firstPause<<min(tries, 10), slowPause), true
	}
	for _, kind := range []error{
		backend.ErrTooLarge, backend.ErrUnauthorized, backend.ErrNotDir, fs.ErrPermission, fs.ErrInvalid,
	} {
		if errors.Is(err, kind) {
			return slowPause, true
		}
	}
	pause = min(firstPause<<min(tries, 10), lastPause)
	var told *backend.Error
	if errors.As(err, &told) {
		pause = max(pause, told.RetryAfter)
	}
	return pause, false
}
