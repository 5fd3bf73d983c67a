package upstream

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

const (
	sampleEvery  = time.Second
	wantEvery    = 2 * time.Second // at most so often the others are told that this gateway needs more
	lessAfter    = 10              // samples in a row for which it needs less, until they are told
	refusedEvery = 3 * time.Second // at most so often they are told that the service has refused requests
)

// limit is how many requests a second this gateway may make at present. It never
// waits for anything.
func (a *Account) limit() float64 {
	if m := a.member.Load(); m == nil || m.Remaining() <= 0 {
		return min(a.portions.may(), a.o.Rate.Full()*leastPart)
	}
	return a.portions.may()
}

// raise takes a larger portion when all gateways have reached the state that
// allows it.
func (a *Account) raise(ctx context.Context) {
	for ctx.Err() == nil {
		number, rises, changed := a.portions.rises()
		if !rises {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		// The last entry applied here is the one of that state, or a later one.
		if err := a.portions.log.AppliedByAll(ctx, a.o.Engine.Applied()); err != nil {
			a.pause(ctx, againAfter)
			continue
		}
		a.portions.reached(number)
		a.o.Rate.Raised()
	}
}

// want tells the others that this gateway is there, and what it needs.
func (a *Account) want(ctx context.Context, m cluster.Member) {
	full := a.o.Rate.Full()
	if !a.insist(ctx, func() error { return a.propose(ctx, share{Op: "here", Total: full}, m) }) {
		return
	}
	d := demand{full: full}
	d.asked, d.waited = a.o.Rate.Requests()
	told := a.o.Now()
	for {
		a.pause(ctx, sampleEvery)
		if ctx.Err() != nil {
			return
		}
		want, changed := d.sample(a.o.Rate.Requests())
		if !changed || a.o.Now().Before(told.Add(wantEvery)) {
			continue
		}
		told = a.o.Now()
		if err := a.propose(ctx, share{Op: "want", Want: want}, m); err == nil {
			d.tell(want)
		}
	}
}

func (a *Account) propose(ctx context.Context, e share, m cluster.Member) error {
	e.Gateway, e.Epoch = m.Gateway(), m.Epoch()
	_, err := a.portions.log.Propose(ctx, e, journal.Options{})
	return err
}

// demand is what a gateway needs of the rate, in steps, so that the others are
// seldom told.
type demand struct {
	full          float64
	told          float64 // what the others know
	asked, waited uint64  // requests until the last sample
	less          int     // samples in a row that were below what they know
	most          float64 // of those
}

// sample returns what is needed, after a time of sampleEvery, and whether the
// others should know. It is all there is if more than a quarter of the requests had
// to wait, else twice as much as is used.
func (d *demand) sample(asked, waited uint64) (want float64, changed bool) {
	made, delayed := float64(asked-d.asked), float64(waited-d.waited)
	d.asked, d.waited = asked, waited
	switch {
	case delayed > made/4:
		want = d.full
	case made > 0:
		want = min(d.full, math.Exp2(math.Ceil(math.Log2(2*made))))
	}
	if want >= d.told {
		d.less, d.most = 0, 0
		return want, want > d.told
	}
	d.less, d.most = d.less+1, max(d.most, want)
	return d.most, d.less >= lessAfter
}

// tell notes that the others know.
func (d *demand) tell(want float64) { d.told, d.less, d.most = want, 0, 0 }

// refusals are those that the others were not told of yet, as one. It is safe for
// concurrent use.
type refusals struct {
	signal chan struct{} // holds a token when there is one

	mu  sync.Mutex // guards what follows
	one backend.Refusal
}

func (r *refusals) add(refusal backend.Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.one.Served == 0 || refusal.Served < r.one.Served {
		r.one.Served = refusal.Served
	}
	r.one.Pause = max(r.one.Pause, refusal.Pause)
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

func (r *refusals) take() backend.Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.one = backend.Refusal{} }()
	return r.one
}

// tellRefusals tells the others of refusals, but of none before the membership.
func (a *Account) tellRefusals(ctx context.Context, m cluster.Member) {
	a.refusals.take()
	for {
		select {
		case <-a.refusals.signal:
		case <-ctx.Done():
			return
		}
		if r := a.refusals.take(); r.Served > 0 {
			if err := a.propose(ctx, share{Op: "refused", Refused: r}, m); err != nil {
				a.o.Log.Debug("the other gateways could not be told that the service refuses requests", "error", err)
			}
		}
		a.pause(ctx, refusedEvery)
	}
}

// heard slows this gateway down because the service has refused requests of
// another one. What is told while it is no member is old.
func (a *Account) heard(epoch uint64, r backend.Refusal) {
	if m := a.member.Load(); m != nil && m.Remaining() > 0 && m.Epoch() != epoch {
		a.o.Rate.Refused(r)
	}
}
