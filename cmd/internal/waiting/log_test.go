package waiting

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/davdisk/davdisk/internal/cluster"
)

// testLog is a log in memory, of which each gateway has applied everything whenever a
// call returns. While one is under way, some have applied an entry and others have not.
type testLog struct {
	mu       sync.Mutex
	entries  []testEntry
	gateways []*testGateway
	epochs   uint64
}

type testEntry struct {
	data    []cluster.Data
	expels  string
	epoch   uint64
	outcome error
}

// testGateway is the engine and the membership of a gateway.
type testGateway struct {
	log   *testLog
	name  string
	epoch atomic.Uint64 // 0: it is no member
	state cluster.State
}

func (g *testGateway) Gateway() string { return g.name }
func (g *testGateway) Epoch() uint64   { return g.epoch.Load() }

func (g *testGateway) member() Member {
	if g.epoch.Load() == 0 {
		return nil
	}
	return g
}

func (g *testGateway) Attach(_, _ string, s cluster.State) (cluster.Shared, error) {
	g.state = s
	return g, nil
}

// join makes a gateway a member, of which another may have the name.
func (l *testLog) join(g *testGateway) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		g.apply(e)
	}
	l.gateways = append(l.gateways, g)
	l.epochs++
	g.epoch.Store(l.epochs)
}

// expel ends a membership. The gateway learns no more.
func (l *testLog) expel(g *testGateway) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := testEntry{expels: g.name, epoch: g.epoch.Swap(0)}
	l.entries = append(l.entries, e)
	for i, other := range l.gateways {
		if other == g {
			l.gateways = append(l.gateways[:i:i], l.gateways[i+1:]...)
			break
		}
	}
	for _, other := range l.gateways {
		other.apply(e)
	}
}

func (g *testGateway) apply(e testEntry) (err error) {
	if e.expels != "" {
		g.state.Expelled(e.expels, e.epoch)
		return nil
	}
	for _, d := range e.data {
		if err = g.state.Apply(d.Data); err != nil {
			return err
		}
	}
	return nil
}

func (g *testGateway) Propose(ctx context.Context, data []cluster.Data) (uint64, error) {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	if g.epoch.Load() == 0 {
		return 0, cluster.ErrExpelled
	}
	e := testEntry{data: data}
	g.log.entries = append(g.log.entries, e)
	var err error
	for _, other := range g.log.gateways {
		if failed := other.apply(e); other == g {
			err = failed
		}
	}
	return uint64(len(g.log.entries)), err
}

// AppliedByAll waits for what some of the gateways have applied already, too.
func (g *testGateway) AppliedByAll(ctx context.Context, _ uint64) error {
	g.log.mu.Lock()
	defer g.log.mu.Unlock()
	return ctx.Err()
}

func (g *testGateway) Barrier(ctx context.Context) error { return ctx.Err() }
func (g *testGateway) Join(context.Context) (cluster.Member, error) {
	return nil, cluster.ErrUnavailable
}
func (g *testGateway) Status(context.Context) (cluster.Status, error) { return cluster.Status{}, nil }
func (g *testGateway) Close() error                                   { return nil }

func (g *testGateway) Applied() uint64 { return 0 }
