package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// change is one change of the table, as the journal keeps it.
type change struct {
	Op          string       `json:"op"`
	Lock        *Lock        `json:"lock,omitempty"`
	Placeholder *Placeholder `json:"placeholder,omitempty"`
	Token       string       `json:"token,omitempty"`
	Principal   string       `json:"principal,omitempty"`
	Path        string       `json:"path,omitempty"`
	To          string       `json:"to,omitempty"`
	Alone       bool         `json:"alone,omitempty"`
	Until       time.Time    `json:"until,omitzero"`
	Ended       []ending     `json:"ended,omitempty"`
	Reserved    *reserved    `json:"reserved,omitempty"` // on a log that gateways share
}

// ending records that a lock, or a placeholder that was moved or copied, has
// expired unless its expiry was changed.
type ending struct {
	Token string    `json:"token,omitempty"`
	Path  string    `json:"path,omitempty"` // of the placeholder
	At    time.Time `json:"at"`
}

const (
	opCreate     = "create"
	opRefresh    = "refresh"
	opUnlock     = "unlock"
	opRemoveTree = "remove-tree"
	opRealize    = "realize"
	opMove       = "move"
	opCopy       = "copy"
	opLoose      = "placeholder"
	opExpire     = "expire"
	opHeld       = "held" // create, unjudged, in a snapshot
	opReserve    = "reserve"
	opRelease    = "release"
	opBegin      = "begin"    // of a change that waited for it
	opUnsettle   = "unsettle" // a reservation whose change may still take effect
	opSettle     = "settle"   // reservations whose changes cannot any more
	opStill      = "still"    // refused unless a reservation is held
	opEnded      = "ended"    // the epoch of a gateway, in a snapshot
)

// isTransient reports whether a change ends with its process: there is no
// reservation in the file of a lone gateway.
func (c change) isTransient() bool {
	switch c.Op {
	case opReserve, opRelease, opBegin, opUnsettle, opSettle, opStill, opEnded:
		return true
	}
	return false
}

// propose appends a change to the log and applies it.
func (t *Table) propose(c change) error {
	ctx := context.Background()
	seq, err := t.log.Propose(ctx, c, journal.Options{})
	if err == nil {
		err = t.log.AppliedByAll(ctx, seq)
	}
	return t.kept(err)
}

// proposeAll proposes changes as one, and returns when all gateways have applied
// them. A lone gateway makes as many of them as it can.
func (t *Table) proposeAll(ctx context.Context, parts []cluster.Part) (err error) {
	switch {
	case len(parts) == 0:
	case t.shared:
		var seq uint64
		if seq, err = cluster.ProposeAll(ctx, parts...); err == nil {
			err = t.log.AppliedByAll(ctx, seq)
		}
	default:
		for _, part := range parts {
			_, failed := cluster.ProposeAll(ctx, part)
			err = errors.Join(err, failed)
		}
	}
	return t.kept(err)
}

// kept returns the error of a change as it is if the change was refused.
func (t *Table) kept(err error) error {
	var conflict *ConflictError
	if err == nil || errors.Is(err, ErrNoLock) || errors.Is(err, ErrReserved) || errors.Is(err, ErrReplaceable) || errors.As(err, &conflict) {
		return err
	}
	return fmt.Errorf("keep the lock: %w", err)
}

// decodeEarlier decodes changes of the first format, in which apply checked
// nothing and the expiry of a lock was not a change.
func decodeEarlier(record []byte) (c change, err error) {
	err = json.Unmarshal(record, &c)
	if c.Op == opCreate {
		c.Op = opHeld
	}
	return c, err
}

// machine is the table as its log sees it.
type machine struct{ t *Table }

// Apply implements journal.Machine. No clock decides anything: the expiry of a
// lock is a change, too. When this gateway learned of a lock is noted beside
// the state (dated).
func (m machine) Apply(c change) error {
	changed, err := m.locked(c)
	m.t.tell(changed)
	return err
}

func (m machine) locked(c change) (changed []Changed, err error) {
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	return m.t.apply(c)
}

// Expelled implements cluster.Expeller.
func (m machine) Expelled(gateway string, epoch uint64) {
	m.t.tell(m.t.reserved.expelled(gateway, epoch))
}

// Reset implements cluster.Resetter.
func (m machine) Reset() {
	m.t.mu.Lock()
	m.t.tree = pathtree.Tree[*entry]{}
	m.t.roots, m.t.used, m.t.total, m.t.next = map[string]string{}, map[string]usage{}, usage{}, time.Time{}
	m.t.mu.Unlock()
	m.t.reserved.reset()
}

// tell calls Options.OnChange.
func (t *Table) tell(changed []Changed) {
	for _, c := range changed {
		if t.opts.OnChange != nil {
			t.opts.OnChange(c)
		}
	}
}

