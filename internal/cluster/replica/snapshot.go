package replica

import (
	"errors"
	"fmt"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
)

// restore replaces the state; mu is held. The log has lost something if the
// snapshot has less of this gateway than was applied here.
func (e *Engine) restore(s Snapshot) error {
	had := e.state.Gateways[e.self.Gateway].Last
	// The state is replaced, and what is known of this gateway with it.
	remembered := e.self.remember(e.self.identity(), had)
	if err := errors.Join(remembered, e.state.restore(s)); err != nil {
		return err
	}
	if has := e.state.last(e.self.Gateway); has < had {
		return fmt.Errorf("%w: the last entry of this gateway in its snapshot is %d, and %d was applied here, as if it was restored from a copy", cluster.ErrOtherLog, has, had)
	}
	if err := e.reads(); err != nil {
		return err
	}
	clear(e.logged)
	clear(e.heard)
	e.lastKey, e.due, e.grown = "", e.state.Seq, growth{}
	for epoch := range e.state.Members {
		e.heard[epoch] = e.cfg.Clock.Now()
	}
	e.settle()
	return nil
}

// settle tells the outcome of proposals whose entries may be in a snapshot, since
// they will not be applied any more.
func (e *Engine) settle() {
	m := e.member
	if m == nil {
		return
	}
	if m.epoch == 0 {
		err := errVoid // it joins anew; should this attempt count later, that one ends it
		for _, epoch := range e.state.epochs() {
			if r := e.state.Members[epoch]; r.Gateway == m.gateway && r.Process == e.self.Process && r.Attempt == e.attempt {
				e.joined(m, epoch, nil)
				err = nil
			}
		}
		if err != nil {
			m.joined.resolve(0, err)
		}
	}
	e.lapsed(cluster.ErrUnknownOutcome)
	if r := e.state.Members[m.epoch]; r != nil {
		m.numbers.resolveAll(cluster.ErrUnknownOutcome, r.past)
		if r.past(m.numbers.last + 1) {
			e.copied()
		}
	}
}

// backoff says when something that has failed is tried again.
type backoff struct {
	failures int
	failed   Reading // the last time
}

// over reports whether it may be tried again: after twice the time each time.
func (b backoff) over(now Reading, first time.Duration) bool {
	return b.failures == 0 || now.least(b.failed) >= first<<min(b.failures-1, 6)
}

// snapshotIfDue replaces the log by a snapshot when it has grown; mu is held. The
// oldest member does it. An entry is removed when each member has applied a later
// one: the last is where it goes on.
func (e *Engine) snapshotIfDue() {
	m, live := e.member, e.state.epochs()
	if e.grown.entries < e.cfg.Entries && e.grown.bytes < e.cfg.LogBytes || e.tasks["snapshot"] || m == nil || m.Remaining() == 0 || len(live) == 0 || live[0] != m.epoch ||
		!e.saving.over(e.cfg.Clock.Now(), e.cfg.Lease) {
		return
	}
	s, err := e.state.snapshot()
	if err != nil {
		e.saveFailed(err)
		return
	}
	s.Trimmed = s.Seq
	for _, epoch := range live {
		if epoch != m.epoch {
			s.Trimmed = min(s.Trimmed, e.reported[epoch])
		}
	}
	var trim []string
	for key, seq := range e.logged {
		if seq < s.Trimmed {
			trim = append(trim, key)
		}
	}
	grown, life, living := e.grown, e.life, e.living
	e.grown = growth{}
	e.once("snapshot", func() {
		err := e.store.Save(living, s, trim, live)
		e.mu.Lock()
		defer e.mu.Unlock()
		switch {
		case e.life != life || e.ctx.Err() != nil:
		case errors.Is(err, ErrSuperseded): // what is left of the log is removed with the next
		case err != nil:
			e.grown.entries, e.grown.bytes = e.grown.entries+grown.entries, e.grown.bytes+grown.bytes
			e.saveFailed(err)
		default:
			e.saving = backoff{}
			for _, key := range trim {
				delete(e.logged, key)
			}
		}
	})
}

// saveFailed notes that there is no new snapshot; mu is held.
func (e *Engine) saveFailed(err error) {
	e.saving.failures++
	e.saving.failed = e.cfg.Clock.Now()
	e.cfg.Log.Warn("the log that the gateways share grows, because it could not be replaced by a snapshot", "error", err)
}
