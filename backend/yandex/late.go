package yandex

import "context"

// lateTries is how often what is said to be missing is asked for again.
const lateTries = 6

// late does something with a path, and again while the service says that
// nothing is there although we put it there a moment ago: what it knows of a
// file may come after its content. Told on, that would be taken for a deletion.
func (b *Backend) late(ctx context.Context, path string, do func() error) error {
	for try := 0; ; try++ {
		err := do()
		if !hasCode(err, "DiskNotFoundError") || try == lateTries || !b.sight.ours(path) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-b.cfg.After(b.api.backoff(0, 0, try, nil)):
		}
	}
}
