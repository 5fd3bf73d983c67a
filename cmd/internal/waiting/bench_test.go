package waiting

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/vfs"
)

// queue is a vfs.Local of a test.
type queue struct {
	id string

	mu        sync.Mutex // guards what follows
	files     map[string]vfs.Waiting
	expedited []string
	rechecked []string
	recheck   func(ctx context.Context, name string) error
	removed   []string // without IDs
	buried    []vfs.Waiting
	renamed   string            // what f was renamed to before; empty: it was not
	stored    map[string]string // what the store has, by name
	away      error             // of the store
	halted    int
	began     int
	compare   func()            // called when all files are asked for
	hastened  func()            // called when files are hastened
	read      func(name string) // called when a file is asked for
	begins    func()            // called when the others know all
}

func (q *queue) ID() string { return q.id }

func (q *queue) Removed() []vfs.Waiting {
	all := slices.Clone(q.buried)
	for _, name := range q.removed {
		all = append(all, vfs.Waiting{Name: name})
	}
	return all
}

func (q *queue) Halt() { q.halted++ }

func (q *queue) Began([]vfs.Waiting) {
	q.removed, q.buried, q.began = nil, nil, q.began+1
	if q.begins != nil {
		q.begins()
	}
}

func (q *queue) Stored(_ context.Context, f vfs.Waiting) (bool, error) {
	return q.stored[f.Name] == f.Version, q.away
}

func (q *queue) File(name string) (vfs.Waiting, bool) {
	if q.read != nil {
		defer q.read(name)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	f, ok := q.files[name]
	return f, ok
}

func (q *queue) Files() []vfs.Waiting {
	if q.compare != nil {
		q.compare()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Collect(maps.Values(q.files))
}

func (q *queue) Expedite(names ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expedited = append(q.expedited, names...)
	if q.hastened != nil && len(names) > 0 {
		q.hastened()
	}
}

func (q *queue) Recheck(ctx context.Context, name string, locked bool) error {
	q.mu.Lock()
	what := name
	if locked {
		what += " locked"
	}
	q.rechecked = append(q.rechecked, what)
	recheck := q.recheck
	q.mu.Unlock()
	if recheck != nil {
		return recheck(ctx, name)
	}
	return nil
}

func (q *queue) set(name, version string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if version == "" {
		delete(q.files, name)
	} else {
		q.files[name] = vfs.Waiting{Name: name, Version: version}
	}
}

// bench is gateways without stores.
type bench struct {
	*testing.T
	log     *testLog
	now     time.Time
	after   chan time.Time
	tables  []*Table
	queues  []*queue
	at      []*testGateway
	learned [][]string
}

func newBench(t *testing.T, n int) *bench {
	b := &bench{T: t, log: &testLog{}, now: time.Unix(1e9, 0), after: make(chan time.Time)}
	for i := range n {
		b.add(fmt.Sprintf("g%d", i), fmt.Sprintf("folder%d", i))
	}
	return b
}

func (b *bench) add(name, id string) int {
	b.Helper()
	i, g := len(b.tables), &testGateway{log: b.log, name: name}
	b.learned = append(b.learned, nil)
	table, err := Open(Options{
		Engine: g, Member: g.member, Learn: func(name, version string) { b.learned[i] = append(b.learned[i], name+"="+version) },
		Now: func() time.Time { return b.now }, After: func(time.Duration) <-chan time.Time { return b.after },
	})
	if err != nil {
		b.Fatal(err)
	}
	table.ReserveBy(func(context.Context, string) (func(), bool, error) { return func() {}, false, nil })
	q := &queue{id: id, files: map[string]vfs.Waiting{}}
	table.Attach(q)
	b.tables, b.queues, b.at = append(b.tables, table), append(b.queues, q), append(b.at, g)
	b.log.join(g)
	b.pass(i)
	return i
}

func (b *bench) pass(i int) {
	b.Helper()
	if err := b.tables[i].Pass(b.Context()); err != nil {
		b.Error(err)
	}
}

func (b *bench) announce(i int, name, version string) error {
	done, err := b.tables[i].Announce(b.Context(), vfs.Waiting{Name: name, Version: version})
	if err == nil {
		b.queues[i].set(name, version)
	}
	done()
	return err
}

// holders tells who holds what, as a gateway knows it.
func (b *bench) holders(i int) string {
	var all []string
	for _, f := range b.tables[i].Files() {
		text := f.Owner.Gateway + ":" + f.Name + "=" + f.Version
		if f.GivenUp {
			text += "?"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

func (b *bench) holds(i int, want string) {
	b.Helper()
	if got := b.holders(i); got != want {
		b.Errorf("gateway %d knows %q, want %q", i, got, want)
	}
}

// settles tests Settle without waiting: words of a refusal, "" for none.
func (b *bench) settles(i int, words string, names ...string) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	err := b.tables[i].Settle(ctx, names...)
	switch {
	case words == "" && err == nil:
	case words == "waits" && errors.Is(err, context.Canceled):
	case words != "" && err != nil && strings.Contains(err.Error(), words):
	default:
		b.Errorf("%v is settled at %d with %v, want %q", names, i, err, words)
	}
}
