package upstream

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
)

// renewPatience is how long a gateway may take to renew a login before another does it in
// its place, also if it is no member any more: what it has asked the service for may be
// under way. It is longer than a driver takes to ask.
const renewPatience = time.Minute

// attendPause is the time between two calls of what is attended to. It is much less than
// renewPatience: what was renewed is to be told before another tries.
const attendPause = 15 * time.Second

// Errors of Logins.
var (
	errTooLong       = fmt.Errorf("what the login was renewed to is longer than %d bytes, and cannot be told to other gateways: %w", maxNext, fs.ErrInvalid)
	errAway    error = &backend.Error{Kind: backend.ErrUnavailable, Message: "the login has to be renewed, and the log that the gateways share does not answer"}
	errBusy    error = &backend.Error{Kind: backend.ErrUnavailable, Message: "another gateway renews the login, and has not come to an end yet"}
	// errUnreadable means that a login was renewed, and what was told of it cannot be opened.
	errUnreadable error = &backend.Error{Kind: backend.ErrUnauthorized, Message: "what another gateway has told of the login cannot be read; run davdisk login"}
)

// Logins are backend.Logins by a log that gateways share.
type Logins struct {
	log     cluster.Log[renewal]
	machine *renewals
	member  atomic.Pointer[membership] // the last one; nil before the first
	logger  *slog.Logger

	mu       sync.Mutex // guards attended
	attended []func(context.Context) error
}

var _ backend.Logins = (*Logins)(nil)

// OpenLogins opens them, before the gateway joins.
func OpenLogins(e cluster.Engine, log *slog.Logger) (*Logins, error) {
	return openLogins(e, log, time.Now)
}

func openLogins(e cluster.Engine, log *slog.Logger, now func() time.Time) (*Logins, error) {
	l := &Logins{machine: newRenewals(now), logger: log}
	var err error
	l.log, err = cluster.Open(e, "logins", journal.Config[renewal]{Format: "logins 1", Machine: l.machine})
	return l, err
}

// Joined tells of a new membership. Before the first, and after each has ended, no login
// is renewed.
func (l *Logins) Joined(m cluster.Member) { l.member.Store(&membership{m}) }

// Ready implements backend.Logins.
func (l *Logins) Ready() error {
	_, err := l.joined()
	return err
}

// Attend implements backend.Logins.
func (l *Logins) Attend(f func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attended = append(l.attended, f)
}

// Run calls what is to be called during a membership, until that or ctx ends.
func (l *Logins) Run(ctx context.Context, m cluster.Member) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var calling sync.WaitGroup
	defer calling.Wait()
	calling.Go(func() {
		for failed := map[int]bool{}; ; {
			l.mu.Lock()
			all := slices.Clone(l.attended)
			l.mu.Unlock()
			for i, f := range all {
				err := f(ctx)
				if err != nil && !failed[i] && ctx.Err() == nil {
					l.logger.Warn("a login that gateways share is not the same everywhere yet", "error", err)
				}
				failed[i] = err != nil
			}
			select {
			case <-time.After(attendPause):
			case <-ctx.Done():
				return
			}
		}
	})
	select {
	case <-m.Lost():
	case <-ctx.Done():
	}
	cancel()
}

// Next implements backend.Logins.
func (l *Logins) Next(login []byte) (next []byte) {
	for range maxRenewals + 1 {
		key, err := keyOf(login)
		if err != nil {
			return next
		}
		sealed := l.machine.next(key)
		if sealed == nil {
			return next
		}
		opened, err := unseal(login, sealed)
		if err != nil || len(opened) == 0 {
			return next
		}
		next, login = opened, opened
	}
	return nil // they go round, which no gateway has told
}

// Reserve implements backend.Logins.
func (l *Logins) Reserve(ctx context.Context, login []byte, wait bool) ([]byte, error) {
	key, err := keyOf(login)
	if err != nil {
		return nil, err
	}
	for {
		m, err := l.joined()
		if err != nil {
			return nil, err
		}
		over, busy, changed := l.machine.holder(key)
		if next := l.Next(login); next != nil {
			return next, nil
		}
		if !busy {
			_, err := l.log.Propose(ctx, renewal{Op: opReserve, Key: key, Over: over, Gateway: m.Gateway(), Epoch: m.Epoch()}, journal.Options{})
			switch {
			case err == nil:
				return nil, nil
			case errors.Is(err, errRenewed):
				if next := l.Next(login); next != nil {
					return next, nil
				}
				return nil, errUnreadable
			case !errors.Is(err, errReserved):
				return nil, unanswered(err)
			}
		}
		if !wait {
			return nil, errBusy
		}
		select {
		case <-changed:
		case <-m.Lost():
		case <-ctx.Done():
			return nil, errBusy
		}
	}
}

// Tell implements backend.Logins.
func (l *Logins) Tell(ctx context.Context, login, next []byte) error {
	sealed, err := seal(login, next)
	if err != nil {
		return err
	}
	if len(sealed) > maxNext {
		l.logger.Error("a login that gateways share was renewed here only", "error", errTooLong)
		return errTooLong
	}
	return l.propose(ctx, login, renewal{Op: opTell, Next: sealed})
}

// Release implements backend.Logins.
func (l *Logins) Release(ctx context.Context, login []byte) error {
	return l.propose(ctx, login, renewal{Op: opRelease})
}

// propose proposes what may have been done already.
func (l *Logins) propose(ctx context.Context, login []byte, c renewal) error {
	m, err := l.joined()
	if err != nil {
		return err
	}
	if c.Key, err = keyOf(login); err != nil {
		return err
	}
	c.Gateway, c.Epoch = m.Gateway(), m.Epoch()
	if _, err := l.log.Propose(ctx, c, journal.Options{}); err != nil && !errors.Is(err, errRenewed) {
		return unanswered(err)
	}
	return nil
}

// joined returns the membership, or backend.ErrUnavailable.
func (l *Logins) joined() (cluster.Member, error) {
	m := l.member.Load()
	if m == nil || m.Remaining() <= 0 {
		return nil, errAway
	}
	return m, nil
}

// unanswered is errAway, with its reason.
func unanswered(err error) error { return fmt.Errorf("%w: %w", errAway, err) }
