package webdav

import (
	"context"
	"net/netip"
	"sync"
)

// turns bounds the requests that are served at the same time. One client may
// not have all of them, or whoever sends many bodies slowly would keep the
// others out.
type turns struct {
	all  chan struct{}
	most int // of one client

	mu      sync.Mutex // guards what follows
	clients map[netip.Prefix]*clientTurns
}

// clientTurns are one client's.
type clientTurns struct {
	slots chan struct{}
	users int // requests that have a turn or wait for one
}

func newTurns(requests int) *turns {
	return &turns{
		all: make(chan struct{}, requests), most: max(1, requests*3/4),
		clients: map[netip.Prefix]*clientTurns{},
	}
}

// take waits for a turn until ctx ends. If it returns true, give must follow.
func (t *turns) take(ctx context.Context, from netip.Addr) bool {
	client := t.join(networkOf(from))
	if !enter(ctx, client.slots) {
		t.leave(networkOf(from))
		return false
	}
	if !enter(ctx, t.all) {
		<-client.slots
		t.leave(networkOf(from))
		return false
	}
	return true
}

// give ends a turn.
func (t *turns) give(from netip.Addr) {
	<-t.all
	<-t.leave(networkOf(from)).slots
}

func (t *turns) join(from netip.Prefix) *clientTurns {
	t.mu.Lock()
	defer t.mu.Unlock()
	client := t.clients[from]
	if client == nil {
		client = &clientTurns{slots: make(chan struct{}, t.most)}
		t.clients[from] = client
	}
	client.users++
	return client
}

// leave forgets a client of whom nothing is left.
func (t *turns) leave(from netip.Prefix) *clientTurns {
	t.mu.Lock()
	defer t.mu.Unlock()
	client := t.clients[from]
	if client.users--; client.users == 0 {
		delete(t.clients, from)
	}
	return client
}

// enter takes a slot, if one is free also when ctx has ended.
func enter(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
	}
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
