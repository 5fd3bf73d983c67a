package cmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/cmd/internal/language"
	"github.com/davdisk/davdisk/vfs"
)

const (
	readyFresh = 15 * time.Second // how long a response of /readyz is reused, so that frequent requests make no calls
	readyGrace = time.Minute      // how long the store may be out of reach, and a queued file fail
)

// readiness judges whether a share can serve files now, for /readyz. Its errors
// name no files.
type readiness struct {
	stat     func(ctx context.Context, name string) (backend.Info, error) // of the store
	stateDir string                                                       // empty: there is none
	vfsState string                                                       // with the queue
	now      func() time.Time
	waits    func() error // for what a start has to do first; nil: nothing

	mu      sync.Mutex // guards all below, and is held while the store is asked
	checked time.Time
	reached time.Time // when the store last answered
	err     error
}

func newReadiness(b backend.Backend, stateDir, vfsState string, now func() time.Time) *readiness {
	return &readiness{stat: b.Stat, stateDir: stateDir, vfsState: vfsState, now: now, reached: now()}
}

// check returns nil, or why not.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waits != nil {
		if err := r.waits(); err != nil {
			return err
		}
	}
	if now := r.now(); r.checked.IsZero() || now.Sub(r.checked) >= readyFresh {
		err := errors.Join(r.checkStore(ctx), r.checkState(), r.checkQueue())
		if ctx.Err() != nil {
			return ctx.Err() // whoever has gone has learned nothing
		}
		r.checked, r.err = now, err
	}
	return r.err
}

func (r *readiness) checkStore(ctx context.Context) error {
	_, err := r.stat(ctx, ".")
	switch {
	case err == nil:
		r.reached = r.now()
		return nil
	case errors.Is(err, backend.ErrUnauthorized), errors.Is(err, yandex.ErrDead):
		return errors.New("the login is no longer valid; 'davdisk login' renews it")
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("the store no longer has the folder that is served")
	}
	if out := r.now().Sub(r.reached); out >= readyGrace {
		return language.Errorf("the store has been out of reach for %s", out.Round(time.Second))
	}
	return nil
}

// checkState writes a file into the state folder, as everything that must survive
// a restart needs.
func (r *readiness) checkState() error {
	if r.stateDir == "" {
		return nil
	}
	f, err := os.CreateTemp(r.stateDir, ".ready-")
	if err != nil {
		return language.Errorf("the state folder cannot be written: %w", errors.Unwrap(err))
	}
	_, err = f.WriteString("ready")
	if err := errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return errors.New("the state folder cannot be written")
	}
	return nil
}

// checkQueue looks for files that --write-back has confirmed and the store does
// not take.
func (r *readiness) checkQueue() error {
	if r.vfsState == "" {
		return nil
	}
	queued, err := vfs.ReadQueue(r.vfsState)
	if err != nil {
		return errors.New("the queue of uploads cannot be read")
	}
	failing := 0
	for _, q := range queued {
		if q.Error != "" && r.now().Sub(q.Since) >= readyGrace {
			failing++
		}
	}
	if failing > 0 {
		return language.Errorf("%d queued files could not be stored; 'davdisk queue' lists them with the reason", failing)
	}
	return nil
}
