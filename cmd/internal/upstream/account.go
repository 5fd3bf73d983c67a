// Package upstream is what gateways of one share have in common beside locks: the
// account of the service, with its rate, its changes and the folder that is served.
//
// One gateway polls the store for what others than the gateways change, and tells
// the others. Each gets a portion of the rate at which the service may be called,
// which is lowered at once, and raised when all the others have lowered theirs. No
// request waits for another gateway. The first gateway says which store it serves,
// and one of another store is refused.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
)

// Options are what Open needs. To look at a cluster only, Engine is enough.
type Options struct {
	Engine cluster.Engine
	// Revision asks the store for a token that changes with whatever is changed
	// in it; nil: the store has none, and is not polled.
	Revision func(ctx context.Context) (string, error)
	// Poll is how often it is asked.
	Poll time.Duration
	// Forget drops all that this gateway has cached of the store. It must return
	// soon.
	Forget func()
	// Rate is the limit of the store on its requests; nil: it has none.
	Rate backend.Rate
	Log  *slog.Logger

	Now   func() time.Time                       // nil: time.Now
	After func(d time.Duration) <-chan time.Time // nil: time.After
}

// An Account is this gateway's part in it. It is safe for concurrent use.
type Account struct {
	o        Options
	duties   *duties
	served   *served
	portions *portions
	refusals refusals
	member   atomic.Pointer[membership] // the last one; nil before the first
}

// membership is a cluster.Member, for an atomic.Pointer.
type membership struct{ cluster.Member }

// Open opens the machines of the account, before the gateway joins. From then on
// the store sends as few requests as a gateway may that is no member.
func Open(o Options) (*Account, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Forget == nil {
		o.Forget = func() {}
	}
	// The others are told it, again and again until that succeeds.
	if o.Rate != nil && !isRate(o.Rate.Full()) {
		return nil, fmt.Errorf("a rate of %v requests a second cannot be handed out: %w", o.Rate.Full(), fs.ErrInvalid)
	}
	a := &Account{o: o, refusals: refusals{signal: make(chan struct{}, 1)}}
	var errs [3]error
	a.duties, errs[0] = openDuties(o.Engine, func(string) { o.Forget() })
	a.served, errs[1] = openServed(o.Engine)
	a.portions, errs[2] = openPortions(o.Engine)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if o.Rate != nil {
		a.portions.begin(0, o.Rate.Full())
		a.portions.refused = a.heard
		o.Rate.Share(a.limit, a.refusals.add)
	}
	return a, nil
}

// Check is called after each Join with a digest of the store and folder that is served,
// and is ErrOtherStore if the other gateways serve another: then this one must not
// change anything.
func (a *Account) Check(ctx context.Context, store string) error { return a.served.check(ctx, store) }

// Run does what a membership asks for, until it or ctx ends.
func (a *Account) Run(ctx context.Context, m cluster.Member) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	if a.o.Revision != nil {
		running.Go(func() { a.poll(ctx, m) })
	}
	if a.o.Rate != nil {
		a.portions.begin(m.Epoch(), a.o.Rate.Full())
		a.member.Store(&membership{m})
		running.Go(func() { a.raise(ctx) })
		running.Go(func() { a.want(ctx, m) })
		running.Go(func() { a.tellRefusals(ctx, m) })
	}
	select {
	case <-m.Lost():
	case <-ctx.Done():
	}
	cancel()
	running.Wait()
}

// Leave lets the others have this gateway's portion at once. It is called when the
// store is closed, and Run has ended.
func (a *Account) Leave(ctx context.Context) error {
	m := a.member.Load()
	if m == nil || m.Remaining() <= 0 {
		return nil
	}
	return a.propose(ctx, share{Op: "gone"}, m)
}

// Polled reports whether what this gateway has cached may be used, because either
// some gateway polls the store, or nobody can.
func (a *Account) Polled() bool {
	if a.o.Revision == nil {
		return true
	}
	_, held, _ := a.duties.holder(pollDuty)
	return held
}

// A View is what all gateways know of the account.
type View struct {
	Poller uint64             // epoch of the member that polls the store; 0: nobody does
	Total  float64            // requests a second of the account; 0: no gateway has such a limit
	Rates  map[uint64]float64 // of that, by epoch
}

// View returns what is known here.
func (a *Account) View() View {
	holder, _, _ := a.duties.holder(pollDuty)
	_, rates, total := a.portions.now()
	return View{holder.Epoch, total, rates}
}
