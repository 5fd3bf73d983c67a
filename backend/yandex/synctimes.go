package yandex

import (
	"context"
	"time"
)

const (
	// syncTime is how long SyncTimes tries if the service keeps losing the
	// times, or cannot be reached.
	syncTime = 30 * time.Second
	// syncPause is the interval at which it checks.
	syncPause = 50 * time.Millisecond
)

// SyncTimes waits until the service has stored the modification times set by
// this Backend, which takes a moment after an upload: each is written, read
// back ModTimeWait later, and written again if it was lost. It returns how many
// are not stored when ctx ends, with its error, or after half a minute. Those
// are retried by this Backend, and with StateDir by the next one. Times left by
// an earlier Backend are not waited for. A long-running program need not call
// it.
func (b *Backend) SyncTimes(ctx context.Context) (left int, err error) {
	b.times.write(ctx, true)
	for waited := time.Duration(0); ; waited += syncPause {
		left = b.times.own()
		if left == 0 || waited >= syncTime {
			return left, nil
		}
		select {
		case <-ctx.Done():
			return left, ctx.Err()
		case <-b.cfg.After(syncPause):
		}
	}
}

// own counts the times recorded since the start.
func (t *times) own() (n int) {
	for _, s := range t.journal.All() {
		if s.serial > 0 {
			n++
		}
	}
	return n
}
