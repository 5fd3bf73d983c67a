package vfs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// usage caches the quota of the store for one poll interval, because file
// managers request it with every folder they show.
type usage struct {
	mu    sync.Mutex // held while the store is asked, so that it is asked once
	space backend.Space
	asked time.Time // zero: never
}

// Usage returns the total and used bytes of the store, at most one poll interval
// old. It fails with errors.ErrUnsupported if the store does not report them.
func (f *FS) Usage() (total, used int64, err error) {
	if err := f.begin(); err != nil {
		return 0, 0, pathError("usage", "/", err)
	}
	defer f.end()
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
	if u.known(now, c.opts.poll) {
		return u.space, ctx.Err()
	}
	space, err := backend.Usage(ctx, c.b)
	if err != nil {
		return backend.Space{}, err
	}
	u.space, u.asked = space, now
	return space, nil
}

// checkSize refuses a file that is larger than the store accepts, before any of
// it is read. It uses the cached usage and makes no call: what passes here is
// checked by the store itself.
func (c *core) checkSize(size int64) error {
	u := &c.usage
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.known(c.opts.now(), c.opts.poll) && u.space.MaxFile > 0 && size > u.space.MaxFile {
		return failure(backend.ErrTooLarge, fmt.Sprintf("the store accepts files of up to %d bytes", u.space.MaxFile))
	}
	return nil
}

// known reports whether the store was asked less than one poll interval ago.
func (u *usage) known(now time.Time, poll time.Duration) bool {
	return !u.asked.IsZero() && now.Before(u.asked.Add(poll))
}
