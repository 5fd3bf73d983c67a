package replica

import "github.com/davdisk/davdisk/internal/cluster"

// restore replaces the state; mu is held.
func (e *Engine) restore(s Snapshot) error {
	if err := e.state.restore(s); err != nil {
		return err
	}
	clear(e.logged)
	clear(e.heard)
	e.grown = growth{}
	for epoch := range e.state.Members {
		e.heard[epoch] = e.cfg.Clock.Now()
	}
	e.lapsed(cluster.ErrUnknownOutcome)
	return nil
}

// snapshotIfDue replaces the log by a snapshot when it has grown; mu is held. The
// oldest member does it. An entry is removed when each member has applied it.
func (e *Engine) snapshotIfDue() {
	m := e.member
	if e.grown.entries < e.cfg.Entries && e.grown.bytes < e.cfg.LogBytes || e.tasks["snapshot"] || m == nil || m.Remaining() == 0 || e.state.epochs()[0] != m.epoch {
		return
	}
	s, err := e.state.snapshot()
	if err != nil {
		e.cfg.Log.Error("the log that the gateways share grows, because its state cannot be written", "error", err)
		return
	}
	s.Trimmed = s.Seq
	live := e.state.epochs()
	for _, epoch := range live {
		if epoch != m.epoch {
			s.Trimmed = min(s.Trimmed, e.reported[epoch])
		}
	}
	var trim []string
	for key, seq := range e.logged {
		if seq <= s.Trimmed {
			trim = append(trim, key)
		}
	}
	grown := e.grown
	e.grown = growth{}
	e.once("snapshot", func() {
		err := e.store.Save(e.ctx, s, trim, live)
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			e.cfg.Log.Warn("the log that the gateways share could not be replaced by a snapshot", "error", err)
			e.grown.entries, e.grown.bytes = e.grown.entries+grown.entries, e.grown.bytes+grown.bytes
			return
		}
		for _, key := range trim {
			delete(e.logged, key)
		}
	})
}
