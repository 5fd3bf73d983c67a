package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/davdisk/davdisk/internal/cluster"
)

// pending is a proposal whose outcome is not known yet. seq and err are set
// before done is closed.
type pending struct {
	mark string // of its entry
	done chan struct{}
	seq  uint64
	err  error
}

func newPending() *pending { return &pending{mark: uuid.NewString()[:13], done: make(chan struct{})} }

// resolve tells the outcome. The first one counts; Engine.mu is held.
func (p *pending) resolve(seq uint64, err error) {
	select {
	case <-p.done:
	default:
		p.seq, p.err = seq, err
		close(p.done)
	}
}

// Propose implements cluster.Shared.
func (e *Engine) Propose(ctx context.Context, entries []cluster.Data) (uint64, error) {
	ctx, cancel := e.bound(ctx)
	defer cancel()
	awaited := slices.ContainsFunc(entries, func(d cluster.Data) bool { return !d.Unawaited })
	return e.propose(ctx, envelope{Entries: entries, Unawaited: !awaited})
}

// propose proposes an entry of the current member.
func (e *Engine) propose(ctx context.Context, entry envelope) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m, p, err := e.begin(&entry)
	if err != nil {
		return 0, err
	}
	defer e.forget(m, entry.Number)
	data, err := entry.encode()
	if err != nil {
		return 0, err
	}
	return e.decide(ctx, m, p, fmt.Sprintf("%.8s-%x-%x", e.self.Process, entry.Epoch, entry.Number), data)
}

// begin numbers an entry.
func (e *Engine) begin(entry *envelope) (*member, *pending, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.member
	switch {
	case e.failed != nil:
		return nil, nil, e.failed
	case m == nil || m.epoch == 0 && !e.closed:
		return nil, nil, cluster.ErrNotJoined
	case e.closed || m.Remaining() == 0:
		return nil, nil, cluster.ErrExpelled
	}
	entry.Gateway, entry.Epoch = m.gateway, m.epoch
	return m, m.numbers.begin(entry), nil
}

// forget gives a proposal up. One that is not decided may count until one of the
// member that begins later is applied.
func (e *Engine) forget(m *member, number uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	m.numbers.forget(number)
}

// decide appends an entry and waits until it is applied here.
func (e *Engine) decide(ctx context.Context, m *member, p *pending, key string, data []byte) (uint64, error) {
	sending, stop := context.WithCancel(ctx)
	appended := make(chan error)
	go func() { // decide waits for it
		defer close(appended)
		seq, err := e.store.Append(sending, key, data)
		if err == nil {
			e.inLog(m.life, seq)
			err = e.later(m, p, seq)
		}
		if err != nil {
			appended <- err
		}
	}()
	defer func() {
		stop()
		for range appended {
		}
	}()
	select {
	case <-p.done:
		return p.seq, p.err
	case err, failed := <-appended:
		if failed {
			return e.undecided(m, p, err)
		}
	case <-m.lost:
		stop() // then Append tells what it has sent
		if err, failed := <-appended; failed {
			return e.undecided(m, p, err)
		}
	}
	select {
	case <-p.done:
		return p.seq, p.err
	case <-m.lost:
		return e.undecided(m, p, cluster.ErrUnknownOutcome)
	case <-ctx.Done():
		return e.undecided(m, p, fmt.Errorf("%w: %w", cluster.ErrUnknownOutcome, context.Cause(ctx)))
	}
}

// undecided returns the outcome of a proposal if it is known by now, else err.
func (e *Engine) undecided(m *member, p *pending, err error) (uint64, error) {
	e.mu.Lock()
	select {
	case <-p.done:
		e.mu.Unlock()
		return p.seq, p.err
	default:
	}
	if errors.Is(err, ErrTaken) && m == e.member {
		e.copied()
		err = fmt.Errorf("%w: %w", cluster.ErrExpelled, err)
	}
	e.mu.Unlock()
	if errors.Is(err, cluster.ErrOtherLog) {
		e.fail(m.life, err)
	}
	return 0, err
}

// later checks that an entry which is in the log is a later one than those that
// were applied here, unless it is one of them.
func (e *Engine) later(m *member, p *pending, seq uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-p.done:
		return nil
	default:
	}
	if m.life == e.life && m == e.member && seq <= e.state.Seq { // those of an earlier membership have no outcome here
		return fmt.Errorf("%w: an entry is its number %d, and %d was applied here before, as if it was restored from a copy", cluster.ErrOtherLog, seq, e.state.Seq)
	}
	return nil
}

// inLog notes that an entry of a life of the log is there, and must be seen soon.
func (e *Engine) inLog(life int, seq uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if life == e.life && seq > e.acked.seq {
		if e.acked.seq <= e.state.Seq { // else the clock runs already
			e.acked.at = e.cfg.Clock.Now()
		}
		e.acked.seq = seq
	}
}

// AppliedByAll implements cluster.Shared.
func (e *Engine) AppliedByAll(ctx context.Context, seq uint64) error {
	ctx, cancel := e.bound(ctx)
	defer cancel()
	e.mu.Lock()
	m := e.member
	e.mu.Unlock()
	if m == nil {
		return cluster.ErrExpelled
	}
	return e.wait(ctx, m.lost, func() (bool, error) {
		if m.Remaining() == 0 {
			return false, cluster.ErrExpelled
		}
		if e.state.Seq < seq {
			return false, nil
		}
		for epoch := range e.state.Members {
			if epoch <= seq && epoch != m.epoch && e.reported[epoch] < seq {
				return false, nil
			}
		}
		return true, nil
	})
}

// Barrier implements cluster.Shared.
func (e *Engine) Barrier(ctx context.Context) error {
	ctx, cancel := e.bound(ctx)
	defer cancel()
	e.mu.Lock()
	life, applied := e.life, e.state.Seq
	e.mu.Unlock()
	last, err := e.store.Last(ctx)
	if err == nil && last < applied { // the last is written with each entry
		err = fmt.Errorf("%w: it ends at %d, and %d was applied here, as if it was restored from a copy", cluster.ErrOtherLog, last, applied)
		e.fail(life, err)
	}
	if err != nil {
		return err
	}
	e.inLog(life, last)
	return e.wait(ctx, nil, func() (bool, error) {
		if e.life != life {
			return false, fmt.Errorf("%w: another one has taken its place", cluster.ErrUnavailable)
		}
		return e.state.Seq >= last, nil
	})
}

// wait waits for a condition, which is asked with mu held: again when something is
// applied, and when the membership is lost, since nothing more may come then.
func (e *Engine) wait(ctx context.Context, lost <-chan struct{}, condition func() (bool, error)) error {
	for {
		e.mu.Lock()
		ok, err := condition()
		if !ok && err == nil {
			err = e.failed
		}
		changed := e.changed
		e.mu.Unlock()
		if ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-lost:
			lost = nil
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", cluster.ErrUnavailable, context.Cause(ctx))
		}
	}
}
