package lock

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/pathtree"
)

// change is one change of the table, as the journal keeps it.
type change struct {
	Op          string       `json:"op"`
	Lock        *Lock        `json:"lock,omitempty"`
	Placeholder *Placeholder `json:"placeholder,omitempty"`
	Token       string       `json:"token,omitempty"`
	Path        string       `json:"path,omitempty"`
	To          string       `json:"to,omitempty"`
	Alone       bool         `json:"alone,omitempty"`
	Until       time.Time    `json:"until,omitzero"`
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
)

// commit writes a change to disk, then makes it.
func (t *Table) commit(c change) error {
	if t.journal != nil {
		if err := t.journal.Append(c); err != nil {
			return fmt.Errorf("keep the lock: %w", err)
		}
	}
	return t.apply(c)
}

func (t *Table) replay(record []byte) error {
	var c change
	if err := json.Unmarshal(record, &c); err != nil {
		return err
	}
	return t.apply(c)
}

func (t *Table) apply(c change) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case c.Op == opCreate && c.Lock != nil:
		t.add(*c.Lock, c.Placeholder)
	case c.Op == opRefresh && c.Lock != nil:
		t.refresh(*c.Lock)
	case c.Op == opUnlock:
		t.remove(c.Token)
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
		t.set(c.Path, e.locks, c.Placeholder)
	default:
		return fmt.Errorf("unknown change %q", c.Op)
	}
	return nil
}

// snapshot yields changes that make the present table out of an empty one.
func (t *Table) snapshot(yield func(any) bool) {
	for at, e := range t.tree.Below("/") {
		for _, l := range e.locks {
			if !yield(change{Op: opCreate, Lock: &l, Placeholder: e.placeholder}) {
				return
			}
		}
		if len(e.locks) == 0 && !yield(change{Op: opLoose, Path: at, Placeholder: e.placeholder}) {
			return
		}
	}
}

// expire drops the locks that have ended. Nothing is written: the journal
// holds the time of their end.
func (t *Table) expire(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		return
	}
	var ended []string
	loose := map[string]*entry{}
	t.next = now.Add(t.opts.MaxTimeout)
	for at, e := range t.tree.Below("/") {
		if p := e.placeholder; p != nil && !p.Until.IsZero() {
			if now.Before(p.Until) {
				t.next = earlier(t.next, p.Until)
			} else {
				loose[at] = e
			}
		}
		for _, l := range e.locks {
			if now.Before(l.Expires) {
				t.next = earlier(t.next, l.Expires)
			} else {
				ended = append(ended, l.Token)
			}
		}
	}
	for at, e := range loose {
		kept := *e.placeholder
		kept.Until = time.Time{}
		t.set(at, e.locks, &kept)
	}
	for _, token := range ended {
		t.remove(token)
	}
}

func (t *Table) add(l Lock, p *Placeholder) {
	e, _ := t.tree.Get(l.Root)
	if e == nil {
		e = &entry{}
	}
	t.roots[l.Token] = l.Root
	t.bytes += len(l.Root) + len(l.Owner)
	t.next = earlier(t.next, l.Expires)
	t.set(l.Root, append(slices.Clone(e.locks), l), p)
}

// set makes the entry of a path, or drops it if nothing is left of it. A
// placeholder without Until goes with the last lock.
func (t *Table) set(name string, locks []Lock, p *Placeholder) {
	if e, ok := t.tree.Get(name); ok {
		t.uncount(name, e.placeholder)
	}
	if len(locks) == 0 && (p == nil || p.Until.IsZero()) {
		t.tree.Delete(name)
		return
	}
	if p != nil && !p.Until.IsZero() {
		t.loose++
		t.bytes += len(name)
		t.next = earlier(t.next, p.Until)
	}
	t.tree.Set(name, &entry{locks: locks, placeholder: p})
}

func (t *Table) uncount(name string, p *Placeholder) {
	if p != nil && !p.Until.IsZero() {
		t.loose--
		t.bytes -= len(name)
	}
}

// cut drops a path with all below it.
func (t *Table) cut(name string) {
	for at, e := range t.tree.Below(name) {
		t.uncount(at, e.placeholder)
		for _, l := range e.locks {
			t.forget(l)
		}
	}
	t.tree.Cut(name)
}

// carried is Move and Copy.
func (t *Table) carried(c change) {
	placeholders := map[string]*Placeholder{}
	for at, e := range t.tree.Below(c.Path) {
		if e.placeholder != nil && !c.Alone {
			p := *e.placeholder
			p.Until = c.Until
			placeholders[pathtree.Clean(c.To+at[len(c.Path):])] = &p
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

func (t *Table) refresh(l Lock) {
	e, ok := t.tree.Get(t.roots[l.Token])
	if !ok {
		return
	}
	locks := slices.Clone(e.locks)
	for i := range locks {
		if locks[i].Token == l.Token {
			locks[i] = l
		}
	}
	t.next = earlier(t.next, l.Expires)
	t.set(l.Root, locks, e.placeholder)
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
	t.bytes -= len(l.Root) + len(l.Owner)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
