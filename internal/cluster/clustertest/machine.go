package clustertest

import (
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/davdisk/davdisk/internal/journal"
)

// errHeld refuses a lock that another owner has.
var errHeld = errors.New("the lock is held")

// change is an entry of both machines of the suite.
type change struct {
	Op      string // "acquire", "release" or "state" of locks; "add" or "state" of counters
	Name    string
	Owner   string // of a lock
	Gateway string
	Epoch   uint64
	ID      string // of an addition
	Times   int
	Hash    uint64 // of what was applied, in a snapshot
}

// held is a lock.
type held struct {
	owner, gateway string
	epoch          uint64
}

// table is a machine of exclusive locks, whose state has a hash of all that it has
// applied, in order. It is safe for concurrent use.
type table struct {
	mu    sync.Mutex
	locks map[string]held
	hash  uint64
}

func newTable() *table { return &table{locks: map[string]held{}} }

func (t *table) mix(parts ...any) {
	h := fnv.New64a()
	fmt.Fprintln(h, t.hash, parts)
	t.hash = h.Sum64()
}

// Apply implements journal.Machine.
func (t *table) Apply(c change) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Op == "state" {
		t.hash = c.Hash
		if c.Name != "" {
			t.locks[c.Name] = held{c.Owner, c.Gateway, c.Epoch}
		}
		return nil
	}
	t.mix(c)
	now, ok := t.locks[c.Name]
	switch {
	case c.Op == "acquire" && ok:
		return errHeld
	case c.Op == "acquire":
		t.locks[c.Name] = held{c.Owner, c.Gateway, c.Epoch}
	case c.Op != "release":
		return fmt.Errorf("%w: %q", journal.ErrEntry, c.Op)
	case ok && now.owner == c.Owner:
		delete(t.locks, c.Name)
	}
	return nil
}

// Snapshot implements journal.Machine.
func (t *table) Snapshot() iter.Seq[change] {
	return func(yield func(change) bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !yield(change{Op: "state", Hash: t.hash}) {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(t.locks)) {
			l := t.locks[name]
			if !yield(change{Op: "state", Hash: t.hash, Name: name, Owner: l.owner, Gateway: l.gateway, Epoch: l.epoch}) {
				return
			}
		}
	}
}

// Reset implements cluster.Resetter.
func (t *table) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hash = 0
	clear(t.locks)
}

// Expelled implements cluster.Expeller: the locks of a member end with it.
func (t *table) Expelled(gateway string, epoch uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mix("expelled", gateway, epoch)
	maps.DeleteFunc(t.locks, func(_ string, l held) bool { return l.gateway == gateway && l.epoch == epoch })
}

// counters is a machine that counts how often each addition was applied.
type counters struct {
	mu    sync.Mutex
	times map[string]int
}

func newCounters() *counters { return &counters{times: map[string]int{}} }

// Apply implements journal.Machine.
func (m *counters) Apply(c change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c.Op == "state" {
		m.times[c.ID] = c.Times
	} else {
		m.times[c.ID]++
	}
	return nil
}

// Snapshot implements journal.Machine.
func (m *counters) Snapshot() iter.Seq[change] {
	return func(yield func(change) bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, id := range slices.Sorted(maps.Keys(m.times)) {
			if !yield(change{Op: "state", ID: id, Times: m.times[id]}) {
				return
			}
		}
	}
}

// Reset implements cluster.Resetter.
func (m *counters) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.times)
}

func (m *counters) count(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.times[id]
}

// describe returns the state of both machines, for comparison.
func describe(t *table, c *counters) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	fmt.Fprintln(&b, t.hash, t.locks)
	for _, id := range slices.Sorted(maps.Keys(c.times)) {
		fmt.Fprintln(&b, id, c.times[id])
	}
	return b.String()
}
