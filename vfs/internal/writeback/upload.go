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
	maxUploads = 4                // at once
	firstPause = time.Second      // after the first try that failed; it doubles
	lastPause  = time.Minute      // at most
	slowPause  = 10 * time.Minute // after a refusal that will not pass by itself
	lateTime   = 5 * time.Second  // by which the time of a file may be wrong: to set it costs the store a call
	drainTime  = 20 * time.Second // that Close gives uploads
	maxLooks   = 3                // in one try, when the store keeps changing
)

// Start begins to store what waits.
func (q *Queue) Start() { go q.run() }

// wake has run look again.
func (q *Queue) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// drain ends run: uploads under way are finished, and what has not failed yet
// is still tried, for as long as drainTime.
func (q *Queue) drain() {
	q.mu.Lock()
	q.draining = true
	q.mu.Unlock()
	q.wake()
	patience := time.NewTimer(drainTime)
	defer patience.Stop()
	select {
	case <-q.stopped:
	case <-patience.C:
		q.cancel()
		<-q.stopped
	}
	q.cancel()
}

// run is the one goroutine that begins uploads. It waits for all of them.
func (q *Queue) run() {
	defer close(q.stopped)
	var uploads sync.WaitGroup
	defer uploads.Wait()
	for {
		e, pause, more := q.pick()
		switch {
		case e != nil:
			uploads.Go(func() { q.fly(e) })
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

// pick takes the earliest entry that may set out now, or tells how long there
// will be none. There is no more to come when the queue is drained.
func (q *Queue) pick() (first *entry, pause time.Duration, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	pause = slowPause
	more = !q.draining || len(q.flying) > 0
	if len(q.flying) >= maxUploads || q.work.Err() != nil {
		return nil, pause, more
	}
	for name, e := range q.entries {
		switch {
		case q.flying[name] != nil, q.draining && e.failed:
		case slices.Contains(q.held, name):
			more = true
		case e.Trouble.Next.After(now):
			pause = min(pause, e.Trouble.Next.Sub(now))
		case first == nil || e.ID < first.ID:
			first = e
		}
	}
	if first != nil {
		q.flying[first.Name] = first.attempt
		first.look, first.begun = first.begun || len(first.Replaces) > 1, true
	}
	return first, pause, more
}

// fly makes one attempt at an entry and notes what came of it.
func (q *Queue) fly(e *entry) {
	err := q.upload(q.work, e)
	switch {
	case err == nil:
		// Before anyone can learn that it does not wait any more.
		err = q.folder.forget(e.ID)
	case errors.Is(err, backend.ErrQuota), errors.Is(err, backend.ErrTooLarge):
		// From now on it is known before a Put is acknowledged.
		if _, err := q.Usage(q.work); err != nil {
			q.opts.Log.Debug("the store does not tell its room", "error", err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.wake()
	current, attempt := q.entries[e.Name], q.flying[e.Name]
	delete(q.flying, e.Name)
	switch {
	case err == nil && current == e:
		q.settled(e)
		q.space.Used += e.Growth
		if e.failed {
			q.opts.Log.Info("stored after all", "name", e.Name)
		}
	case err == nil && current != nil:
		current.Replaces, current.begun = []string{e.Version}, false
	case current == e:
		e.attempt = newAttempt()
		q.failed(e, err)
	}
	attempt.end(err)
}

// failed takes note of an attempt that did. The caller holds q.mu.
func (q *Queue) failed(e *entry, err error) {
	if q.work.Err() != nil {
		return // it was ended by us, and the next run goes on
	}
	pause, refused := pauseAfter(err, e.Trouble.Tries)
	news := !e.failed || refused != e.refused
	e.failed, e.refused = true, refused
	e.Trouble = Trouble{Tries: e.Trouble.Tries + 1, Error: err.Error(), Next: q.opts.Now().Add(pause)}
	if err := q.folder.note(e.Entry); err != nil {
		q.opts.Log.Debug("an error of an upload cannot be written down", "name", e.Name, "error", err)
	}
	if news {
		q.opts.Log.Warn("a file cannot be stored yet; it is kept here and tried again", "name", e.Name, "error", err, "in", pause)
	}
}

// upload stores an entry, or finds that it has been stored before. It looks
// first if the store may have something of ours already, and again if the
// store has something else than was thought.
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
				there = "" // if someone has removed it, ours is the only one
			case err != nil:
				return err
			case !info.Dir && info.Version == e.Version:
				return nil
			case info.Dir || !slices.Contains(replaces, info.Version):
				return q.giveWay(e)
			default:
				there = info.Version
			}
		}
		err = q.send(ctx, e, there)
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, backend.ErrChanged) && !errors.Is(err, backend.ErrIsDir) {
			return err
		}
		look = true
	}
	return err
}

// send stores a content in the place of a version; "" is none. A folder that
// someone has removed meanwhile is made again.
func (q *Queue) send(ctx context.Context, e *entry, replaces string) error {
	file, err := os.Open(q.folder.content(e.ID))
	if err != nil {
		return &ourTrouble{err}
	}
	defer file.Close()
	opts := backend.PutOptions{Size: e.Size, IfAbsent: replaces == "", IfVersion: replaces, ModTime: e.ModTime}
	if opts.ModTime.IsZero() && q.opts.Now().Sub(e.Since) > lateTime {
		opts.ModTime = e.Since
	}
	info, err := q.store.Put(ctx, e.Name, file, opts)
	if errors.Is(err, fs.ErrNotExist) {
		if err := q.makeFolder(ctx, path.Dir(e.Name)); err != nil {
			return err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return &ourTrouble{err}
		}
		info, err = q.store.Put(ctx, e.Name, file, opts)
	}
	if err == nil && info.Version != e.Version {
		err = fmt.Errorf("the store says that it has the version %q, not %q", info.Version, e.Version)
	}
	return err
}

func (q *Queue) makeFolder(ctx context.Context, name string) error {
	info, err := q.store.Stat(ctx, name)
	switch {
	case err == nil && !info.Dir:
		return &backend.Error{Kind: backend.ErrNotDir, Message: "a file has taken the place of the folder"}
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

// pauseAfter tells how long to wait after a try that failed, and whether it
// was refused for a reason that will not pass by itself.
func pauseAfter(err error, tries int) (pause time.Duration, final bool) {
	for _, kind := range []error{
		backend.ErrQuota, backend.ErrTooLarge, backend.ErrUnauthorized, backend.ErrNotDir, fs.ErrPermission, fs.ErrInvalid,
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
