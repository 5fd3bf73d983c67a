//go:build unix

package etcd

import (
	"context"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestThreeNodes kills and freezes nodes, and cuts the connections of a gateway.
func TestThreeNodes(t *testing.T) {
	testlevel.NeedMore(t)
	server := etcdtest.Start(t, 3)
	c := configure(t, server.Endpoints())
	c.Lease = 3 * time.Second
	var relays []*relay
	open := func(int) cluster.Engine {
		own := c
		own.Endpoints = nil
		for _, endpoint := range server.Endpoints() {
			r := newRelay(t, strings.TrimPrefix(endpoint, "http://"))
			relays = append(relays, r)
			own.Endpoints = append(own.Endpoints, "http://"+r.listener.Addr().String())
		}
		return engine(t, own)
	}
	disturb := func(ctx context.Context, random *rand.Rand) {
		pause := func(d time.Duration) {
			select {
			case <-time.After(d):
			case <-ctx.Done():
			}
		}
		for turn := 0; ctx.Err() == nil; turn++ {
			node := server.Nodes[random.IntN(3)]
			switch turn % 3 {
			case 0:
				node.Stop()
				pause(2 * time.Second)
				node.Cont()
			case 1:
				node.Kill()
				pause(time.Second)
				node.Launch()
			case 2:
				cut := relays[random.IntN(3)*3:][:3]
				for _, r := range cut {
					r.cut(true)
				}
				pause(4 * time.Second) // longer than the lease
				for _, r := range cut {
					r.cut(false)
				}
			}
			node.Healthy()
			pause(time.Second)
		}
	}
	changes := 150
	if testlevel.Long() {
		changes = 20000
	}
	clustertest.Run(t, clustertest.Setup{Gateways: 3, Changes: changes, Seed: 1, Open: open, Disturb: disturb})
}

// relay passes connections on to a node, until it is cut.
type relay struct {
	listener net.Listener
	mu       sync.Mutex
	isCut    bool
	open     map[net.Conn]bool
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, open: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil || !r.add(in, out) {
				in.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				wg.Go(func() {
					defer in.Close()
					defer out.Close()
					buf := make([]byte, 32<<10)
					for {
						n, err := pair[0].Read(buf)
						if _, failed := pair[1].Write(buf[:n]); err != nil || failed != nil {
							return
						}
					}
				})
			}
		}
	})
	t.Cleanup(func() { l.Close(); r.cut(true); wg.Wait() })
	return r
}

// add notes connections, unless the relay is cut.
func (r *relay) add(in, out net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isCut {
		out.Close()
		return false
	}
	r.open[in], r.open[out] = true, true
	return true
}

func (r *relay) cut(cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.isCut = cut; cut {
		for c := range r.open {
			c.Close()
		}
		clear(r.open)
	}
}
