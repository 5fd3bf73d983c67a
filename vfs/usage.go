package vfs

import (
	"context"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// usage remembers the room of the store for one poll interval, because file
// managers ask for it with every folder they show.
type usage struct {
	mu    sync.Mutex // held also while the store is asked, so that it is asked once
	space backend.Space
	asked time.Time // zero: never
}

// Usage tells the room of the store in bytes, as it was at most one poll
// interval ago; errors.ErrUnsupported if the store cannot tell.
func (f *FS) Usage() (total, used int64, err error) {
	space, err := f.space(f.ctx)
	if err != nil {
		return 0, 0, pathError("usage", "/", err)
	}
	return space.Total, space.Used, nil
}

func (c *core) space(ctx context.Context) (backend.Space, error) {
	u := &c.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	now := c.opts.now()
	if !u.asked.IsZero() && now.Before(u.asked.Add(c.opts.poll)) {
		return u.space, ctx.Err()
	}
	space, err := backend.Usage(ctx, c.b)
	if err != nil {
		return backend.Space{}, err
	}
	u.space, u.asked = space, now
	return space, nil
}
