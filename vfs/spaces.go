package vfs

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

const (
	// spaceTimeout is how long the space of a folder is waited for: it is asked for
	// with the listing of another one, which shall not depend on its store.
	spaceTimeout = 10 * time.Second
	// spaceRetry is how long the space of a folder that could not be told is not
	// asked for again.
	spaceRetry = time.Minute
	// maxSpaces is of how many folders the space is kept.
	maxSpaces = 1000
	// whole is the name of the space of the whole store.
	whole = "."
)

// spaces are the space of the store and, where there are several, those of the
// folders of its root. Each is cached for one poll interval, because file managers
// request it with every folder they show.
type spaces struct {
	mu  sync.Mutex // guards the map
	all map[string]*space
}

// space is that of the whole store, or of a folder of the root.
type space struct {
	asking chan struct{} // holds a token while nobody asks; guards what follows
	is     backend.Space
	err    error
	until  time.Time // when it has to be asked for again; zero: it never was
}

// UsageIn returns the total and used bytes of the store that the folder of the root
// is on in which name is, at most one poll interval old. It fails with
// errors.ErrUnsupported if all is on one, for which there is Usage, and for the
// root itself.
func (f *FS) UsageIn(name string) (total, used int64, err error) {
	p, err := resolve(name)
	if err != nil {
		return 0, 0, pathError("usage", name, err)
	}
	folder, _, _ := strings.Cut(p.name, "/")
	return f.usage(name, func() (backend.Space, error) {
		if f.folders == nil || folder == whole {
			return backend.Space{}, failure(errors.ErrUnsupported, "")
		}
		return f.spaceOf(f.ctx, folder)
	})
}

// spaceOf returns the space of the whole store or of a folder of the root.
func (c *core) spaceOf(ctx context.Context, folder string) (backend.Space, error) {
	s := c.spaces.of(folder)
	if err := s.lock(ctx); err != nil {
		return backend.Space{}, err
	}
	defer s.unlock()
	now := c.opts.now()
	if s.known(now) {
		return s.is, s.err
	}
	if folder == whole {
		is, err := backend.Usage(ctx, c.b)
		if err == nil {
			s.is, s.until = is, now.Add(c.opts.poll)
		}
		return is, err
	}
	// What is cached is the same for all callers.
	asking, cancel := context.WithTimeout(backend.WithConfinement(ctx, nil), spaceTimeout)
	defer cancel()
	is, err := c.folders.UsageIn(asking, folder)
	switch {
	case ctx.Err() != nil:
		return backend.Space{}, ctx.Err()
	case asking.Err() != nil:
		err = failure(backend.ErrUnavailable, "the store does not tell its space in time")
	}
	s.is, s.err, s.until = is, err, now.Add(c.opts.poll)
	if err != nil {
		s.until = now.Add(spaceRetry)
	}
	return is, err
}

// lock waits until nobody asks for the space.
func (s *space) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-s.asking:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *space) unlock() { s.asking <- struct{}{} }

// known reports whether the store need not be asked again.
func (s *space) known(now time.Time) bool { return now.Before(s.until) }

// of returns the space of a folder. Names that are no folders are few: a caller
// has seen the folder.
func (s *spaces) of(folder string) *space {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[folder] == nil {
		if s.all == nil || len(s.all) >= maxSpaces {
			s.all = map[string]*space{}
		}
		s.all[folder] = &space{asking: make(chan struct{}, 1)}
		s.all[folder].unlock()
	}
	return s.all[folder]
}
