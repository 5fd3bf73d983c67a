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
	// spaceTimeout is how long a space is waited for: it is asked for with the
	// listing of a folder, which shall not depend on another store.
	spaceTimeout = 10 * time.Second
	// spaceRetry is how long a space that could not be told is not asked for
	// again.
	spaceRetry = time.Minute
)

// spaces are those of the folders of the root, where a store has several. Each
// is cached for one poll interval.
type spaces struct {
	b backend.FolderUsager // nil: there is one space for all

	mu  *sync.Mutex // guards the map
	all map[string]*folderSpace
}

// folderSpace is the space of a folder of the root.
type folderSpace struct {
	asking chan struct{} // holds a token while nobody asks; guards what follows
	space  backend.Space
	err    error
	until  time.Time // when it has to be asked for again
}

func newSpaces(b backend.Backend) spaces {
	u, _ := backend.As[backend.FolderUsager](b)
	return spaces{u, new(sync.Mutex), map[string]*folderSpace{}}
}

// UsageIn returns the total and used bytes of the store that the folder of the root
// is on in which name is, at most one poll interval old. It fails with
// errors.ErrUnsupported if all is on one, for which there is Usage, and for the
// root itself.
func (f *FS) UsageIn(name string) (total, used int64, err error) {
	p, err := resolve(name)
	if err == nil {
		err = f.begin()
	}
	if err != nil {
		return 0, 0, pathError("usage", name, err)
	}
	defer f.end()
	space, err := f.spaceIn(f.ctx, p.name)
	if err != nil {
		return 0, 0, pathError("usage", name, err)
	}
	return space.Total, space.Used, nil
}

func (c *core) spaceIn(ctx context.Context, name string) (backend.Space, error) {
	if c.spaces.b == nil || name == "." {
		return backend.Space{}, failure(errors.ErrUnsupported, "")
	}
	folder, _, _ := strings.Cut(name, "/")
	s := c.spaces.of(folder)
	select {
	case <-s.asking:
		defer func() { s.asking <- struct{}{} }()
	case <-ctx.Done():
		return backend.Space{}, ctx.Err()
	}
	now := c.opts.now()
	if now.Before(s.until) {
		return s.space, s.err
	}
	// What is cached is the same for all callers.
	asking, cancel := context.WithTimeout(backend.WithConfinement(ctx, nil), spaceTimeout)
	defer cancel()
	space, err := c.spaces.b.UsageIn(asking, folder)
	switch {
	case ctx.Err() != nil:
		return backend.Space{}, ctx.Err()
	case asking.Err() != nil:
		err = failure(backend.ErrUnavailable, "the store does not tell its space in time")
	}
	s.space, s.err, s.until = space, err, now.Add(c.opts.poll)
	if err != nil {
		s.until = now.Add(spaceRetry)
	}
	return space, err
}

// of returns the space of a folder. Names that are no folders are few: a caller
// has seen the folder.
func (s *spaces) of(folder string) *folderSpace {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[folder] == nil {
		if len(s.all) >= maxSpaces {
			clear(s.all)
		}
		s.all[folder] = &folderSpace{asking: make(chan struct{}, 1)}
		s.all[folder].asking <- struct{}{}
	}
	return s.all[folder]
}

// maxSpaces is of how many folders the space is kept.
const maxSpaces = 1000
