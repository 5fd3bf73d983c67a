// Package clustertest tries engines: a seeded mix of changes by several gateways
// under faults, with a record of what each was told, which is then compared with
// what the log has made of it.
package clustertest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/internal/testwait"
)

// Setup is an engine to be tried.
type Setup struct {
	// Gateways is how many there are, each with an engine of its own.
	Gateways int
	// Open opens the engine of a gateway, 0 to Gateways-1.
	Open func(gateway int) cluster.Engine
	// Disturb, if not nil, does harm while changes are made, until the context
	// ends, and then undoes it.
	Disturb func(ctx context.Context, random *rand.Rand)
	// Changes is how many each of the three clients of a gateway tries to make.
	Changes int
	Seed    uint64
}

// gateway is one of the gateways of a trial.
type gateway struct {
	engine  cluster.Engine
	locks   cluster.Log[change]
	adds    cluster.Log[change]
	table   *table
	counts  *counters
	mu      sync.Mutex
	member  cluster.Member
	joining sync.Mutex
}

// trial is one run of the suite.
type trial struct {
	t        *testing.T
	gateways []*gateway
	mu       sync.Mutex
	holders  map[string]holder
	acked    map[string]outcome // by ID of an addition
	givenUp  map[string]int     // by ID of one that was given up: how often it can be there
	grants   atomic.Int64
	doubles  atomic.Int64
	reads    atomic.Int64
	unknown  atomic.Int64
}

type holder struct {
	owner  string
	member cluster.Member
}

type outcome int

const (
	refused outcome = iota // certainly not applied
	applied
	undecided
)

// Run tries an engine.
func Run(t *testing.T, s Setup) {
	t.Helper()
	tr := &trial{t: t, holders: map[string]holder{}, acked: map[string]outcome{}, givenUp: map[string]int{}}
	for i := range s.Gateways {
		tr.gateways = append(tr.gateways, newGateway(t, s.Open(i)))
	}
	ctx, stop := context.WithTimeout(t.Context(), testwait.Limit(t))
	defer stop()
	for _, g := range tr.gateways {
		if _, err := g.join(ctx); err != nil {
			t.Fatal(err)
		}
	}
	var clients, disturber sync.WaitGroup
	harm, over := context.WithCancel(ctx)
	defer over()
	if s.Disturb != nil {
		disturber.Go(func() { s.Disturb(harm, rand.New(rand.NewPCG(s.Seed, 99))) })
	}
	for i := range tr.gateways {
		for j := range 3 {
			clients.Go(func() { tr.client(ctx, i, j, s) })
		}
	}
	clients.Wait()
	over()
	disturber.Wait()
	tr.compare(ctx)
	t.Logf("seed %d: %d grants, %d additions, %d of them of unknown outcome and %d given up, %d reads; double holders %d",
		s.Seed, tr.grants.Load(), len(tr.acked), tr.unknown.Load(), len(tr.givenUp), tr.reads.Load(), tr.doubles.Load())
	if tr.grants.Load() == 0 || tr.reads.Load() == 0 {
		t.Error("nothing was tried")
	}
	for _, g := range tr.gateways {
		if err := errors.Join(g.locks.Close(), g.adds.Close(), g.engine.Close()); err != nil {
			t.Error(err)
		}
	}
}

func newGateway(t *testing.T, e cluster.Engine) *gateway {
	t.Helper()
	g := &gateway{engine: e, table: newTable(), counts: newCounters()}
	var err, err2 error
	g.locks, err = cluster.Open(e, "locks", journal.Config[change]{Format: "test locks 1", Machine: g.table})
	g.adds, err2 = cluster.Open(e, "counters", journal.Config[change]{Format: "test counters 1", Machine: g.counts})
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return g
}

