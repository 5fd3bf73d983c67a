package journal

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"maps"
	"sync"
)

// A Map is a map that survives a restart: the state of a journal whose entries
// set and delete keys. It is safe for concurrent use. Returned values must not be
// modified.
type Map[T any] struct {
	log   Log[item[T]]
	state values[T]
}

// item is an entry of a Map.
type item[T any] struct {
	Key   string `json:"key"`
	Value *T     `json:"value,omitempty"` // nil deletes the key
}

// values is the machine of a Map.
type values[T any] struct {
	mu sync.RWMutex
	m  map[string]T
}

// MapConfig configures a Map; see Config.
type MapConfig[T any] struct {
	Format string
	// Import is that of Config; it sets keys.
	Import func(set func(key string, value T) error, keep func() error) error
}

// OpenMap opens the map kept in the journal at path, or an empty one in memory
// if path is empty.
func OpenMap[T any](path string, c MapConfig[T]) (*Map[T], error) {
	m := &Map[T]{state: values[T]{m: map[string]T{}}}
	config := Config[item[T]]{Format: c.Format, Machine: &m.state}
	if c.Import != nil {
		config.Import = func(apply func(item[T]) error, keep func() error) error {
			return c.Import(func(key string, value T) error { return apply(item[T]{key, &value}) }, keep)
		}
	}
	log, err := Open(path, config)
	if err != nil {
		return nil, err
	}
	m.log = log
	return m, nil
}

// ReadMap reads the map kept in the journal at path, which a process may have
// open. It is empty if there is no file.
func ReadMap[T any](path, format string) (map[string]T, error) {
	state := values[T]{m: map[string]T{}}
	if _, err := read(path, format, &state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return state.m, nil
}

// Get returns the value of a key.
func (m *Map[T]) Get(key string) (T, bool) {
	m.state.mu.RLock()
	defer m.state.mu.RUnlock()
	value, ok := m.state.m[key]
	return value, ok
}

// All returns a copy of the map.
func (m *Map[T]) All() map[string]T {
	m.state.mu.RLock()
	defer m.state.mu.RUnlock()
	return maps.Clone(m.state.m)
}

// Set sets the value of a key.
func (m *Map[T]) Set(ctx context.Context, key string, value T, opts Options) error {
	_, err := m.log.Propose(ctx, item[T]{key, &value}, opts)
	return err
}

// Delete deletes a key. It does nothing if there is none.
func (m *Map[T]) Delete(ctx context.Context, key string, opts Options) error {
	if _, ok := m.Get(key); !ok {
		return nil
	}
	_, err := m.log.Propose(ctx, item[T]{Key: key}, opts)
	return err
}

// Close closes the journal.
func (m *Map[T]) Close() error { return m.log.Close() }

// Apply implements Machine.
func (v *values[T]) Apply(i item[T]) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i.Value == nil {
		delete(v.m, i.Key)
	} else {
		v.m[i.Key] = *i.Value
	}
	return nil
}

// Snapshot implements Machine.
func (v *values[T]) Snapshot() iter.Seq[item[T]] {
	return func(yield func(item[T]) bool) {
		for key, value := range v.m { // no entry is applied meanwhile
			if !yield(item[T]{key, &value}) {
				return
			}
		}
	}
}
