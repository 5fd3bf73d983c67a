package clustertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/testlevel"
)

func TestLone(t *testing.T) {
	dir := t.TempDir()
	Run(t, Setup{Gateways: 1, Changes: 30, Open: func(int) cluster.Engine { return cluster.Lone(dir) }})
}

// memory is three gateways on a log in memory, with clocks that a test moves.
type memory struct {
	log         *Memory
	clocks      []*Clock
	connections []*Connection
	engines     []*replica.Engine
}

func newMemory(t *testing.T, seed uint64, faults bool) *memory {
	t.Helper()
	m := &memory{log: NewMemory("a")}
	for i := range 3 {
		m.clocks = append(m.clocks, &Clock{})
		m.connections = append(m.connections, m.log.Connect(seed+uint64(i), faults))
		e, err := replica.New(m.connections[i], replica.Config{Gateway: fmt.Sprint("g", i), Clock: m.clocks[i], Entries: 40})
		if err != nil {
			t.Fatal(err)
		}
		m.engines = append(m.engines, e)
	}
	return m
}

// TestMemory cuts connections, loses and repeats messages, expels gateways, and
// suspends one until it is expelled.
func TestMemory(t *testing.T) {
	seeds := uint64(1)
	if testlevel.Long() {
		seeds = 50
	}
	for seed := range seeds {
		m := newMemory(t, seed*10, true)
		disturb := func(ctx context.Context, random *rand.Rand) {
			for ctx.Err() == nil {
				victim := random.IntN(6)
				if victim < 3 {
					m.connections[victim].Cut(true)
				}
				for range random.IntN(100) { // often longer than a lease
					for i, c := range m.clocks {
						if i == victim-3 {
							c.Suspend(100 * time.Millisecond)
						} else {
							c.Advance(100 * time.Millisecond)
						}
					}
					time.Sleep(time.Millisecond)
				}
				if victim < 3 {
					m.connections[victim].Cut(false)
				}
				m.log.DeliverLate()
			}
		}
		clocks, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		Run(t, Setup{Gateways: 3, Changes: 40, Seed: seed, Open: func(i int) cluster.Engine { return m.engines[i] }, Disturb: func(ctx context.Context, random *rand.Rand) {
			disturb(ctx, random)
			go func() { // clocks go on until all has settled
				defer close(done)
				for clocks.Err() == nil {
					for _, c := range m.clocks {
						c.Advance(25 * time.Millisecond)
					}
					time.Sleep(time.Millisecond)
				}
			}()
		}})
		stop()
		<-done
	}
}
