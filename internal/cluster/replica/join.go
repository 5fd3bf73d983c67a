package replica

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/google/uuid"

	"github.com/davdisk/davdisk/internal/cluster"
)

// Join implements cluster.Engine.
func (e *Engine) Join(ctx context.Context) (cluster.Member, error) {
	e.joining.Lock()
	defer e.joining.Unlock()
	ctx, cancel := e.bound(ctx)
	defer cancel()
	m, err := e.join(ctx)
	if err != nil {
		return nil, fmt.Errorf("join the other gateways: %w", err)
	}
	e.cfg.Log.Info("this gateway is a member of its cluster", "gateway", m.gateway, "epoch", m.epoch)
	return m, nil
}

func (e *Engine) join(ctx context.Context) (*member, error) {
	if err := e.open(ctx); err != nil {
		return nil, err
	}
	for {
		if err := e.Barrier(ctx); err != nil { // also fails if the log cannot be followed
			return nil, err
		}
		m, err := e.joinOnce(ctx)
		if !errors.Is(err, errVoid) { // else another process has joined as this gateway meanwhile
			return m, err
		}
	}
}

func (e *Engine) joinOnce(ctx context.Context) (*member, error) {
	silent, err := e.silent(ctx)
	if err != nil {
		return nil, err
	}
	m, entry, err := e.beginJoin(silent)
	if m == nil || entry == nil {
		return m, err
	}
	data, err := entry.encode()
	if err == nil {
		_, err = e.decide(ctx, m, m.joined, "join-"+uuid.NewString(), data)
	}
	if err == nil {
		err = e.remember(m.life)
	}
	if err == nil && m.Remaining() == 0 {
		err = fmt.Errorf("%w: it took as long as a lease", cluster.ErrUnavailable)
	}
	if err != nil {
		m.end()
		return nil, err
	}
	return m, nil
}

// beginJoin returns the entry that makes a member and expels others, or none if
// this gateway is one.
func (e *Engine) beginJoin(silent []expel) (*member, *envelope, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed != nil {
		return nil, nil, e.failed
	}
	if e.member != nil && e.member.Remaining() > 0 {
		return e.member, nil, nil
	}
	if err := e.mayJoin(); err != nil {
		return nil, nil, err
	}
	e.attempt++
	m := newMember(e)
	e.member = m
	return m, &envelope{Gateway: e.self.Gateway, Join: &join{
		Process: e.self.Process, Attempt: e.attempt, Seen: e.state.Seq, Replaces: e.self.replaces,
		Lease: e.cfg.Lease, Formats: maps.Clone(e.self.formats), Expel: silent,
	}, Mark: m.joined.mark}, nil
}

// mayJoin refuses a log that has not all that this gateway has done, and a gateway
// in whose name another one has joined; mu is held.
func (e *Engine) mayJoin() error {
	if has, had := e.state.last(e.self.Gateway), e.self.last(); has < had {
		return fmt.Errorf("%w: its last entry of this gateway is %d, and there was one at %d, as if it was restored from a copy; if what is missing is gone for good, davdisk cluster init makes an empty log in an empty etcd", cluster.ErrOtherLog, has, had)
	}
	if e.isCopied {
		return errCopied
	}
	if known := e.state.Gateways[e.self.Gateway]; e.wasMember && known.Process != "" && known.Process != e.self.Process {
		return fmt.Errorf("%w, and begins none as long as it runs: another one has joined with a copy of its state folder; give each gateway a folder of its own, and start this one again", cluster.ErrExpelled)
	}
	return nil
}

// remember keeps in the state folder how far the log has entries of this gateway.
func (e *Engine) remember(life int) error {
	e.mu.Lock()
	if e.life != life || e.failed != nil {
		e.mu.Unlock()
		return nil
	}
	identity, last := e.self.identity(), e.state.Gateways[e.self.Gateway].Last
	e.remembered = e.cfg.Clock.Now()
	e.mu.Unlock()
	return e.self.remember(identity, last)
}

// open begins to follow the log, and refuses one that is not the known one.
func (e *Engine) open(ctx context.Context) error {
	if err := e.store.Identity(ctx, e.accept); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed != nil && !e.closed { // accept has seen that another life may begin
		e.newLife()
	}
	if !e.started && !e.closed {
		e.started = true
		e.wg.Go(e.follow)
		e.wg.Go(e.watch)
		e.wg.Go(e.report)
	}
	return nil
}

// accept accepts the identity of the log, or refuses it. The store works with it
// only when accept has returned, so that until then nothing is followed.
func (e *Engine) accept(identity Identity) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return cluster.ErrExpelled
	case e.failed != nil && !errors.Is(e.failed, cluster.ErrOtherLog):
		return e.failed
	}
	fresh, err := e.self.accept(identity)
	if err == nil && fresh {
		e.wasMember = false
		if e.failed == nil {
			e.failed = fmt.Errorf("%w: it is replaced", cluster.ErrOtherLog)
			e.notify()
		}
	}
	return err
}

// newLife begins another life of the log: what was known is read anew; mu is held.
func (e *Engine) newLife() {
	e.life++
	e.endLife()
	e.living, e.endLife = context.WithCancel(e.ctx)
	e.call++ // of what it still brings nothing counts
	e.state.reset()
	clear(e.heard)
	clear(e.reported)
	clear(e.logged)
	e.lastKey, e.due, e.grown, e.saving, e.acked, e.failed = "", 0, growth{}, backoff{}, acked{}, nil
	if e.member != nil {
		e.member.end()
		e.member.numbers.resolveAll(cluster.ErrUnknownOutcome, func(uint64) bool { return true })
	}
	if e.refollow != nil {
		e.refollow()
	}
	e.notify()
}
