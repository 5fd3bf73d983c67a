package vfs

import (
	"context"
	"fmt"
	"io"
	"math"
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

// askSize is from what size on the store is asked for its limit. No limit is
// known to be smaller, and the call costs nothing beside such a file.
const askSize = 512 << 20

// maxFile is the size of the largest file that the store accepts, 0 if that is not
// known. It asks the store only for a file of askSize or more.
func (c *core) maxFile(ctx context.Context, size int64) int64 {
	u := &c.usage
	if size >= askSize {
		_, _ = c.space(ctx) // if it fails, the store will tell when it gets the file
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.known(c.opts.now(), c.opts.poll) {
		return 0
	}
	return u.space.MaxFile
}

// checkSize refuses a file that is larger than the store accepts, before any of
// it is read. What passes here is checked by the store itself.
func (c *core) checkSize(ctx context.Context, size int64) error {
	if most := c.maxFile(ctx, size); most > 0 && size > most {
		return errTooLarge(most)
	}
	return ctx.Err()
}

func errTooLarge(most int64) error {
	return failure(backend.ErrTooLarge, fmt.Sprintf("the store accepts files of up to %d bytes", most))
}

// sizeChecked is a body of unknown length that ends with an error when it is
// larger than the store accepts.
type sizeChecked struct {
	core *core
	ctx  context.Context
	body io.Reader
	size int64
	most int64 // 0: not known
	next int64 // the size at which it is asked for
}

func (r *sizeChecked) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.size += int64(n)
	if r.most == 0 && r.size >= r.next {
		r.most = r.core.maxFile(r.ctx, r.size)
		r.next = math.MaxInt64
		if r.size < askSize {
			r.next = min(r.size+1<<20, askSize)
		}
	}
	if r.most > 0 && r.size > r.most {
		return 0, errTooLarge(r.most)
	}
	return n, err
}

// known reports whether the store was asked less than one poll interval ago.
func (u *usage) known(now time.Time, poll time.Duration) bool {
	return !u.asked.IsZero() && now.Before(u.asked.Add(poll))
}
