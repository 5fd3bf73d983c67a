package vfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/unsettled"
)

// A folder that is being replaced at one of several gateways is recorded in the log
// that they share, as an intent. The other gateways hide its hidden name, wait before
// they answer for its target, and recover it if its gateway has gone. The membership
// that works on an intent owns it; when that membership ends, the intent has no owner,
// and any gateway may recover it:
//
//	moving     the owner moves Target to Hidden, then From to Target
//	discarding both were answered with success; Hidden is to be removed
//	staging    the owner makes a copy under Hidden, and then moves it to its place
//	lingering  Target is in order, but a late call may still move it to Hidden
//
// Recovering a moving intent moves Hidden back to Target, or to a name beside it
// (core.giveBack). As Move replaces nothing, several gateways may do this at once, also
// while late calls of the former owner arrive. Hidden is removed only if its owner set
// discarding in the log while it was a member. Nothing else is ever under Hidden: the
// owner asks the store only once to move Target there ([backend.MoveOptions].Once), and
// waits for the answer.

const (
	// callLingers is how long a store may take to carry out a call of a gateway that
	// is gone.
	callLingers = unsettled.Window
	// operationLingers is the same for a store whose moves go on by themselves.
	operationLingers = 24 * time.Hour
)

// An Engine is where the gateways of one share agree on what is being replaced. It
// is one of davdisk's own; others are refused.
type Engine interface{ io.Closer }

// A Member is the membership of this gateway among those of its share. Epoch is
// its fencing number: that of a later membership, of whatever gateway, is larger.
type Member interface {
	Gateway() string
	Epoch() uint64
}

// WithEngine makes f one of several file systems on one store, beside
// [WithAgreement]. A folder that is being replaced is then known to all of them, and
// what one has left that is gone is put right by the others. member returns the
// current membership, nil without one: folders are not replaced then, and nothing is
// put right. The engine must be joined after New, and is closed by the caller after
// f.
//
// Where Move may be cut short with its driver ([backend.Capabilities]) an operation
// that is cut short stays with its file system until the next one with that state
// folder, as without others.
func WithEngine(e Engine, member func() Member) Option {
	return func(o *options) { o.engine, o.member = e, member }
}

// The kinds of what is in the log only.
const (
	staging   kind = "stage"
	lingering kind = "linger"
)

// gateways is the part of operations that several gateways have in common.
type gateways struct {
	log      cluster.Log[note]
	shares   bool // what is replaced here is in the log
	finishes bool // the store completes moves by itself
	lingers  time.Duration
	member   func() Member

	// free is called when there may be something to put right, and changed for each
	// intent that another gateway has changed. Both return soon.
	free    func()
	changed func(e *intent)

	// Guarded by operations.mu.
	intents map[string]*intent       // by ID; an intent never changes, an entry makes another
	working map[string]chan struct{} // the busy of what this process works on, by ID
	ended   cluster.Ended
	name    string // of this gateway when it announced something last
	closed  bool
}

// owner is the membership that works on an intent; the zero value is nobody's.
type owner struct {
	Gateway string `json:"gateway,omitempty"`
	Epoch   uint64 `json:"epoch,omitempty"`
}

// shared is what an intent has that is in the log.
type shared struct {
	owner   owner
	since   time.Time     // when this gateway learned of it
	changed chan struct{} // closed when there is another in its place, or none
	timer   *time.Timer   // until calls of the owner have come to their end; or nil
}

// errTaken reports that an entry came too late: the intent is somebody else's, or over.
var errTaken = errors.New("another gateway has put it right")

