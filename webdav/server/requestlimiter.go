package server

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
)

// limitRequests bounds the requests that are served at the same time. page, if
// it is not nil, words the refusal for people.
func limitRequests(limits Limits, page errorPage) func(http.Handler) http.Handler {
	limiter := newRequestLimiter(limits.Requests)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			from := clientAddr(req)
			if !limiter.acquireNow(from) {
				waiting, stop := context.WithTimeout(req.Context(), limits.QueueTime)
				acquired := limiter.acquire(waiting, from)
				stop()
				if !acquired {
					unavailable(w, req, page, tooManyRequests)
					return
				}
			}
			defer limiter.release(from)
			next.ServeHTTP(w, req)
		})
	}
}

const tooManyRequests = "too many requests at once"

// requestLimiter bounds the requests that are served at the same time. One
// client may not have all of them, or one that sends many bodies slowly would
// starve the others.
type requestLimiter struct {
	all  chan struct{}
	most int // of one client

	mu      sync.Mutex // guards what follows
	clients map[netip.Prefix]*clientSlots
}

// clientSlots are the slots of one client.
type clientSlots struct {
	slots chan struct{}
	users int // requests that have a slot or wait for one
}

func newRequestLimiter(requests int) *requestLimiter {
	return &requestLimiter{
		all: make(chan struct{}, requests), most: max(1, requests*3/4),
		clients: map[netip.Prefix]*clientSlots{},
	}
}

// acquireNow takes a slot if there is one, as nearly always. If it returns true,
// release must follow.
func (l *requestLimiter) acquireNow(from netip.Addr) bool {
	client := l.join(networkOf(from))
	select {
	case client.slots <- struct{}{}:
	default:
		l.leave(networkOf(from))
		return false
	}
	select {
	case l.all <- struct{}{}:
		return true
	default:
		<-client.slots
		l.leave(networkOf(from))
		return false
	}
}

// acquire waits for a slot until ctx ends. If it returns true, release must
// follow.
func (l *requestLimiter) acquire(ctx context.Context, from netip.Addr) bool {
	client := l.join(networkOf(from))
	if !enter(ctx, client.slots) {
		l.leave(networkOf(from))
		return false
	}
	if !enter(ctx, l.all) {
		<-client.slots
		l.leave(networkOf(from))
		return false
	}
	return true
}

// release releases a slot.
func (l *requestLimiter) release(from netip.Addr) {
	<-l.all
	<-l.leave(networkOf(from)).slots
}

func (l *requestLimiter) join(from netip.Prefix) *clientSlots {
	l.mu.Lock()
	defer l.mu.Unlock()
	client := l.clients[from]
	if client == nil {
		client = &clientSlots{slots: make(chan struct{}, l.most)}
		l.clients[from] = client
	}
	client.users++
	return client
}

// leave drops a client that has no request left.
func (l *requestLimiter) leave(from netip.Prefix) *clientSlots {
	l.mu.Lock()
	defer l.mu.Unlock()
	client := l.clients[from]
	if client.users--; client.users == 0 {
		delete(l.clients, from)
	}
	return client
}

// enter takes a slot. A free one is taken even if ctx has ended.
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
