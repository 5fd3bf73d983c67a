package lock

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// change is one change of the table, as the journal keeps it.
type change struct {
	Op          string       `json:"op"`
	Lock        *Lock        `json:"lock,omitempty"`
	Placeholder *Placeholder `json:"placeholder,omitempty"`
	Token       string       `json:"token,omitempty"`
	Path        string       `json:"path,omitempty"`
}

const (
	opCreate     = "create"
	opRefresh    = "refresh"
	opUnlock     = "unlock"
	opRemoveTree = "remove-tree"
	opRealize    = "realize"
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
		for _, e := range t.tree.Cut(c.Path).Below("/") {
			for _, l := range e.locks {
				t.forget(l)
			}
		}
	case c.Op == opRealize:
		if e, ok := t.tree.Get(c.Path); ok {
			t.tree.Set(c.Path, &entry{locks: e.locks})
		}
	default:
		return fmt.Errorf("unknown change %q", c.Op)
	}
	return nil
}

// snapshot yields changes that make the present table out of an empty one.
func (t *Table) snapshot(yield func(any) bool) {
	for _, e := range t.tree.Below("/") {
		for _, l := range e.locks {
			if !yield(change{Op: opCreate, Lock: &l, Placeholder: e.placeholder}) {
				return
			}
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
	t.next = now.Add(t.opts.MaxTimeout)
	for _, e := range t.tree.Below("/") {
		for _, l := range e.locks {
			if now.Before(l.Expires) {
				t.next = earlier(t.next, l.Expires)
			} else {
				ended = append(ended, l.Token)
			}
		}
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
	t.tree.Set(l.Root, &entry{locks: append(slices.Clone(e.locks), l), placeholder: p})
	t.roots[l.Token] = l.Root
	t.bytes += len(l.Root) + len(l.Owner)
	t.next = earlier(t.next, l.Expires)
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
	t.tree.Set(l.Root, &entry{locks: locks, placeholder: e.placeholder})
	t.next = earlier(t.next, l.Expires)
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
	if len(rest) == 0 {
		t.tree.Delete(root)
	} else {
		t.tree.Set(root, &entry{locks: rest, placeholder: e.placeholder})
	}
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
