package vfs

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// loggedIntent is an intent as it is in the log.
type loggedIntent struct {
	record
	Owner owner `json:"owner,omitzero"`
}

// A note is an entry of the log.
type note struct {
	By     owner         `json:"by,omitzero"`
	ID     string        `json:"id,omitempty"`
	Intent *loggedIntent `json:"intent,omitempty"` // as it is from now on; nil: it is over
	// Of a snapshot: an intent that is not judged, and an epoch that has ended.
	Kept  bool   `json:"kept,omitempty"`
	Ended *owner `json:"ended,omitempty"`
}

// replacements is the machine of the log.
type replacements struct{ o *operations }

// Apply implements journal.Machine.
func (r replacements) Apply(n note) error {
	o, g := r.o, r.o.gateways
	before, own := o.known(n.ID)
	if before != nil && !own {
		g.changed(before) // who waits for it goes on when it is applied
	}
	o.mu.Lock()
	e, err := o.apply(n)
	free := err == nil && n.Intent != nil && (e.owner == owner{} || e.owner.Gateway == g.name)
	o.mu.Unlock()
	if _, own = o.known(n.ID); err != nil || e == nil || own {
		return err
	}
	if g.changed(e); free {
		g.free()
	}
	return nil
}

// known returns an intent of the log, or nil, and reports whether this process works on
// it.
func (o *operations) known(id string) (e *intent, own bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_, own = o.gateways.working[id]
	return o.gateways.intents[id], own
}

// apply applies an entry, and returns the intent that it is about.
func (o *operations) apply(n note) (*intent, error) {
	g := o.gateways
	if n.Ended != nil {
		g.ended.Add(n.Ended.Gateway, n.Ended.Epoch)
		return nil, nil
	}
	if n.ID == "" || n.Intent != nil && (n.Intent.ID != n.ID || !n.Intent.inLog()) {
		return nil, fmt.Errorf("%w: intent %q", journal.ErrEntry, n.ID)
	}
	before := g.intents[n.ID]
	switch {
	case n.Kept && n.Intent != nil:
	case g.ended.Has(n.By.Gateway, n.By.Epoch):
		return nil, cluster.ErrExpelled // nobody would put it right
	case !before.leadsTo(n):
		return nil, errTaken
	}
	if n.Intent == nil {
		o.drop(before)
		return before, nil
	}
	return o.put(*n.Intent), nil
}

// leadsTo reports whether an entry may follow on what an intent is, nil for one that
// is not there.
func (e *intent) leadsTo(n note) bool {
	switch {
	case e == nil:
		return n.Intent != nil && n.Intent.Owner == n.By && (n.Intent.Kind == moving || n.Intent.Kind == staging)
	case e.owner != n.By && e.owner != owner{}:
		return false
	case n.Intent == nil:
		return e.owner == n.By || e.Kind != moving
	case n.Intent.Kind == discarding:
		return e.Kind == moving && e.owner == n.By && n.Intent.Owner == n.By
	case n.Intent.Kind == lingering:
		return e.Kind == moving && n.Intent.Owner == owner{}
	case n.Intent.Kind == moving: // its owner leaves it to everybody
		return e.Kind == moving && e.owner == n.By && n.Intent.Owner == owner{}
	case n.Intent.Kind == staging:
		return e.Kind == staging && e.owner == n.By && n.Intent.Owner == owner{}
	}
	return false
}

// put makes an intent what it is in the log. o.mu is held.
func (o *operations) put(i loggedIntent) *intent {
	g := o.gateways
	e := &intent{record: i.record, busy: g.working[i.ID], shared: &shared{owner: i.Owner, since: time.Now(), changed: make(chan struct{})}}
	if before := g.intents[i.ID]; before != nil {
		e.busy = before.busy
		o.drop(before)
	}
	if e.busy == nil {
		e.busy = make(chan struct{}, 1)
	}
	if (e.owner == owner{}) && e.lingers() && !g.closed {
		e.timer = time.AfterFunc(g.lingers, g.free)
	}
	g.intents[i.ID] = e
	o.notice(e)
	return e
}

// drop removes an intent of the log. o.mu is held.
func (o *operations) drop(e *intent) {
	close(e.changed)
	if e.timer != nil {
		e.timer.Stop()
	}
	delete(o.gateways.intents, e.ID)
}

// lingers reports whether an intent is done with when late calls have come to their end.
func (e *intent) lingers() bool { return e.Kind == staging || e.Kind == lingering }

// Expelled implements cluster.Expeller: what the gateway worked on is nobody's.
func (r replacements) Expelled(gateway string, epoch uint64) {
	o := r.o
	o.mu.Lock()
	o.gateways.ended.Add(gateway, epoch)
	left := o.allNoted(func(e *intent) bool {
		return e.owner.Gateway == gateway && e.owner.Epoch <= epoch && e.owner != owner{}
	})
	for _, e := range left {
		o.put(loggedIntent{record: e.record})
	}
	o.mu.Unlock()
	if len(left) > 0 {
		o.gateways.free()
	}
}

// allNoted returns the intents of the log for which f reports true, by ID. o.mu is
// held.
func (o *operations) allNoted(f func(*intent) bool) (all []*intent) {
	for _, id := range slices.Sorted(maps.Keys(o.gateways.intents)) {
		if e := o.gateways.intents[id]; f(e) {
			all = append(all, e)
		}
	}
	return all
}

func anyIntent(*intent) bool { return true }

// Reset implements cluster.Resetter. What this process works on stays.
func (r replacements) Reset() {
	o := r.o
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.allNoted(anyIntent) {
		o.drop(e)
	}
	clear(o.gateways.ended)
}

// Snapshot implements journal.Machine.
func (r replacements) Snapshot() iter.Seq[note] {
	o := r.o
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []note
	for _, e := range o.allNoted(anyIntent) {
		all = append(all, note{ID: e.ID, Intent: &loggedIntent{e.record, e.owner}, Kept: true})
	}
	for _, gateway := range slices.Sorted(maps.Keys(o.gateways.ended)) {
		all = append(all, note{Ended: &owner{gateway, o.gateways.ended[gateway]}})
	}
	return slices.Values(all)
}
