// Package gatewaytest is an engine for tests, whose gateways share a log in the
// memory of one process.
package gatewaytest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/internal/cluster"
)

// A Log is shared by gateways. Each entry is applied by all of them before the
// proposal of it returns, unless the log is lazy. At the end of the test all must
// have equal states.
type Log struct {
	tb testing.TB

	mu       sync.Mutex
	lazy     bool
	entries  []entry
	gateways []*Gateway
	epochs   uint64
	failure  error // of all proposals
}

// entry is an entry of the log, or the expulsion of a gateway.
type entry struct {
	by      string
	data    []cluster.Data
	expels  bool
	epoch   uint64
	outcome *string // of Apply, once a gateway has applied it
}

// A Gateway is the engine of one of them.
type Gateway struct {
	log     *Log
	name    string
	epoch   uint64 // 0: expelled
	lost    chan struct{}
	states  map[string]cluster.State
	applied int
}

// New returns a log and its gateways.
func New(tb testing.TB, gateways int) (*Log, []*Gateway) {
	l := &Log{tb: tb}
	for range gateways {
		l.add()
	}
	tb.Cleanup(l.check)
	return l, l.gateways
}

func (l *Log) add() *Gateway {
	l.epochs++
	g := &Gateway{log: l, name: fmt.Sprintf("gateway-%d", len(l.gateways)+1), epoch: l.epochs, lost: make(chan struct{}), states: map[string]cluster.State{}}
	l.gateways = append(l.gateways, g)
	return g
}

// Gateways returns the engines.
func (l *Log) Gateways() []*Gateway { return l.gateways }

// Entries returns how many entries there are.
func (l *Log) Entries() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// Awaited returns of how many entries it was not said that nobody waits until all have
// applied them.
func (l *Log) Awaited() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if slices.ContainsFunc(e.data, func(d cluster.Data) bool { return !d.Unawaited }) {
			n++
		}
	}
	return n
}

// Text returns all entries as they are in the log.
func (l *Log) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var text bytes.Buffer
	for _, e := range l.entries {
		text.WriteString(e.text())
	}
	return text.String()
}

// text returns the entry as it is in the log, a line for each part.
func (e entry) text() string {
	var text bytes.Buffer
	for _, d := range e.data {
		fmt.Fprintf(&text, "%s %s\n", d.Name, d.Data)
	}
	return text.String()
}

// Lag makes the log lazy: a gateway applies what others have proposed only when
// it proposes something itself, or somebody waits for it.
func (l *Log) Lag() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lazy = true
}

// Fail makes all proposals fail, until it is called with nil.
func (l *Log) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failure = err
}

// Expel ends the membership of a gateway. With rejoin it has another one.
func (l *Log) Expel(g *Gateway, rejoin bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry{by: g.name, epoch: g.epoch, expels: true})
	if g.epoch != 0 {
		close(g.lost)
	}
	g.epoch = 0
	if rejoin {
		l.epochs++
		g.epoch, g.lost = l.epochs, make(chan struct{})
	}
	l.all()
}

// Restore gives the states of a gateway to another one, as a snapshot.
func (l *Log) Restore(from, to *Gateway) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, state := range to.states {
		state.Reset()
		for data, err := range from.states[name].Snapshot() {
			if err == nil {
				err = state.Apply(data)
			}
			if err != nil {
				l.tb.Errorf("%s of a snapshot: %v", data, err)
			}
		}
	}
	to.applied = from.applied
}

// all lets every gateway apply everything.
func (l *Log) all() {
	for _, g := range l.gateways {
		g.apply()
	}
}

// check compares the states of all gateways.
func (l *Log) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all()
	for name := range l.gateways[0].states {
		first := l.gateways[0].snapshot(name)
		for _, g := range l.gateways[1:] {
			if other := g.snapshot(name); !bytes.Equal(other, first) {
				l.tb.Errorf("the %s are\n%s\nand at %s\n%s", name, first, g.name, other)
			}
		}
	}
}

func (g *Gateway) snapshot(name string) []byte {
	var all [][]byte
	for data, err := range g.states[name].Snapshot() {
		if err != nil {
			g.log.tb.Error(err)
		}
		all = append(all, data)
	}
	return bytes.Join(all, []byte("\n"))
}

// apply applies what the gateway has not applied, and returns the outcome of the
// last entry.
func (g *Gateway) apply() (err error) {
	for ; g.applied < len(g.log.entries); g.applied++ {
		e := &g.log.entries[g.applied]
		if e.expels {
			for _, s := range g.states {
				s.Expelled(e.by, e.epoch)
			}
			continue
		}
		err = nil
		for _, d := range e.data {
			if err = g.states[d.Name].Apply(d.Data); err != nil {
				break
			}
		}
		switch outcome := fmt.Sprint(err); {
		case e.outcome == nil:
			e.outcome = &outcome
		case *e.outcome != outcome:
			g.log.tb.Errorf("%sended with %q, and at %s with %q", e.text(), *e.outcome, g.name, outcome)
		}
	}
	return err
}

// Attach implements cluster.Engine.
func (g *Gateway) Attach(name, _ string, s cluster.State) (cluster.Shared, error) {
	g.states[name] = s
	return g, nil
}

// Propose implements cluster.Shared.
func (g *Gateway) Propose(ctx context.Context, data []cluster.Data) (uint64, error) {
	l := g.log
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case l.failure != nil:
		return 0, l.failure
	case g.epoch == 0:
		return 0, cluster.ErrExpelled
	}
	size := 0
	for _, d := range data {
		size += len(d.Data)
	}
	if size > cluster.MaxEntry {
		return 0, cluster.ErrTooLarge
	}
	l.entries = append(l.entries, entry{by: g.name, data: slices.Clone(data)})
	seq := uint64(len(l.entries))
	err := g.apply()
	if !l.lazy {
		l.all()
	}
	return seq, err
}

// AppliedByAll implements cluster.Shared.
func (g *Gateway) AppliedByAll(ctx context.Context, _ uint64) error {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	g.log.all()
	return ctx.Err()
}

// Barrier implements cluster.Shared.
func (g *Gateway) Barrier(ctx context.Context) error { return g.AppliedByAll(ctx, 0) }

// Join implements cluster.Engine.
func (g *Gateway) Join(context.Context) (cluster.Member, error) { return nil, cluster.ErrUnavailable }

// Applied implements cluster.Engine.
func (g *Gateway) Applied() uint64 {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	return uint64(g.applied)
}

// Status implements cluster.Engine.
func (g *Gateway) Status(context.Context) (cluster.Status, error) { return cluster.Status{}, nil }

// Close implements cluster.Engine.
func (g *Gateway) Close() error { return nil }

// Gateway is a method of a member.
func (g *Gateway) Gateway() string { return g.name }

// Epoch is a method of a member.
func (g *Gateway) Epoch() uint64 {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	return g.epoch
}

// Lost is closed when the present membership has ended.
func (g *Gateway) Lost() <-chan struct{} {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	return g.lost
}
