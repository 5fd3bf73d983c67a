package yandex

import (
	"context"
	"time"
)

const (
	// syncTime is how long SyncTimes goes on with a service that keeps losing
	// the times, or cannot be reached.
	syncTime = 30 * time.Second
	// syncPause is how often it looks whether all are held.
	syncPause = 50 * time.Millisecond
)

// SyncTimes waits until the service holds the modification times that it was
// given, which takes a moment after an upload: each is written, looked at
// ModTimeWait later, and written again if it was lost meanwhile. It returns how
// many are not held when ctx ends, then with its error, or after half a minute.
// Those are tried again by this Backend, and with StateDir by the next one. What
// an earlier one has left is not waited for. A program that goes on running need
// not call it.
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

// own counts the times that were noted since the start.
func (t *times) own() (n int) {
	for _, s := range t.journal.All() {
		if s.serial > 0 {
			n++
		}
	}
	return n
}
