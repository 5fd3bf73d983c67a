package yandex

import (
	"context"
	"slices"
	"sync"
)

// keyLock is a set of locks by name, of which only those held take room.
type keyLock struct {
	mu   sync.Mutex // guards held
	held map[string]*held
}

// held is a lock that somebody has or waits for.
type held struct {
	free    chan struct{} // holds a value while nobody has the lock
	holders int           // who has it or waits
}

func newKeyLock() *keyLock { return &keyLock{held: map[string]*held{}} }

// lock takes all keys, each once, in an order of its own, so that two callers
// cannot wait for each other. It fails only if ctx ends first.
func (l *keyLock) lock(ctx context.Context, keys ...string) (unlock func(), err error) {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	for i, key := range keys {
		if err := l.take(ctx, key); err != nil {
			l.release(keys[:i])
			return nil, err
		}
	}
	return func() { l.release(keys) }, nil
}

func (l *keyLock) take(ctx context.Context, key string) error {
	l.mu.Lock()
	h := l.held[key]
	if h == nil {
		h = &held{free: make(chan struct{}, 1)}
		h.free <- struct{}{}
		l.held[key] = h
	}
	h.holders++
	l.mu.Unlock()
	if ctx.Err() == nil {
		select {
		case <-h.free:
			return nil
		case <-ctx.Done():
		}
	}
	l.leave(key, h)
	return ctx.Err()
}

func (l *keyLock) release(keys []string) {
	for _, key := range keys {
		l.mu.Lock()
		h := l.held[key]
		l.mu.Unlock()
		h.free <- struct{}{}
		l.leave(key, h)
	}
}

// leave forgets a lock that nobody has or waits for.
func (l *keyLock) leave(key string, h *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.holders--; h.holders == 0 {
		delete(l.held, key)
	}
}
