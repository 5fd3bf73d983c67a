package waiting

import (
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/journal"
)

const (
	// patience is how long a request waits for what another gateway has, and
	// askAgain after which time that is asked for once more.
	patience = 5 * time.Second
	askAgain = 2 * time.Second
	// retryAfter is when a client is told to come back, and retrySlow where a
	// person has to do something.
	retryAfter = 2 * time.Second
	retrySlow  = 30 * time.Second
)

// Settle implements vfs.Gateways.
func (t *Table) Settle(ctx context.Context, names ...string) error {
	var timeout <-chan time.Time
	for {
		if err := t.Current(); err != nil {
			return err
		}
		waits, changed := t.within(names)
		if len(waits) == 0 {
			return nil
		}
		if timeout == nil {
			timeout = t.o.After(patience)
		}
		ask, err := t.toAsk(waits)
		if err != nil {
			return err
		}
		if len(ask) > 0 {
			// If that fails, this request is as if it had not been asked for.
			_, _ = t.log.Propose(ctx, change{Op: opAsk, Names: ask}, journal.Options{})
		}
		select {
		case <-changed:
		case <-timeout:
			return refusal(waits[0], "takes longer to be stored than expected; try again", retryAfter)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// within returns the files at and below the names that are in the way of a change,
// and a channel that is closed when that may have changed.
func (t *Table) within(names []string) (waits []File, changed <-chan struct{}) {
	t.mu.Lock()
	var own []File
	changed = t.changed
	for at, f := range t.state.files {
		switch {
		case !slices.ContainsFunc(names, func(name string) bool { return backend.Within(at, name) }):
		case !t.isOwn(f):
			waits = append(waits, f.File)
		case t.busy[at] == 0:
			own = append(own, f.File)
		}
	}
	local := t.local
	t.mu.Unlock()
	for _, f := range own {
		if _, queued := local.File(f.Name); !queued { // the others are still told that it waits
			waits = append(waits, f)
			t.Changed(f.Name)
		}
	}
	return waits, changed
}

// toAsk returns the names of files that are to be asked for, or an error if that is
// in vain.
func (t *Table) toAsk(waits []File) (ask []string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.o.Now()
	for _, w := range waits {
		f := t.state.files[w.Name]
		switch {
		case f == nil || t.isOwn(f):
		case f.GivenUp:
			return nil, refusal(f.File, "was given up, and may still be stored by that gateway until half an hour after it ended", retrySlow)
		case !t.state.runs(f.Owner) && t.state.here[f.Owner.Gateway] != (presence{}):
			return nil, refusal(f.File, "runs without it: start it again with the state folder that has it, or, if there is none, give it up with davdisk cluster forget", retrySlow)
		case !t.state.runs(f.Owner):
			return nil, refusal(f.File, "does not run: start it again with its state folder, or, if it is gone for good, give up what waits there with davdisk cluster forget", retrySlow)
		case f.asked.IsZero() || now.Sub(f.asked) >= askAgain:
			f.asked = now
			ask = append(ask, f.Name)
		}
		if len(ask) == maxNames {
			break
		}
	}
	return ask, nil
}

// refusal answers a request for a file that waits.
func refusal(f File, what string, again time.Duration) error {
	words := fmt.Sprintf("%q waits at the gateway %s, which %s", path.Base(f.Name), f.Owner.Gateway, what)
	if f.GivenUp {
		words = fmt.Sprintf("%q waited at the gateway %s, %s", path.Base(f.Name), f.Owner.Gateway, what)
	}
	return &backend.Error{Kind: backend.ErrUnavailable, Message: words, RetryAfter: again}
}
