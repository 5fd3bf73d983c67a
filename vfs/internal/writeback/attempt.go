package writeback

import "context"

// attempt is the next try to store an entry, or the one in progress, for callers
// that wait for it.
type attempt struct {
	done chan struct{} // closed when it has ended
	err  error         // its result, once done
}

func newAttempt() *attempt { return &attempt{done: make(chan struct{})} }

func (a *attempt) end(err error) {
	a.err = err
	close(a.done)
}

// wait waits for the end of the attempt or of ctx. It returns the error of ctx
// only.
func (a *attempt) wait(ctx context.Context) error {
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
