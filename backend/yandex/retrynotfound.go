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
