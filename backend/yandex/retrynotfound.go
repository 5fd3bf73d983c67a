package yandex

import "context"

// notFoundTries is how often what is said to be missing is asked for again.
const notFoundTries = 6

// late does something with a path, and again while the service says that
// nothing is there although we put it there a moment ago: what it knows of a
// file may come after its content. Told on, that would be taken for a deletion.
func (b *Backend) retryNotFound(ctx context.Context, path string, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if !hasCode(err, "DiskNotFoundError") || try == notFoundTries || !b.recent.ours(path) {
			return err
		}
		if err := b.api.Backoff(ctx, try); err != nil {
			return err
		}
	}
}
