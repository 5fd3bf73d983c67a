package clustertest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// Memory is a log in memory that several gateways of this process share, each by
// a connection of its own. It is safe for concurrent use.
type Memory struct {
	mu       sync.Mutex
	identity replica.Identity
	seq      uint64
	log      []replica.Entry
	reports  map[uint64]uint64
	snapshot *replica.Snapshot
	changed  chan struct{} // closed with the next change
	late     []replica.Entry
}

// NewMemory returns an empty log.
func NewMemory(identity string) *Memory {
	return &Memory{identity: replica.Identity{ID: identity}, reports: map[uint64]uint64{}, changed: make(chan struct{})}
}

// Connect returns a connection that is cut, and loses and repeats messages, as its
// seed says.
func (m *Memory) Connect(seed uint64, faults bool) *Connection {
	return &Connection{memory: m, faults: faults, random: rand.New(rand.NewPCG(seed, 1)), uncut: make(chan struct{})}
}

// Len returns how many entries the log has.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.log)
}

// Replace makes it a log of another life.
func (m *Memory) Replace(identity replica.Identity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.identity, m.log, m.seq, m.snapshot, m.late = identity, nil, 0, nil, nil
	clear(m.reports)
	m.notify()
}

// Copy returns what restores the log from a copy of it as it is now.
func (m *Memory) Copy() (restore func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	identity, seq, log, snapshot, reports := m.identity, m.seq, slices.Clone(m.log), m.snapshot, maps.Clone(m.reports)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.identity, m.seq, m.log, m.snapshot, m.reports, m.late = identity, seq, slices.Clone(log), snapshot, maps.Clone(reports), nil
		m.notify()
	}
}

func (m *Memory) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// append adds an entry unless its key is there.
func (m *Memory) append(key string, data []byte) (uint64, error) {
	if i := slices.IndexFunc(m.log, func(e replica.Entry) bool { return e.Key == key }); i >= 0 {
		if !bytes.Equal(m.log[i].Data, data) {
			return 0, replica.ErrTaken
		}
		return m.log[i].Seq, nil
	}
	m.seq += 1 + uint64(len(m.log)%3) // with gaps
	m.log = append(m.log, replica.Entry{Seq: m.seq, Key: key, Data: data})
	m.notify()
	return m.seq, nil
}

// Connection is one gateway's connection; it implements replica.Store.
type Connection struct {
	memory *Memory
	faults bool

	mu     sync.Mutex
	random *rand.Rand
	known  string
	cut    bool
	uncut  chan struct{} // closed when cut changes
}

// Cut cuts the connection, or heals it.
func (c *Connection) Cut(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	close(c.uncut)
	c.uncut = make(chan struct{})
}

// state returns whether the connection is cut, what happens next by chance, and
// when that is over.
func (c *Connection) state() (cut bool, chance float64, changed chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	chance = 1
	if c.faults {
		chance = c.random.Float64()
	}
	return c.cut, chance, c.uncut
}

// reach waits until the connection is not cut.
func (c *Connection) reach(ctx context.Context) error {
	for {
		cut, _, changed := c.state()
		if !cut {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", cluster.ErrUnavailable, ctx.Err())
		}
	}
}

// Identity implements replica.Store.
func (c *Connection) Identity(ctx context.Context, accept func(replica.Identity) error) error {
	if err := c.reach(ctx); err != nil {
		return err
	}
	c.memory.mu.Lock()
	identity := c.memory.identity
	c.memory.mu.Unlock()
	if identity.ID == "" {
		return cluster.ErrOtherLog
	}
	if err := accept(identity); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = identity.ID
	return nil
}

// lock locks the memory if it is the known one.
func (c *Connection) lock() error {
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	c.memory.mu.Lock()
	if known != c.memory.identity.ID {
		c.memory.mu.Unlock()
		return cluster.ErrOtherLog
	}
	return nil
}

