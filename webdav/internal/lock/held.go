package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// holds are the reservations of all gateways that share a log: a part of the
// state of the table. Whether one is granted is decided when its entry is
// applied, by nothing but the holds before it, and therefore everywhere alike.
type holds struct {
	held  []*hold
	ended cluster.Ended
	count uint64 // of tickets that this process has made
}

// A ticket identifies a reservation among those of all gateways.
type ticket struct {
	Gateway string `json:"gateway"`
	Epoch   uint64 `json:"epoch"`
	Number  uint64 `json:"number"`
}

// A hold is a reservation in the log.
type hold struct {
	Ticket ticket `json:"ticket"`
	Names  []Name `json:"names"`
	// Unsettled: its gateway was expelled, or has not been told the outcome, and its
	// change may still take effect. The names stay closed until somebody settles it.
	Unsettled bool `json:"unsettled,omitempty"`
	// Left: its gateway has said so, and knows of the change as long as it is a member.
	Left bool `json:"left,omitempty"`
	// Renewed counts how often its gateway has begun that time anew.
	Renewed uint64 `json:"renewed,omitempty"`
	// since is when this gateway learned that, and over wakes who waits for its
	// end. They are not a part of the state.
	since time.Time
	over  *time.Timer
}

// A settled hold is an unsettled one that is over, unless it has been renewed since
// somebody found that.
type settled struct {
	ticket
	Renewed uint64 `json:"renewed,omitempty"`
}

// isSettled reports whether an unsettled hold is among those that are over.
func (h *hold) isSettled(over []settled) bool {
	return h.Unsettled && slices.Contains(over, settled{h.Ticket, h.Renewed})
}

// reserved is what a change has to do with holds.
type reserved struct {
	Hold    *hold     `json:"hold,omitempty"`
	Release *ticket   `json:"release,omitempty"`
	Settled []settled `json:"settled,omitempty"`
	Done    bool      `json:"done,omitempty"`    // the request has made its changes
	Names   []Name    `json:"names,omitempty"`   // that must be free, for opUnlock
	Created string    `json:"created,omitempty"` // path of what the request created
	Changed []Changed `json:"changed,omitempty"` // by the request
}

// lingers is how long the change may take effect without its gateway.
func (h *hold) lingers() time.Duration {
	return slices.MaxFunc(h.Names, func(a, b Name) int { return cmp.Compare(a.Lingers, b.Lingers) }).Lingers
}

// isOver reports whether an unsettled change can take effect no more.
func (h *hold) isOver(now func() time.Time) bool {
	return h.Unsettled && now().Sub(h.since) >= h.lingers()
}

// changed lists the names that the request may have changed.
func (h *hold) changed() (changed []Changed) {
	for _, n := range h.Names {
		if !n.Lock && (n.Member || !n.Shared) {
			changed = append(changed, Changed{Path: n.Path, Tree: n.Tree, Gateway: h.Ticket.Gateway})
		}
	}
	return changed
}

// conflicts reports whether a request of a gateway may not have names beside the hold. A
// removal may beside one of the same gateway that is to be settled, which knows then that
// names can be missing for another reason. So may the same request again, if the gateway
// knows what it has left.
func (h *hold) conflicts(names []Name, gateway string) bool {
	own := h.Unsettled && h.Ticket.Gateway == gateway
	return anyTwo(names, h.Names, func(a, b Name) bool {
		goesOn := own && (a.Removes && b.Removes || h.Left && isSame(a, b))
		return a.conflicts(b) && !goesOn
	})
}

// isSame reports whether two names are of the same request, made twice.
func isSame(a, b Name) bool { return a.Again != "" && a.Again == b.Again }

// IsRepeated reports whether the reservation was granted beside one of the same request,
// whose changes may still take effect.
func (r *Reservation) IsRepeated() bool {
	all := &r.table.reserved
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.ContainsFunc(all.held, func(h *hold) bool { return h.Unsettled && anyTwo(r.names, h.Names, isSame) })
}

// blocked reports whether names conflict with a hold, unless it only has to be
// settled.
func (all *holds) blocked(names []Name, gateway string, now func() time.Time) bool {
	return slices.ContainsFunc(all.held, func(h *hold) bool { return h.conflicts(names, gateway) && !h.isOver(now) })
}

func (all *holds) find(of ticket) *hold {
	if i := slices.IndexFunc(all.held, func(h *hold) bool { return h.Ticket == of }); i >= 0 {
		return all.held[i]
	}
	return nil
}

