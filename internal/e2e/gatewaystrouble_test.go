//go:build unix

package e2e

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

// A trouble makes something fail, and returns what ends that.
type trouble struct {
	name        string
	least, most time.Duration // for which it lasts
	begin       func(f *fleet, g *gatewayProcess, node int) (end func())
}

// A member is expelled when it was not heard of for six seconds.
var troubles = []trouble{
	{"a gateway was killed", 0, 4 * time.Second, func(f *fleet, g *gatewayProcess, _ int) func() {
		g.s.kill()
		return func() { f.start(g) }
	}},
	{"a gateway was frozen, and woken when it was expelled", 7 * time.Second, 10 * time.Second, frozen},
	{"a gateway was frozen for a moment", time.Second, 4 * time.Second, frozen},
	{"a gateway was cut off from etcd", 4 * time.Second, 10 * time.Second, func(_ *fleet, g *gatewayProcess, _ int) func() {
		for _, link := range g.links {
			link.Cut()
		}
		return g.heal
	}},
	{"what a gateway and etcd sent each other came late", 4 * time.Second, 10 * time.Second, func(_ *fleet, g *gatewayProcess, _ int) func() {
		for _, link := range g.links {
			link.Hold()
		}
		return g.heal
	}},
	{"a gateway was cut off from a node of etcd", time.Second, 4 * time.Second, func(_ *fleet, g *gatewayProcess, node int) func() {
		g.links[node].Hold()
		return g.heal
	}},
	{"a node of etcd was killed", 0, 4 * time.Second, func(f *fleet, _ *gatewayProcess, node int) func() {
		f.etcd.Nodes[node].Kill()
		return f.etcd.Nodes[node].Launch
	}},
	{"a node of etcd was frozen", time.Second, 5 * time.Second, func(f *fleet, _ *gatewayProcess, node int) func() {
		f.etcd.Nodes[node].Stop()
		return f.etcd.Nodes[node].Cont
	}},
}

func frozen(f *fleet, g *gatewayProcess, _ int) func() {
	f.signal(g, syscall.SIGSTOP)
	return func() { f.signal(g, syscall.SIGCONT) }
}

func (f *fleet) signal(g *gatewayProcess, s syscall.Signal) {
	f.Helper()
	if err := g.s.cmd.Process.Signal(s); err != nil {
		f.Fatal(err)
	}
}

// heal gives a gateway all its links back.
func (g *gatewayProcess) heal() {
	for _, link := range g.links {
		link.Heal()
	}
}

// trouble makes one thing after another fail until ctx ends, each kind once before
// any comes again, and leaves everything well.
func (f *fleet) trouble(ctx context.Context, r *rand.Rand) {
	f.Helper()
	for ctx.Err() == nil {
		for _, i := range r.Perm(len(troubles)) {
			t := troubles[i]
			between(ctx, r, time.Second, 3*time.Second)
			if ctx.Err() != nil {
				return
			}
			end := t.begin(f, f.gateways[r.IntN(len(f.gateways))], r.IntN(len(f.etcd.Nodes)))
			between(ctx, r, t.least, t.most)
			end()
			f.troubles[t.name]++
		}
	}
}

// between lets some time pass, or ctx end.
func between(ctx context.Context, r *rand.Rand, least, most time.Duration) {
	timer := time.NewTimer(least + time.Duration(r.Int64N(int64(most-least)+1)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