// apply changes the table, and returns what was changed in the file system.
func (t *Table) apply(c change) (changed []Changed, err error) {
	switch {
	case c.isTransient():
		return t.reserved.apply(c)
	case c.Op == opCreate && c.Lock != nil:
		if err := t.conflicts(*c.Lock); err != nil {
			return nil, err
		}
		if e, ok := t.tree.Get(c.Lock.Root); ok && e.placeholder != nil && c.Placeholder != nil {
			c.Placeholder = e.placeholder
		}
		t.add(t.dated(*c.Lock), c.Placeholder)
	case c.Op == opHeld && c.Lock != nil:
		if _, ok := t.roots[c.Lock.Token]; !ok { // else it was carried over before
			t.add(t.dated(*c.Lock), t.datedMoved(c.Placeholder))
		}
	case c.Op == opRefresh && c.Lock != nil:
		return nil, t.refresh(t.dated(*c.Lock))
	case c.Op == opUnlock:
		if _, ok := t.roots[c.Token]; !ok {
			return nil, ErrNoLock
		}
		if c.Reserved != nil {
			if changed, err = t.reserved.judgeNames(c.Reserved); err != nil {
				return nil, err
			}
		}
		t.remove(c.Token)
	case c.Op == opExpire:
		for _, end := range c.Ended {
			t.end(end)
		}
	case c.Op == opRemoveTree:
		t.cut(c.Path)
	case c.Op == opRealize:
		if e, ok := t.tree.Get(c.Path); ok {
			t.set(c.Path, e.locks, nil)
		}
	case c.Op == opMove, c.Op == opCopy:
		t.carried(c)
	case c.Op == opLoose && c.Placeholder != nil:
		e, _ := t.tree.Get(c.Path)
		if e == nil {
			e = &entry{}
		}
		t.set(c.Path, e.locks, t.datedMoved(c.Placeholder))
	default:
		return nil, fmt.Errorf("%w: change %q", journal.ErrEntry, c.Op)
	}
	return changed, nil
}

// dated returns a lock with an expiry by the clock of this gateway, if there are
// others: a clock that is wrong must not end another's locks. Each counts the
// time from when it learned of the lock, which is not a part of the state.
func (t *Table) dated(l Lock) Lock {
	if t.shared {
		l.stamp = l.Expires
		l.Expires = t.opts.Now().Add(l.Timeout)
	}
	return l
}

// datedMoved is dated for a placeholder that was moved or copied.
func (t *Table) datedMoved(p *Placeholder) *Placeholder {
	if p == nil || p.Until.IsZero() || !t.shared {
		return p
	}
	dated := *p
	dated.Until, dated.stamp = t.opts.Now().Add(movedLifetime), p.Until
	return &dated
}

// Snapshot implements journal.Machine.
func (m machine) Snapshot() iter.Seq[change] {
	return func(yield func(change) bool) {
		for at, e := range m.t.tree.Below("/") {
			for _, l := range e.locks {
				l = l.logged()
				if !yield(change{Op: opHeld, Lock: &l, Placeholder: e.placeholder.logged()}) {
					return
				}
			}
			if len(e.locks) == 0 && !yield(change{Op: opLoose, Path: at, Placeholder: e.placeholder.logged()}) {
				return
			}
		}
		m.t.reserved.snapshot()(yield)
	}
}

func (t *Table) add(l Lock, p *Placeholder) {
	e, _ := t.tree.Get(l.Root)
	if e == nil {
		e = &entry{}
	}
	t.roots[l.Token] = l.Root
	t.count(l.Principal, l.usage())
	t.next = earlier(t.next, l.Expires)
	t.set(l.Root, append(slices.Clone(e.locks), l), p)
}

// set stores the entry of a path, or drops it if it is empty. A placeholder
// without Until is dropped with the last lock.
func (t *Table) set(name string, locks []Lock, p *Placeholder) {
	if e, ok := t.tree.Get(name); ok {
		t.uncount(name, e.placeholder)
	}
	if len(locks) == 0 && (p == nil || p.Until.IsZero()) {
		t.tree.Delete(name)
		return
	}
	if p != nil && !p.Until.IsZero() {
		t.count(p.Principal, usage{1, len(name)})
		t.next = earlier(t.next, p.Until)
	}
	t.tree.Set(name, &entry{locks: locks, placeholder: p})
}

func (t *Table) uncount(name string, p *Placeholder) {
	if p != nil && !p.Until.IsZero() {
		t.count(p.Principal, usage{1, len(name)}.negative())
	}
}

// cut drops a path with everything below it.
func (t *Table) cut(name string) {
	for at, e := range t.tree.Below(name) {
		t.uncount(at, e.placeholder)
		for _, l := range e.locks {
			t.forget(l)
		}
	}
	t.tree.Cut(name)
}

// carried applies Move and Copy.
func (t *Table) carried(c change) {
	placeholders := map[string]*Placeholder{}
	for at, e := range t.tree.Below(c.Path) {
		if e.placeholder != nil && !c.Alone {
			p := *e.placeholder
			p.Until, p.Principal = c.Until, c.Principal
			placeholders[pathtree.Clean(c.To+at[len(c.Path):])] = t.datedMoved(&p)
		}
	}
	if c.Op == opMove {
		t.cut(c.Path)
	}
	var stay []Lock
	if e, ok := t.tree.Get(c.To); ok {
		stay = e.locks
	}
	t.cut(c.To)
	for at, p := range placeholders {
		t.set(at, nil, p)
	}
	for _, l := range stay {
		t.add(l, placeholders[c.To])
	}
}

func (t *Table) refresh(l Lock) error {
	e, ok := t.tree.Get(t.roots[l.Token])
	if !ok || t.roots[l.Token] != l.Root {
		return ErrNoLock
	}
	locks := slices.Clone(e.locks)
	for i := range locks {
		if locks[i].Token == l.Token {
			locks[i] = l
		}
	}
	t.next = earlier(t.next, l.Expires)
	t.set(l.Root, locks, e.placeholder)
	return nil
}

func (t *Table) remove(token string) {
	root, ok := t.roots[token]
	if !ok {
		return
	}
	e, _ := t.tree.Get(root)
	var rest []Lock
	for _, l := range e.locks {
		if l.Token == token {
			t.forget(l)
		} else {
			rest = append(rest, l)
		}
	}
	t.set(root, rest, e.placeholder)
}

func (t *Table) forget(l Lock) {
	delete(t.roots, l.Token)
	t.count(l.Principal, l.usage().negative())
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