// hold proposes a reservation to the log.
func (r *Reservation) hold(ctx context.Context) error {
	t := r.table
	member := t.opts.Member()
	if member == nil {
		return cluster.ErrNotJoined
	}
	settled, err := t.settled(ctx)
	if err != nil {
		return err
	}
	// The engine is not asked while anything is held that Apply needs.
	gateway, epoch := member.Gateway(), member.Epoch()
	t.reserved.mu.Lock()
	t.reserved.count++
	r.ticket = ticket{gateway, epoch, t.reserved.count}
	t.reserved.mu.Unlock()
	c := change{Op: opReserve, Reserved: &reserved{Hold: &hold{Ticket: r.ticket, Names: r.names}, Settled: settled}}
	_, err = t.log.Propose(ctx, c, journal.Options{Unawaited: true})
	if err == nil || errors.Is(err, ErrReserved) {
		return err
	}
	if errors.Is(err, cluster.ErrUnknownOutcome) || !errors.Is(err, cluster.ErrUnavailable) { // else nothing was sent
		t.abandon(r.ticket, nil) // it may have been applied, or will be
	}
	return fmt.Errorf("reserve the names: %w", err)
}

// settled lists the unsettled holds whose changes can take effect no more. Whoever
// proposes something that they may be in the way of says so. Those that one entry
// has no room for are settled before.
func (t *Table) settled(ctx context.Context) ([]settled, error) {
	for {
		over, all := t.over()
		if all {
			return over, nil
		}
		if _, err := t.log.Propose(ctx, change{Op: opSettle, Reserved: &reserved{Settled: over}}, journal.Options{}); err != nil {
			return nil, fmt.Errorf("settle what other gateways have left: %w", err)
		}
	}
}

// over lists unsettled holds that are over, as many as one change may settle, and
// reports whether these are all.
func (t *Table) over() (over []settled, all bool) {
	t.reserved.mu.Lock()
	defer t.reserved.mu.Unlock()
	size := 0
	for _, h := range t.reserved.held {
		if !h.isOver(t.opts.Now) {
			continue
		}
		if size += h.Ticket.size(); size > maxEnding && len(over) > 0 {
			return over, false
		}
		over = append(over, settled{h.Ticket, h.Renewed})
	}
	return over, true
}

// size returns at least how many bytes of a change it becomes.
func (t ticket) size() int { return 6*len(t.Gateway) + 130 }

// retryPause is how long abandon waits before it tries again.
const retryPause = time.Second

// abandon releases a hold, now or as soon as the log is there again. Its names
// would be closed as long as this gateway is a member, and longer.
func (t *Table) abandon(of ticket, changed []Changed) {
	t.abandoned.Go(func() {
		for {
			c := change{Op: opRelease, Reserved: &reserved{Release: &of, Settled: []settled{{ticket: of}}, Changed: changed}}
			seq, err := t.log.Propose(t.closing, c, journal.Options{})
			if err == nil || seq > 0 && errors.Is(err, cluster.ErrExpelled) { // refused in the log: it is not held
				return
			}
			select {
			case <-t.closing.Done():
				return
			case <-time.After(retryPause):
			}
		}
	})
}

func (t *Table) isHeld(of ticket) bool {
	t.reserved.mu.Lock()
	defer t.reserved.mu.Unlock()
	return t.reserved.find(of) != nil
}

// apply applies a change of the holds, and returns what was changed in the file
// system.
func (all *reservations) apply(c change) (changed []Changed, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	defer all.wake()
	defer func() { all.cross(changed) }()
	var r reserved
	if c.Reserved != nil {
		r = *c.Reserved
	}
	switch {
	case c.Op == opReserve && r.Hold != nil && len(r.Hold.Names) > 0:
		h := *r.Hold
		if !h.Unsettled && all.ended.Has(h.Ticket.Gateway, h.Ticket.Epoch) {
			return nil, cluster.ErrExpelled // it would never be released
		}
		if h.Unsettled { // in a snapshot: others may have had the names as well
			all.held = append(all.held, &h)
			all.linger(&h)
			return nil, nil
		}
		if changed, err = all.judge(h.Names, h.Ticket.Gateway, r.Settled); err == nil {
			all.held = append(all.held, &h)
		}
	case c.Op == opRelease && r.Release != nil:
		h := all.find(*r.Release)
		own := func(s settled) bool { return s.ticket == *r.Release } // of whoever has renewed it
		if h == nil || h.Unsettled && !slices.ContainsFunc(r.Settled, own) {
			return nil, cluster.ErrExpelled
		}
		if r.Done && all.mayBeReplaced(h, r.Settled) {
			return nil, ErrReplaceable
		}
		isOwn := all.isOwn(h.Ticket)
		for _, c := range r.Changed {
			c.Gateway, c.Own = h.Ticket.Gateway, isOwn
			changed = append(changed, c)
		}
		if r.Created != "" {
			all.created(r.Created, func(other *Reservation) bool { return other.ticket == h.Ticket || all.find(other.ticket) == nil })
		}
		all.remove(h)
	case c.Op == opBegin && r.Release != nil:
		err = all.begin(*r.Release)
	case c.Op == opUnsettle && r.Release != nil:
		h := all.find(*r.Release)
		if h == nil {
			return nil, cluster.ErrExpelled
		}
		changed = h.changed()
		all.unsettle(h, true)
	case c.Op == opSettle:
		for _, h := range slices.Clone(all.held) {
			if h.isSettled(r.Settled) {
				changed = append(changed, all.remove(h)...)
			}
		}
	case c.Op == opStill && r.Release != nil:
		if h := all.find(*r.Release); h == nil || h.Unsettled {
			err = cluster.ErrExpelled
		}
	case c.Op == opEnded && r.Release != nil:
		all.ended.Add(r.Release.Gateway, r.Release.Epoch)
	default:
		err = fmt.Errorf("%w: change %q", journal.ErrEntry, c.Op)
	}
	return changed, err
}

