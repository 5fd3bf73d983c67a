package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
)

// retryAfter is when the log is followed again after that has failed.
const retryAfter = 50 * time.Millisecond

// errOutdated ends a call of Follow that another one has replaced.
var errOutdated = errors.New("the log is followed by another call")

// follow applies the log until the engine is closed.
func (e *Engine) follow() {
	for e.ctx.Err() == nil {
		life, err := e.followOnce()
		switch {
		case e.ctx.Err() != nil:
			return
		case errors.Is(err, cluster.ErrOtherLog):
			e.fail(life, err)
		case errors.Is(err, errNoFollower):
			e.fail(life, fmt.Errorf("%w: %w", cluster.ErrFormat, err))
		case err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errOutdated):
			e.cfg.Log.Debug("the log that the gateways share is followed anew", "error", err)
		}
		e.pause()
	}
}

// followOnce follows a life of the log as long as one call of the store does.
func (e *Engine) followOnce() (life int, err error) {
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	e.mu.Lock()
	life = e.life
	if e.failed != nil {
		e.mu.Unlock()
		return life, nil
	}
	e.call++
	call, after := e.call, e.state.Seq
	e.refollow = cancel
	e.mu.Unlock()
	begins := after > 0
	return life, e.store.Follow(ctx, after, func(ev Event) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		if call != e.call || e.failed != nil {
			return errOutdated
		}
		if begins && ev.Entry != nil && !e.isLast(*ev.Entry) {
			return fmt.Errorf("%w: its entry %d, which was applied here, is there no more, as if it was restored from a copy", cluster.ErrOtherLog, after)
		}
		begins = begins && ev.Entry == nil && ev.Snapshot == nil
		return e.event(ev)
	})
}

// isLast reports whether an entry is the last that was applied here; mu is held.
func (e *Engine) isLast(in Entry) bool {
	return in.Seq == e.state.Seq && (e.lastKey == "" || in.Key == e.lastKey)
}

// fail ends the membership: a life of the log cannot be followed. If another one
// has begun by now, what it is told of the earlier one does not matter.
func (e *Engine) fail(life int, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed != nil || e.life != life {
		return
	}
	e.failed = err
	if failed := e.self.remember(e.self.identity(), e.state.Gateways[e.self.Gateway].Last); failed != nil { // it is to be seen again when the log is read anew
		err = errors.Join(err, failed)
	}
	e.cfg.Log.Error("this gateway can no longer follow the log that it shares with others, and changes nothing", "error", err)
	if e.member != nil {
		e.member.end()
	}
	e.notify()
}

// event applies what the store tells; mu is held.
func (e *Engine) event(ev Event) error {
	switch {
	case ev.Entry != nil:
		if err := e.entry(ev.Entry); err != nil {
			return err
		}
	case ev.Report != nil:
		if e.state.Members[ev.Report.Epoch] != nil {
			e.reported[ev.Report.Epoch] = max(e.reported[ev.Report.Epoch], ev.Report.Seq)
		}
	case ev.Snapshot != nil:
		if err := e.restore(*ev.Snapshot); err != nil {
			return err
		}
	default:
		delete(e.logged, ev.Trimmed)
	}
	e.notify()
	return nil
}

// entry applies an entry of the log; one that was applied before is still there
// to be trimmed.
func (e *Engine) entry(in *Entry) error {
	e.logged[in.Key] = in.Seq
	if in.Seq <= e.state.Seq {
		return nil
	}
	e.lastKey = in.Key
	var entry envelope
	if err := json.Unmarshal(in.Data, &entry); err != nil {
		return fmt.Errorf("%w: %w", errNoFollower, err)
	}
	err := e.state.apply(in.Seq, entry)
	if err == nil && entry.Join != nil {
		err = e.reads()
	}
	if errors.Is(err, errNoFollower) {
		return err
	}
	e.grown.entries++
	e.grown.bytes += int64(len(in.Data))
	e.outcome(in.Seq, entry, err)
	if !entry.Unawaited && !e.isOwn(entry) {
		e.due = in.Seq
	}
	e.lapsed(cluster.ErrExpelled)
	e.snapshotIfDue()
	return nil
}

// outcome notes when members were heard of, and resolves a proposal of this
// gateway.
func (e *Engine) outcome(seq uint64, entry envelope, err error) {
	m := e.member
	switch {
	case entry.Join != nil:
		if err == nil {
			e.heard[seq] = e.cfg.Clock.Now()
		}
		switch j := entry.Join; {
		case j.Process != e.self.Process || j.Attempt < e.attempt:
		case m == nil || j.Attempt > e.attempt || entry.Mark != m.joined.mark:
			e.copied()
		default:
			e.joined(m, seq, err)
		}
	case m != nil && m.life == e.life && m.epoch == entry.Epoch && m.gateway == entry.Gateway && m.numbers.isCopied(entry, errors.Is(err, errVoid)):
		m.numbers.resolve(entry.Number, seq, fmt.Errorf("%w: %w", cluster.ErrExpelled, ErrTaken))
		e.copied()
	case errors.Is(err, errVoid):
	default:
		if entry.Beat && err == nil {
			e.heard[entry.Epoch] = e.cfg.Clock.Now()
		}
		if e.isOwn(entry) {
			m.numbers.resolve(entry.Number, seq, err)
		}
	}
}

// joined tells the outcome of the attempt to join that is under way; the first one
// counts.
func (e *Engine) joined(m *member, seq uint64, err error) {
	if m.epoch == 0 && err == nil {
		m.epoch, e.wasMember = seq, true
	}
	m.joined.resolve(seq, err)
}

// lapsed forgets memberships that have ended. The outcome of proposals of this
// gateway's is err.
func (e *Engine) lapsed(err error) {
	for epoch := range e.heard {
		if e.state.Members[epoch] == nil {
			delete(e.heard, epoch)
			delete(e.reported, epoch)
		}
	}
	m := e.member
	if m == nil || m.epoch == 0 || e.state.isMember(m.epoch) {
		return
	}
	m.end()
	m.numbers.resolveAll(err, func(uint64) bool { return true })
}