// join returns a membership that is not over.
func (g *gateway) join(ctx context.Context) (cluster.Member, error) {
	g.joining.Lock()
	defer g.joining.Unlock()
	g.mu.Lock()
	m := g.member
	g.mu.Unlock()
	if m != nil && m.Remaining() > 0 {
		return m, nil
	}
	for {
		m, err := g.engine.Join(ctx)
		if err == nil {
			g.mu.Lock()
			g.member = m
			g.mu.Unlock()
			return m, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("join: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// current is the latest membership.
func (g *gateway) current() cluster.Member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.member
}

// client makes changes at a gateway.
func (tr *trial) client(ctx context.Context, i, j int, s Setup) {
	random := rand.New(rand.NewPCG(s.Seed, uint64(i*10+j)))
	g := tr.gateways[i]
	for n := range s.Changes {
		m, err := g.join(ctx)
		if err != nil {
			tr.t.Error(err)
			return
		}
		id := fmt.Sprintf("%d-%d-%d", i, j, n)
		switch random.IntN(6) {
		case 0:
			tr.giveUp(ctx, g, id, time.Duration(random.IntN(2000))*time.Microsecond)
		case 1, 2, 3:
			tr.add(ctx, g, id, journal.Options{Unawaited: random.IntN(8) == 0})
		default:
			tr.lock(ctx, g, m, fmt.Sprint("lock ", random.IntN(3)), id)
		}
	}
}

// add makes an addition and looks for it at all gateways, also if it has said that
// nobody would wait for them.
func (tr *trial) add(ctx context.Context, g *gateway, id string, o journal.Options) {
	seq, err := g.adds.Propose(ctx, change{Op: "add", ID: id}, o)
	tr.note(id, err)
	if err != nil {
		return
	}
	if g.adds.AppliedByAll(ctx, seq) == nil {
		for n, other := range tr.gateways {
			m := other.current()
			if got := other.counts.count(id); got != 1 && m.Remaining() > 0 {
				tr.t.Errorf("gateway %d answers from a state in which %s was applied %d times, after all had applied it", n, id, got)
			}
		}
	}
	other := tr.gateways[rand.IntN(len(tr.gateways))]
	if other.adds.Barrier(ctx) == nil {
		tr.reads.Add(1)
		if got := other.counts.count(id); got != 1 {
			tr.t.Errorf("%s was acknowledged, and then read as applied %d times", id, got)
		}
	}
}

// giveUp makes an addition and does not wait for long. Once another one is there
// that began later, it has come or never will.
func (tr *trial) giveUp(ctx context.Context, g *gateway, id string, wait time.Duration) {
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	_, err := g.adds.Propose(short, change{Op: "add", ID: id}, journal.Options{})
	tr.note(id, err)
	if !errors.Is(err, cluster.ErrUnknownOutcome) {
		return
	}
	after := id + " after"
	_, err = g.adds.Propose(ctx, change{Op: "add", ID: after}, journal.Options{})
	tr.note(after, err)
	if err == nil {
		now := g.counts.count(id)
		tr.mu.Lock()
		tr.givenUp[id] = now
		tr.mu.Unlock()
	}
}

// note keeps what was told of an addition.
func (tr *trial) note(id string, err error) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	switch {
	case err == nil:
		tr.acked[id] = applied
	case errors.Is(err, cluster.ErrUnknownOutcome):
		tr.unknown.Add(1)
		tr.acked[id] = undecided
	default:
		tr.acked[id] = refused
	}
}

// lock takes a lock together with an addition, and releases it.
func (tr *trial) lock(ctx context.Context, g *gateway, m cluster.Member, name, owner string) {
	mine := change{Op: "acquire", Name: name, Owner: owner, Gateway: m.Gateway(), Epoch: m.Epoch()}
	var opts journal.Options
	_, err := cluster.ProposeAll(ctx, g.locks.Part(mine, opts), g.adds.Part(change{Op: "add", ID: owner}, opts))
	tr.note(owner, err)
	if err == nil {
		tr.held(name, holder{owner, m})
		tr.mu.Lock()
		if tr.holders[name].owner == owner {
			delete(tr.holders, name)
		}
		tr.mu.Unlock()
	}
	if err == nil || errors.Is(err, cluster.ErrUnknownOutcome) {
		mine.Op = "release"
		for m.Remaining() > 0 {
			if _, err := g.locks.Propose(ctx, mine, opts); err == nil || ctx.Err() != nil {
				break
			}
		}
	}
}

// held notes the holder of a lock, and whether another one still relies on it.
func (tr *trial) held(name string, h holder) {
	tr.grants.Add(1)
	tr.mu.Lock()
	other, ok := tr.holders[name]
	if ok && other.member.Remaining() > 0 && h.member.Remaining() > 0 {
		tr.doubles.Add(1)
		tr.t.Errorf("%s and %s hold %s", other.owner, h.owner, name)
	}
	tr.holders[name] = h
	tr.mu.Unlock()
	time.Sleep(time.Duration(rand.IntN(3)) * 100 * time.Microsecond)
}

// compare compares the states with each other and with what was told.
func (tr *trial) compare(ctx context.Context) {
	for i, g := range tr.gateways {
		if _, err := g.join(ctx); err != nil {
			tr.t.Fatal(i, err)
		}
	}
	var first string
	for i, g := range tr.gateways {
		if err := g.locks.Barrier(ctx); err != nil {
			tr.t.Fatal(i, err)
		}
		state := describe(g.table, g.counts)
		if i == 0 {
			first = state
		}
		if state != first { // nothing is proposed any more, but a silent member may have been expelled meanwhile
			tr.settled(ctx, i)
		}
	}
	for id, told := range tr.acked {
		got := tr.gateways[0].counts.count(id)
		if told == applied && got != 1 || told == refused && got != 0 || told == undecided && got > 1 {
			tr.t.Errorf("the outcome of %s was %v, and it was applied %d times", id, told, got)
		}
		if now, ok := tr.givenUp[id]; ok && got != now {
			tr.t.Errorf("%s was given up and applied %d times when a later addition was there, and then %d times", id, now, got)
		}
	}
}

// settled waits until a gateway has the state of the first.
func (tr *trial) settled(ctx context.Context, i int) {
	g, first := tr.gateways[i], tr.gateways[0]
	for deadline := time.Now().Add(testwait.Limit(tr.t)); time.Now().Before(deadline); {
		if errors.Join(first.locks.Barrier(ctx), g.locks.Barrier(ctx)) == nil && describe(g.table, g.counts) == describe(first.table, first.counts) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	tr.t.Errorf("gateway %d has another state than the first:\n%s\n%s", i, describe(g.table, g.counts), describe(first.table, first.counts))
}