// judge reports whether names are free for a gateway: ErrReserved if not. If they are, the
// unsettled holds that are settled end, and what they may have changed is
// returned.
func (all *reservations) judge(names []Name, gateway string, over []settled) (changed []Changed, err error) {
	var ends []*hold
	for _, h := range all.held {
		switch {
		case h.isSettled(over):
			ends = append(ends, h)
		case h.conflicts(names, gateway):
			return nil, ErrReserved
		}
	}
	for _, h := range ends {
		changed = append(changed, all.remove(h)...)
	}
	return changed, nil
}

// judgeNames judges a change that is made only if names are free.
func (all *reservations) judgeNames(c *reserved) (changed []Changed, err error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	defer all.wake()
	defer func() { all.cross(changed) }()
	return all.judge(c.Names, "", c.Settled)
}

// reset ends all holds, before those of a snapshot come.
func (all *reservations) reset() {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.stopTimers()
	all.held, all.ended = nil, cluster.Ended{}
	all.wake()
}

// stop stops what waits for the time of unsettled holds.
func (all *reservations) stop() {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.stopTimers()
}

func (all *reservations) stopTimers() {
	for _, h := range all.held {
		h.stop()
	}
}

// linger counts the time of an unsettled hold, at the end of which those who wait
// for its names are let in.
func (all *reservations) linger(h *hold) {
	h.since = all.now()
	h.over = time.AfterFunc(h.lingers(), func() {
		all.mu.Lock()
		defer all.mu.Unlock()
		all.wake()
	})
}

func (h *hold) stop() {
	if h.over != nil {
		h.over.Stop()
	}
}

// remove ends a hold and returns what its request may have changed.
func (all *reservations) remove(h *hold) []Changed {
	h.stop()
	all.held = slices.DeleteFunc(all.held, func(other *hold) bool { return other == h })
	return h.changed()
}

// mayBeReplaced reports whether another change, which may still take effect, could
// replace what a request has stored beside it.
func (all *reservations) mayBeReplaced(h *hold, over []settled) bool {
	return slices.ContainsFunc(all.held, func(other *hold) bool {
		return other != h && other.Unsettled && !other.isSettled(over) && other.conflicts(h.Names, h.Ticket.Gateway)
	})
}

// expelled ends the reservations of a gateway, and keeps the names closed whose
// change may still take effect. It returns what may have been changed, and that is
// told again when those are settled.
func (all *reservations) expelled(gateway string, epoch uint64) (changed []Changed) {
	all.mu.Lock()
	defer all.mu.Unlock()
	defer all.wake()
	defer func() { all.cross(changed) }()
	all.ended.Add(gateway, epoch)
	for _, h := range slices.Clone(all.held) {
		switch {
		case h.Ticket.Gateway != gateway || h.Ticket.Epoch > epoch:
		case h.Unsettled:
			h.Left = false // whoever has the name next need not know of it
		case h.lingers() == 0, h.waits():
			changed = append(changed, all.remove(h)...)
		default:
			changed = append(changed, h.changed()...)
			all.unsettle(h, false)
		}
	}
	return changed
}

// snapshot yields the holds as changes. Those that are unsettled may have an epoch
// that has ended, and are not judged by it.
func (all *reservations) snapshot() iter.Seq[change] {
	return func(yield func(change) bool) {
		for _, unsettled := range []bool{false, true} { // which would be in the way of the others
			for _, h := range all.held {
				if h.Unsettled == unsettled && !yield(change{Op: opReserve, Reserved: &reserved{Hold: h}}) {
					return
				}
			}
		}
		for _, gateway := range slices.Sorted(maps.Keys(all.ended)) {
			if !yield(change{Op: opEnded, Reserved: &reserved{Release: &ticket{Gateway: gateway, Epoch: all.ended[gateway]}}}) {
				return
			}
		}
	}
}
