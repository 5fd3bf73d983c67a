package writeback

import "context"

// attempt is the next try to store an entry, or the one under way, for those
// who have to wait for it.
type attempt struct {
	over chan struct{} // closed then
	err  error         // what it ended in
}

func newAttempt() *attempt { return &attempt{over: make(chan struct{})} }

func (a *attempt) end(err error) {
	a.err = err
	close(a.over)
}

// wait returns when the attempt is over, or ctx ends.
func (a *attempt) wait(ctx context.Context) error {
	select {
	case <-a.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
