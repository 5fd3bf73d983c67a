package yandex

import "context"

// notFoundTries is how often "not found" is retried for a name that should exist.
const notFoundTries = 6

// retryNotFound calls do, and retries while the service reports "not found" for
// a name that the driver has recently stored: the service's metadata may lag
// behind the content. The client would take the error for a deletion.
func (b *Backend) retryNotFound(ctx context.Context, name string, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if !hasCode(err, "DiskNotFoundError") || try == notFoundTries || !b.recent.ours(name) {
			return err
		}
		if err := b.api.Backoff(ctx, try); err != nil {
			return err
		}
	}
}

// isGone reports whether a name is gone for which the service has just said "not found".
// What the driver has recently stored may not show yet, and is waited for.
func (b *Backend) isGone(ctx context.Context, name string) bool {
	v, known := b.recent.fresh(name)
	if !known || !v.own {
		return true
	}
	if b.api.Sleep(ctx, min(v.at.Add(freshTime).Sub(b.cfg.Now()), freshTime)) != nil {
		return false
	}
	_, err := b.storedAt(ctx, name)
	return hasCode(err, "DiskNotFoundError")
}
