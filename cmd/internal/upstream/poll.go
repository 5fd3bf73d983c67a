package upstream

import (
	"context"
	"errors"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
)

const (
	pollDuty = "poll"
	// step is more than the coarsest granularity of the revision of a store: a
	// change within step of another one may not change the revision.
	step = 2 * time.Second
	// pollTime is how long the store may take to tell its revision, if the
	// interval is not longer.
	pollTime = 5 * time.Second
	// againAfter is when something that failed at the engine is tried again.
	againAfter = time.Second
)

// poll asks the store for its revision whenever no other gateway does, until ctx
// ends with the membership.
//
// A gateway asks before it claims the duty, and when the claim is applied every
// gateway drops what it has cached: so whatever was changed while nobody asked is
// in no cache, and whatever is changed afterwards moves the revision. The revision
// does not tell what has changed, and so nothing cached is kept when it moves.
func (a *Account) poll(ctx context.Context, m cluster.Member) {
	said := false
	for ctx.Err() == nil {
		holder, held, changed := a.duties.holder(pollDuty)
		if held && holder.Epoch != m.Epoch() {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		token, err := a.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !said {
				a.o.Log.Warn("the store does not tell this gateway whether it has changed; none answers from what it has cached until one of them is told", "error", err)
			}
			said = true
			if held { // since a claim that had no answer in time; another may be told
				a.insist(ctx, func() error { return a.duties.end(ctx, m, pollDuty) })
			}
			a.pause(ctx, a.o.Poll)
			continue
		}
		said = false
		seen := a.o.Now()
		if held { // since a claim that had no answer in time
			err = a.duties.tell(ctx, m, pollDuty)
		} else {
			err = a.duties.claim(ctx, m, pollDuty)
		}
		switch {
		case err == nil:
			a.keepPolling(ctx, m, token, seen)
		case !errors.Is(err, errHeld) && !errors.Is(err, errNotHeld):
			a.pause(ctx, againAfter)
		}
	}
}

// keepPolling polls, as the gateway that has the duty, until that fails.
func (a *Account) keepPolling(ctx context.Context, m cluster.Member, token string, seen time.Time) {
	settled := false // a change that the token does not show is in no cache
	for {
		a.pause(ctx, a.o.Poll)
		asked := a.o.Now()
		now, err := a.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			a.insist(ctx, func() error { return a.duties.end(ctx, m, pollDuty) })
			return
		case now != token:
			token, seen, settled = now, a.o.Now(), false
		case settled || asked.Before(seen.Add(step)):
			continue
		default:
			settled = true
		}
		if !a.insist(ctx, func() error { return a.duties.tell(ctx, m, pollDuty) }) {
			return
		}
	}
}

// ask asks the store for its revision, before all other requests: none of those that
// wait could be answered from a cache if it came too late.
func (a *Account) ask(ctx context.Context) (string, error) {
	ctx, cancel := context.WithCancelCause(backend.First(ctx))
	defer cancel(nil)
	var answer string
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		answer, err = a.o.Revision(ctx)
	}()
	select {
	case <-done:
	case <-a.o.After(max(pollTime, a.o.Poll)):
		cancel(errors.New("it took too long"))
		<-done
	}
	return answer, err
}

// insist repeats a proposal until its outcome is known, and reports whether it was
// applied.
func (a *Account) insist(ctx context.Context, propose func() error) bool {
	for {
		err := propose()
		switch {
		case err == nil:
			return true
		case errors.Is(err, errNotHeld), ctx.Err() != nil:
			return false
		}
		a.pause(ctx, againAfter)
	}
}

// pause waits, until ctx ends at most.
func (a *Account) pause(ctx context.Context, d time.Duration) {
	select {
	case <-a.o.After(d):
	case <-ctx.Done():
	}
}
