package yandex

import "context"

// notFoundTries is how often a call is retried for what should be there.
const notFoundTries = 6

// retryNotFound calls do, and again while the service says that nothing has a
// name although the driver put it there a moment ago: the service's metadata may
// lag behind the content. Passed on, that would be taken for a deletion.
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
