package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// bubbleClock is the clocks of all gateways in a bubble of synctest.
type bubbleClock struct{ began time.Time }

func (c bubbleClock) Now() replica.Reading {
	d := time.Since(c.began)
	return replica.Reading{Awake: d, Boot: d, Wall: time.Now()}
}

func (bubbleClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// fakeStore is a store that all gateways poll.
type fakeStore struct {
	mu      sync.Mutex
	version int
	changed time.Time // when it was last changed
	asked   []int     // by gateway
	fails   []bool
}

func (s *fakeStore) revision(gateway int) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[gateway]++
	if s.fails[gateway] {
		return "", backend.ErrUnavailable
	}
	return fmt.Sprint(s.version), nil
}

func (s *fakeStore) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.changed = time.Now()
}

func (s *fakeStore) fail(gateway int, fails bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[gateway] = fails
}

func (s *fakeStore) calls() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.asked...)
}

// fakeRate is the limit of a store with a demand that a test sets.
type fakeRate struct {
	full float64

	mu            sync.Mutex
	limit         func() float64
	refused       func(backend.Refusal)
	heard         []backend.Refusal
	raised        []float64 // the limits of which it was told
	asked, waited uint64
}

func (r *fakeRate) Full() float64 { return r.full }

func (r *fakeRate) Share(limit func() float64, refused func(backend.Refusal)) {
	r.limit, r.refused = limit, refused
}

func (r *fakeRate) Raised() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raised = append(r.raised, r.limit())
}

func (r *fakeRate) raises() []float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]float64(nil), r.raised...)
}

func (r *fakeRate) Refused(refusal backend.Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, refusal)
}

func (r *fakeRate) hears() []backend.Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]backend.Refusal(nil), r.heard...)
}

func (r *fakeRate) Requests() (asked, waited uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked, r.waited
}

// request makes requests, of which some have to wait.
func (r *fakeRate) request(asked, waited uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.waited = r.asked+asked, r.waited+waited
}

// testGateway is one of several in a bubble.
type testGateway struct {
	*Account
	engine     *replica.Engine
	connection *clustertest.Connection
	rate       *fakeRate
	stop       context.CancelFunc
	ended      chan struct{}

	mu        sync.Mutex
	forgotten int
	joined    cluster.Member
}

func (g *testGateway) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgotten++
}

func (g *testGateway) forgets() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.forgotten
}

func (g *testGateway) current() cluster.Member {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.joined
}

// trial is several gateways in a bubble.
type trial struct {
	*testing.T
	log      *clustertest.Memory
	clock    bubbleClock
	store    *fakeStore
	gateways []*testGateway
}

const (
	testPoll = 5 * time.Second
	testRate = 40.0
)

// inBubble tries gateways, of which all are started.
func inBubble(t *testing.T, count int, f func(tr *trial)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{T: t, log: clustertest.NewMemory("life"), clock: bubbleClock{time.Now()}, store: &fakeStore{version: 1}}
		for range count {
			tr.start()
		}
		f(tr)
		for _, g := range tr.gateways {
			g.close(t)
		}
	})
}

// quietEngine is asked for nothing that its nodes would have to tell.
type quietEngine struct {
	cluster.Engine
	t *testing.T
}

func (e quietEngine) Status(context.Context) (cluster.Status, error) {
	e.t.Error("all nodes of the engine are asked")
	return cluster.Status{}, errors.ErrUnsupported
}

// start starts one more gateway. It joins again whenever it is expelled, and drops what
// it has cached before it counts as a member, as a gateway of package cmd does.
func (tr *trial) start() *testGateway {
	tr.Helper()
	tr.store.mu.Lock()
	i := len(tr.gateways)
	tr.store.asked, tr.store.fails = append(tr.store.asked, 0), append(tr.store.fails, false)
	tr.store.mu.Unlock()
	g := &testGateway{connection: tr.log.Connect(uint64(i), false), rate: &fakeRate{full: testRate}, ended: make(chan struct{})}
	var err error
	g.engine, err = replica.New(g.connection, replica.Config{Gateway: fmt.Sprint("g", i), Clock: tr.clock, Entries: 50})
	if err != nil {
		tr.Fatal(err)
	}
	g.Account, err = Open(Options{
		Engine: quietEngine{g.engine, tr.T}, Poll: testPoll, Rate: g.rate,
		Revision: func(ctx context.Context) (string, error) {
			if !backend.IsFirst(ctx) {
				tr.Error("the store is asked for its revision after all requests that wait")
			}
			return tr.store.revision(i)
		},
		Forget: g.forget,
	})
	if err != nil {
		tr.Fatal(err)
	}
	var ctx context.Context
	ctx, g.stop = context.WithCancel(tr.Context())
	first := make(chan error, 1)
	go func() {
		defer close(g.ended)
		for n := 0; ctx.Err() == nil; n++ {
			m, err := g.engine.Join(ctx)
			if err == nil {
				err = g.Check(ctx, "one")
			}
			if n == 0 {
				first <- err
			}
			if err != nil {
				g.pause(ctx, time.Second)
				continue
			}
			if n > 0 { // the poller may be one that is not expelled yet, and has told nothing meanwhile
				g.forget()
			}
			g.mu.Lock()
			g.joined = m
			g.mu.Unlock()
			g.Run(ctx, m)
		}
	}()
	if err := <-first; err != nil {
		tr.Fatal(err)
	}
	synctest.Wait()
	tr.gateways = append(tr.gateways, g)
	return g
}

func (g *testGateway) close(t *testing.T) {
	t.Helper()
	g.connection.Cut(false)
	g.stop()
	<-g.ended
	if err := errors.Join(g.Leave(context.Background()), g.engine.Close()); err != nil && !errors.Is(err, cluster.ErrExpelled) {
		t.Error(err)
	}
}

// poller returns which gateway polls, by what a gateway knows; -1 for none.
func (tr *trial) poller(known *testGateway) int {
	holder, held, _ := known.duties.holder(pollDuty)
	for i, g := range tr.gateways {
		if m := g.current(); held && m.Gateway() == holder.Gateway {
			return i
		}
	}
	return -1
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
