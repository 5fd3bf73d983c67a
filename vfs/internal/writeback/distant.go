package writeback

import (
	"context"
	"io"
	"io/fs"
	"sync"

	"github.com/davdisk/davdisk/backend"
)

// distant is the content of a file that waits at another gateway. What it is like is
// known; it can be read once it is stored, which the first Range waits for, unless the
// store shows it: one of which an upload was cut off is told to wait for long after it
// was stored. If the store has another version by then, it is backend.ErrChanged.
type distant struct {
	queue *Queue
	file  File

	mu     sync.Mutex      // guards what follows
	stored backend.Content // nil: nothing was read yet
	closed bool
}

// Info implements backend.Content.
func (d *distant) Info() backend.Info { return d.file.info() }

// Range implements backend.Content.
func (d *distant) Range(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	content, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	return content.Range(ctx, offset, length)
}

func (d *distant) open(ctx context.Context) (backend.Content, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return nil, fs.ErrClosed
	case d.stored != nil:
		return d.stored, nil
	}
	info, err := d.queue.store.Stat(ctx, d.file.Name)
	if err != nil || info.Dir || info.Version != d.file.Version {
		if err := d.queue.gateways.Settle(ctx, d.file.Name); err != nil {
			return nil, pathError("open", d.file.Name, err)
		}
	}
	d.stored, err = d.queue.store.Open(ctx, d.file.Name, d.file.Version)
	return d.stored, err
}

// Close implements backend.Content.
func (d *distant) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.stored == nil {
		return nil
	}
	return d.stored.Close()
}