// Append implements replica.Store. By chance the request is lost and sent again, or
// its answer is lost and it is sent again, or a copy of it is carried out much
// later.
func (c *Connection) Append(ctx context.Context, key string, data []byte) (uint64, error) {
	for sent := false; ; {
		if err := c.reach(ctx); err != nil {
			if sent {
				err = fmt.Errorf("%w: %w", cluster.ErrUnknownOutcome, ctx.Err())
			}
			return 0, err
		}
		_, chance, _ := c.state()
		if err := c.lock(); err != nil {
			return 0, err
		}
		m := c.memory
		switch {
		case chance < 0.05: // the request is lost
		case chance < 0.10: // the answer is lost
			_, _ = m.append(key, data)
		case chance < 0.15: // a copy is on its way for long
			m.late = append(m.late, replica.Entry{Key: key, Data: data})
		default:
			defer m.mu.Unlock()
			return m.append(key, data)
		}
		sent = true
		m.mu.Unlock()
	}
}

// DeliverLate carries out the copies that were on their way, as far as the keys
// were trimmed meanwhile.
func (m *Memory) DeliverLate() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, e := range m.late {
		before := m.seq
		if seq, err := m.append(e.Key, e.Data); err == nil && seq > before {
			n++
		}
	}
	m.late = nil
	return n
}

// Last implements replica.Store.
func (c *Connection) Last(ctx context.Context) (uint64, error) {
	if err := c.reach(ctx); err != nil {
		return 0, err
	}
	if err := c.lock(); err != nil {
		return 0, err
	}
	defer c.memory.mu.Unlock()
	return c.memory.seq, nil
}

// Follow implements replica.Store.
func (c *Connection) Follow(ctx context.Context, after uint64, f func(replica.Event) error) error {
	first, told, had := true, map[uint64]uint64{}, map[string]bool{}
	from := after // of the first events
	for {
		if err := c.reach(ctx); err != nil {
			return err
		}
		if err := c.lock(); err != nil {
			return err
		}
		m := c.memory
		var events []replica.Event
		if s := m.snapshot; s != nil && s.Trimmed > after {
			events = append(events, replica.Event{Snapshot: s})
			after, from, first = s.Seq, 0, true
		}
		has := map[string]bool{}
		for _, e := range m.log {
			has[e.Key] = true
			if e.Seq > after || first && e.Seq >= from {
				events = append(events, replica.Event{Entry: &e})
				after = max(after, e.Seq)
				had[e.Key] = true
			}
		}
		for key := range had {
			if !has[key] {
				events = append(events, replica.Event{Trimmed: key})
				delete(had, key)
			}
		}
		for epoch, seq := range m.reports {
			if told[epoch] != seq {
				events = append(events, replica.Event{Report: &replica.Report{Epoch: epoch, Seq: seq}})
			}
		}
		told, first = maps.Clone(m.reports), false
		changed := m.changed
		m.mu.Unlock()
		for _, event := range events {
			if err := f(event); err != nil {
				return err
			}
		}
		isCut, chance, cut := c.state()
		if isCut || chance < 0.02 {
			return fmt.Errorf("%w: the connection is broken", cluster.ErrUnavailable)
		}
		select {
		case <-changed:
		case <-cut:
			return fmt.Errorf("%w: the connection was broken", cluster.ErrUnavailable)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Report implements replica.Store.
func (c *Connection) Report(ctx context.Context, epoch, seq uint64) error {
	if err := c.reach(ctx); err != nil {
		return err
	}
	if err := c.lock(); err != nil {
		return err
	}
	defer c.memory.mu.Unlock()
	c.memory.reports[epoch] = seq
	c.memory.notify()
	return nil
}

// Save implements replica.Store.
func (c *Connection) Save(ctx context.Context, s replica.Snapshot, trim []string, live []uint64) error {
	if err := c.reach(ctx); err != nil {
		return err
	}
	if err := c.lock(); err != nil {
		return err
	}
	m := c.memory
	defer m.mu.Unlock()
	if m.snapshot != nil {
		if m.snapshot.Seq >= s.Seq {
			return replica.ErrSuperseded
		}
		s.Trimmed = max(s.Trimmed, m.snapshot.Trimmed)
	}
	m.snapshot = &s
	m.log = slices.DeleteFunc(m.log, func(e replica.Entry) bool { return slices.Contains(trim, e.Key) })
	maps.DeleteFunc(m.reports, func(epoch, _ uint64) bool { return epoch <= s.Seq && !slices.Contains(live, epoch) })
	m.notify()
	return nil
}

// Info implements replica.Store.
func (c *Connection) Info(context.Context) (replica.Info, error) {
	return replica.Info{Engine: "memory", Unsafe: []string{"nothing is on disk"}}, nil
}

// Close implements replica.Store.
func (c *Connection) Close() error { return nil }
