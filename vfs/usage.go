package vfs

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/davdisk/davdisk/backend"
)

// Usage returns the total and used bytes of the store, at most one poll interval
// old. It fails with errors.ErrUnsupported if the store does not report them.
func (f *FS) Usage() (total, used int64, err error) {
	return f.usage("/", func() (backend.Space, error) { return f.spaceOf(f.ctx, whole) })
}

func (f *FS) usage(name string, ask func() (backend.Space, error)) (total, used int64, err error) {
	if err := f.begin(); err != nil {
		return 0, 0, pathError("usage", name, err)
	}
	defer f.end()
	space, err := ask()
	if err != nil {
		return 0, 0, pathError("usage", name, err)
	}
	return space.Total, space.Used, nil
}

// askSize is from what size on the store is asked for its limit. No limit is
// known to be smaller, and the call costs nothing beside such a file.
const askSize = 512 << 20

// maxFile is the size of the largest file that the store accepts under a name, 0
// if that is not known. It asks the store only for a file of askSize or more.
func (c *core) maxFile(ctx context.Context, name string, size int64) int64 {
	folder := whole
	if top, _, below := strings.Cut(name, "/"); below && c.folders != nil {
		folder = top // which may be on a store of its own
	}
	if size >= askSize {
		_, _ = c.spaceOf(ctx, folder) // if it fails, the store will tell when it gets the file
	}
	s := c.spaces.of(folder)
	if s.lock(ctx) != nil {
		return 0
	}
	defer s.unlock()
	if !s.known(c.opts.now()) {
		return 0
	}
	return s.is.MaxFile
}

// checkSize refuses a file that is larger than the store accepts, before any of
// it is read. What passes here is checked by the store itself.
func (c *core) checkSize(ctx context.Context, name string, size int64) error {
	if most := c.maxFile(ctx, name, size); most > 0 && size > most {
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
	name string
	body io.Reader
	size int64
	most int64 // 0: not known
	next int64 // the size at which it is asked for
}

func (r *sizeChecked) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	r.size += int64(n)
	if r.most == 0 && r.size >= r.next {
		r.most = r.core.maxFile(r.ctx, r.name, r.size)
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
