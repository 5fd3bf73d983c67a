package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/davdisk/davdisk/internal/journal"
)

// A State is a machine as an engine that gateways share sees it: its entries
// are bytes. Its methods are called one at a time.
type State interface {
	// Apply applies an entry. An error that is journal.ErrEntry means that this
	// gateway cannot follow the log any further.
	Apply(data []byte) error
	Snapshot() iter.Seq2[[]byte, error]
	Resetter
	Expeller
}

// Data is an entry of the State attached by a name.
type Data struct {
	Name string          `json:"m"`
	Data json.RawMessage `json:"d"`
	// Unawaited is that of its Options.
	Unawaited bool `json:"-"`
}

// Shared is the log of an engine that gateways share.
type Shared interface {
	// Propose proposes entries which are applied as one. The first that is
	// refused ends it.
	Propose(ctx context.Context, entries []Data) (seq uint64, err error)
	AppliedByAll(ctx context.Context, seq uint64) error
	Barrier(ctx context.Context) error
}

// Open opens the log of a machine under a name, which is the same at all
// gateways. On a Lone engine it is a journal in a file of that name, and the
// entries go to the machine as they are. On others they are encoded as JSON, each
// gateway applies what it decodes, the machine must be a Resetter, and neither
// Options.Volatile nor Transient and Import of the configuration matter.
func Open[E any](e Engine, name string, c journal.Config[E]) (Log[E], error) {
	if lone, ok := e.(*lone); ok {
		return openLone(lone, name, c)
	}
	resetter, ok := c.Machine.(Resetter)
	if !ok {
		return nil, fmt.Errorf("open %s: its machine %T cannot be emptied for a snapshot", name, c.Machine)
	}
	shared, err := e.Attach(name, c.Format, &state[E]{Resetter: resetter, machine: c.Machine})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return &sharedLog[E]{Shared: shared, name: name}, nil
}

// sharedLog encodes entries for an engine that gateways share.
type sharedLog[E any] struct {
	Shared
	name string
}

// Propose implements journal.Log.
func (l *sharedLog[E]) Propose(ctx context.Context, entry E, opts journal.Options) (uint64, error) {
	return ProposeAll(ctx, l.Part(entry, opts))
}

// Part implements Log.
func (l *sharedLog[E]) Part(entry E, opts journal.Options) Part {
	data, err := json.Marshal(entry)
	return Part{shared: l.Shared, data: Data{l.name, data, opts.Unawaited}, err: err}
}

// Close implements journal.Log. The log is the engine's.
func (l *sharedLog[E]) Close() error { return nil }

// state decodes entries for a machine.
type state[E any] struct {
	Resetter
	machine journal.Machine[E]
}

// Apply implements State.
func (s *state[E]) Apply(data []byte) error {
	var entry E
	if err := json.Unmarshal(data, &entry); err != nil {
		return fmt.Errorf("%w: %w", journal.ErrEntry, err)
	}
	return s.machine.Apply(entry)
}

// Snapshot implements State.
func (s *state[E]) Snapshot() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for entry := range s.machine.Snapshot() {
			if data, err := json.Marshal(entry); !yield(data, err) || err != nil {
				return
			}
		}
	}
}

// Expelled implements State.
func (s *state[E]) Expelled(gateway string, epoch uint64) {
	if e, ok := s.machine.(Expeller); ok {
		e.Expelled(gateway, epoch)
	}
}
