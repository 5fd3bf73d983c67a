package replica

import (
	"fmt"
	"time"
)

// watch looks at the clock: whether a beat is due, the membership is over,
// another member is silent, or the log is followed too slowly.
func (e *Engine) watch() {
	for {
		select {
		case <-e.cfg.Clock.After(e.cfg.Lease / 24):
		case <-e.ctx.Done():
			return
		}
		e.mu.Lock()
		now := e.cfg.Clock.Now()
		e.beatIfDue(now)
		e.expelSilent(now)
		e.rememberIfDue(now)
		e.reportRest()
		if e.failed == nil && e.acked.seq > e.state.Seq && now.least(e.acked.at) > e.cfg.Lease/6 && e.refollow != nil {
			e.cfg.Log.Warn("an entry of the log that the gateways share was not seen in time; the log is followed anew")
			e.acked.at = now
			e.refollow()
		}
		e.mu.Unlock()
	}
}

// beatIfDue tells the others that this member lives; mu is held.
func (e *Engine) beatIfDue(now Reading) {
	m := e.member
	if m == nil || m.Remaining() == 0 || m.epoch == 0 || now.least(m.beat) < e.cfg.Lease/3 {
		return
	}
	e.once("beat", func() {
		e.mu.Lock()
		m.beat = e.cfg.Clock.Now()
		sent := m.beat
		e.mu.Unlock()
		ctx, cancel := e.within(e.cfg.Lease / 3)
		defer cancel()
		if _, err := e.propose(ctx, envelope{Beat: true, Unawaited: true}); err != nil {
			e.cfg.Log.Warn("this gateway could not tell the others that it is there", "left", m.Remaining().Round(time.Millisecond), "error", err)
			return
		}
		m.extend(sent)
	})
}

// rememberEvery is how often the state folder learns, in leases, of the entries
// of this gateway.
const rememberEvery = 10

// rememberIfDue writes to the state folder; mu is held.
func (e *Engine) rememberIfDue(now Reading) {
	m := e.member
	if m == nil || m.Remaining() == 0 || now.least(e.remembered) < rememberEvery*e.cfg.Lease {
		return
	}
	e.once("remember", func() {
		if err := e.remember(m.life); err != nil {
			e.cfg.Log.Warn("what this gateway knows of the log that it shares with others cannot be kept", "error", err)
		}
	})
}

// expelSilent proposes to expel members that were not heard of for the time of
// their leases; mu is held. Time in which this machine was suspended does not
// count.
func (e *Engine) expelSilent(now Reading) {
	if e.member == nil || e.member.Remaining() == 0 {
		return
	}
	for epoch, m := range e.state.Members {
		if epoch == e.member.epoch || now.least(e.heard[epoch]) < m.Lease {
			continue
		}
		entry := envelope{Expel: &expel{Epoch: epoch, Beat: m.Beat}}
		e.once(fmt.Sprint("expel ", epoch), func() {
			e.cfg.Log.Warn("a gateway is silent, and is to be expelled", "gateway", m.Gateway, "epoch", epoch)
			ctx, cancel := e.within(e.cfg.Lease / 3)
			defer cancel()
			if _, err := e.propose(ctx, entry); err != nil {
				e.cfg.Log.Warn("a silent gateway could not be expelled", "gateway", m.Gateway, "error", err)
			}
		})
	}
}

// reportRest lets this member report what nobody is known to wait for, too; mu is held.
func (e *Engine) reportRest() {
	if e.due < e.state.Seq {
		e.due = e.state.Seq
		e.notify()
	}
}

// isOwn reports whether an entry is one of the current member, which knows by itself
// that it has applied it; mu is held.
func (e *Engine) isOwn(entry envelope) bool {
	m := e.member
	return m != nil && m.epoch == entry.Epoch && m.gateway == entry.Gateway
}

// report tells the others how far this member is, as soon as there are others: at once
// where one of them may wait for it, and else soon, with whatever comes meanwhile. What
// is applied while a report is sent is in the next one. One of an earlier life of the log
// is given up: in the next, another member may have the epoch.
func (e *Engine) report() {
	var told struct {
		life       int
		epoch, seq uint64
	}
	for e.ctx.Err() == nil {
		e.mu.Lock()
		changed, life, living, seq, due := e.changed, e.life, e.living, e.state.Seq, e.due
		var epoch uint64
		if m := e.member; m != nil && len(e.state.Members) > 1 && m.Remaining() > 0 {
			epoch = m.epoch
		}
		e.mu.Unlock()
		if epoch == 0 || told.life == life && told.epoch == epoch && told.seq >= due {
			select {
			case <-changed:
			case <-e.ctx.Done():
			}
			continue
		}
		if err := e.store.Report(living, epoch, seq); err != nil {
			e.pause()
			continue
		}
		told.life, told.epoch, told.seq = life, epoch, seq
	}
}

// pause waits a little before something is tried again.
func (e *Engine) pause() {
	select {
	case <-time.After(retryAfter):
	case <-e.ctx.Done():
	}
}