// join makes the operations known to other gateways.
func (o *operations) join(opts *options, caps backend.Capabilities, free func(), changed func(*intent)) error {
	engine, ok := opts.engine.(cluster.Engine)
	if !ok {
		return fmt.Errorf("a %T cannot keep what gateways share", opts.engine)
	}
	if opts.member == nil {
		return errors.New("a gateway among others needs a membership")
	}
	g := &gateways{
		shares: caps.NoAtomicMove == "" || caps.FinishesMoves, finishes: caps.FinishesMoves, lingers: callLingers,
		member: opts.member, free: free, changed: changed,
		intents: map[string]*intent{}, working: map[string]chan struct{}{}, ended: cluster.Ended{},
	}
	if g.finishes {
		g.lingers = operationLingers
	}
	o.gateways = g
	var err error
	g.log, err = cluster.Open(engine, "replacements", journal.Config[note]{Format: "davdisk replacements 1", Machine: replacements{o}})
	return err
}

// shares reports whether what this gateway replaces is in the log.
func (o *operations) shares() bool { return o.gateways != nil && o.gateways.shares }

// me returns the membership of this gateway; zero without one. o.mu is not held: the
// engine may wait for Apply.
func (o *operations) me() owner {
	if m := o.gateways.member(); m != nil {
		return owner{m.Gateway(), m.Epoch()}
	}
	return owner{}
}

// isFor reports whether a gateway may put an intent of the log right, if nobody
// there works on it.
func (e *intent) isFor(me owner) bool {
	return me != owner{} && (e.owner == me || e.owner == owner{})
}

// now returns an intent of the log as it is now, or nil if it is over.
func (o *operations) now(id string) *intent {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gateways.intents[id]
}

// announce writes an intent to the log before its first step, and returns when all
// gateways know of it, with its owner. The caller holds busy, and calls leave.
func (o *operations) announce(ctx context.Context, e *intent) (owner, error) {
	me := o.me()
	if begun, ok := cluster.EpochOf(ctx); ok && begun != me.Epoch {
		me = owner{} // which has ended
	}
	o.mu.Lock()
	o.gateways.working[e.ID] = e.busy
	o.gateways.name = cmp.Or(me.Gateway, o.gateways.name)
	o.mu.Unlock()
	seq, err := o.propose(ctx, note{By: me, ID: e.ID, Intent: &loggedIntent{record: e.record, Owner: me}})
	if err == nil {
		err = unreachable(o.gateways.log.AppliedByAll(ctx, seq))
	}
	return me, err
}

// leave ends the work of this process on an intent that was announced.
func (o *operations) leave(e *intent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.gateways.working, e.ID)
}

// become changes in the log what an intent is from now on. By is its owner, or who
// puts it right.
func (o *operations) become(ctx context.Context, by owner, e *intent, k kind) error {
	i := &loggedIntent{record: e.record}
	if i.Kind = k; k == discarding {
		i.Owner = by
	}
	_, err := o.propose(ctx, note{By: by, ID: e.ID, Intent: i})
	return err
}

// over takes an intent out of the log, unless others have, or have it now.
func (o *operations) over(ctx context.Context, by owner, e *intent) error {
	_, err := o.propose(ctx, note{By: by, ID: e.ID})
	if errors.Is(err, errTaken) {
		return nil
	}
	return err
}

func (o *operations) propose(ctx context.Context, n note) (uint64, error) {
	if (n.By == owner{}) {
		return 0, unreachable(cluster.ErrNotJoined)
	}
	seq, err := o.gateways.log.Propose(ctx, n, journal.Options{})
	if errors.Is(err, errTaken) {
		return 0, err
	}
	return seq, unreachable(err)
}

// unreachable is the error of an entry. It hides the cause from errors.Is, as write
// does.
func unreachable(err error) error {
	if err == nil {
		return nil
	}
	return failure(backend.ErrUnavailable, fmt.Sprintf("cannot write to the log that the gateways share: %v", err))
}

// inLog reports whether this program can have written an intent to the log.
func (i *loggedIntent) inLog() bool {
	if !fs.ValidPath(i.Hidden) || !ownname.Is(i.Hidden) || !fs.ValidPath(i.Target) || i.Target == "." {
		return false
	}
	switch i.Kind {
	case moving, discarding, staging, lingering:
		return true
	}
	return false
}
