package yandex

import (
	"context"
	"io/fs"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/httpclient"
	"github.com/davdisk/davdisk/internal/pathlock"
)

const (
	// stampTries is how often a missing file is retried: a new upload may take
	// a while to become visible.
	stampTries = 5
	// stampPause is the longest pause between two tries.
	stampPause = 5 * time.Minute
	// stampsAtOnce is how many are written at a time.
	stampsAtOnce = 4
	// closeTime is how long Close tries to write what is left.
	closeTime = 15 * time.Second
)

// start starts the worker unless it runs.
func (t *times) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.running {
		return
	}
	t.running = true
	t.worker.Go(t.run)
}

// run is the worker: it writes what is due until nothing is left.
func (t *times) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for {
		t.write(ctx, false)
		pause, more := t.next()
		if !more {
			return
		}
		select {
		case <-t.stop:
			return
		case <-t.b.cfg.After(pause):
		}
	}
}

// next returns how long the worker may sleep, and whether anything is
// left.
func (t *times) next() (pause time.Duration, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pause = t.b.cfg.ModTimeWait
	for _, s := range t.journal.All() {
		more = true
		pause = min(pause, s.Due.Sub(t.b.cfg.Now()))
	}
	t.running = more
	return max(0, pause), more
}

// write processes what is due, or everything not written yet.
func (t *times) write(ctx context.Context, all bool) {
	due := map[string]stamp{}
	for name, s := range t.journal.All() {
		if all && !s.Written || !all && !s.Due.After(t.b.cfg.Now()) {
			due[name] = s
		}
	}
	kept := t.readBack(ctx, due)
	var g errgroup.Group
	g.SetLimit(stampsAtOnce)
	for name, s := range due {
		g.Go(func() error {
			t.process(ctx, name, s, kept[name])
			return nil
		})
	}
	g.Wait() // the error is always nil
}

// process writes a stamp or reads it back. kept: the service was seen to hold its time.
func (t *times) process(ctx context.Context, name string, s stamp, kept bool) {
	if kept {
		s.Due = time.Time{}
		t.replace(name, s)
		return
	}
	// The folder is not locked: a property of a file is no entry of the folder, and
	// others write several at a time, too. One that is refused is written again.
	unlock, err := t.b.files.Lock(ctx, pathlock.One(name))
	if err == nil {
		defer unlock()
		err = t.b.recoverPending(ctx, name)
	}
	if err == nil {
		if now, _ := t.journal.Get(name); now.serial != s.serial || now.Written != s.Written {
			return // the file was changed meanwhile, or another call of write was quicker
		}
		err = t.step(ctx, name, &s)
	}
	if err != nil {
		t.reschedule(name, &s, err)
	}
	t.replace(name, s)
}

// step writes a stamp, or reads it back. It clears Due if the stamp is done.
func (t *times) step(ctx context.Context, name string, s *stamp) error {
	now := t.b.cfg.Now()
	doubtful := t.takeDoubt(name)
	if s.Written || doubtful || s.serial == 0 { // another process may have changed the file since the last start
		r, err := t.b.look(ctx, name)
		if err != nil {
			if doubtful {
				t.doubtAgain(name)
			}
			return err
		}
		if got, ok := modTime(r); ok && got.Equal(s.Time) || versionOf(r) != s.Version {
			s.Due = time.Time{}
			return nil
		}
		if s.Written {
			t.log.Debug("the service lost a modification time; it is written again", "name", name)
		}
	}
	value := s.Time.UTC().Format(time.RFC3339Nano)
	r, err := t.b.patch(ctx, name, map[string]any{timeProperty: value})
	if err != nil {
		return err
	}
	if versionOf(r) != s.Version { // other content, which the time does not belong to
		s.Due = time.Time{}
		_, err = t.b.patch(ctx, name, map[string]any{timeProperty: nil})
		return err
	}
	s.Written, s.Tries, s.Due = true, 0, t.readBackAt(now)
	return nil
}

// reschedule reschedules a stamp that could not be written, or gives up one
// that never can be.
func (t *times) reschedule(name string, s *stamp, err error) {
	s.Tries++
	s.Written = false
	s.Due = t.b.cfg.Now().Add(min(t.b.cfg.ModTimeWait<<min(s.Tries, 10), stampPause))
	never := is(err, fs.ErrInvalid) || is(err, fs.ErrPermission) || is(err, backend.ErrTooLarge)
	if never || is(err, fs.ErrNotExist) && s.Tries >= stampTries {
		t.log.Warn("a modification time cannot be written", "name", name, "error", httpclient.Message(err))
		s.Due = time.Time{}
	}
}

// Close writes what is not written yet, and closes the journal. If the journal
// does not survive the process, Close waits until everything is due.
func (t *times) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	close(t.stop)
	t.worker.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if !t.journal.lasting && t.unwritten() > 0 {
		select {
		case <-ctx.Done():
		case <-t.b.cfg.After(t.b.cfg.ModTimeWait):
		}
	}
	t.write(ctx, true)
	if n := t.unwritten(); n > 0 {
		t.log.Warn("modification times could not be written", "files", n, "kept for the next start", t.journal.lasting)
	}
	return t.journal.Close()
}

func (t *times) unwritten() (n int) {
	for _, s := range t.journal.All() {
		if !s.Written {
			n++
		}
	}
	return n
}
