package writeback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// flaky is a store that takes its time and fails some uploads, before they have
// taken effect or after.
type flaky struct {
	*memory.Backend

	mu     sync.Mutex // guards all below
	random *rand.Rand
	well   bool // from now on
}

// draw gives a number below n, and whether the store fails no more.
func (f *flaky) draw(n int) (int, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.random.IntN(n), f.well
}

// linger takes a time of at most so many milliseconds.
func (f *flaky) linger(most int) {
	n, _ := f.draw(most)
	time.Sleep(time.Duration(n) * time.Millisecond)
}

func (f *flaky) Put(ctx context.Context, name string, body io.Reader, opts backend.PutOptions) (backend.Info, error) {
	f.linger(3000)
	if ctx.Err() != nil {
		return backend.Info{}, ctx.Err()
	}
	fate, well := f.draw(4)
	if !well && fate == 0 {
		return backend.Info{}, backend.PathError("put", name, backend.ErrUnavailable, "before it took effect")
	}
	info, err := f.Backend.Put(ctx, name, body, opts)
	f.linger(1000)
	if err == nil && !well && fate == 1 {
		return backend.Info{}, backend.PathError("put", name, backend.ErrUncertain, "after it took effect")
	}
	return info, err
}

// TestRandom makes changes at random over a store that fails, with processes
// that end in between, and holds the queue, and at last the store, against what
// was acknowledged.
func TestRandom(t *testing.T) {
	seeds := uint64(15)
	if testlevel.Long() {
		seeds = 500
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { changeAtRandom(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func changeAtRandom(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	store := &flaky{Backend: memory.New(memory.Options{}), random: rand.New(rand.NewPCG(seed, 1))}
	dir := t.TempDir()
	q := open(t, store, dir)
	names := []string{"a", "b", "c"}
	is := map[string]string{}
	for i := range 60 {
		name, other := names[random.IntN(3)], names[random.IntN(3)]
		_, there := is[name]
		_, taken := is[other]
		var err error
		switch op := random.IntN(10); {
		case op < 5:
			content := fmt.Sprint(i)
			put(t, q, name, content)
			is[name] = content
		case op == 5 && there:
			if err = q.Remove(t.Context(), name, backend.RemoveOptions{}); err == nil {
				delete(is, name)
			}
		case op == 6 && there && name != other:
			if err = q.Move(t.Context(), name, other, backend.MoveOptions{Overwrite: taken}); err == nil {
				is[other] = is[name]
				delete(is, name)
			}
		case op == 7 && there && name != other:
			if err = q.Copy(t.Context(), name, other, backend.CopyOptions{Overwrite: taken}); err == nil {
				is[other] = is[name]
			}
		case op == 8:
			time.Sleep(time.Duration(random.IntN(10_000)) * time.Millisecond)
		case op == 9 && random.IntN(3) == 0:
			q.cancel()
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = open(t, store, dir)
		}
		if err != nil && !errors.Is(err, backend.ErrUnavailable) {
			t.Fatalf("step %d: %v", i, err)
		}
		holds(t, fmt.Sprintf("step %d: the queue", i), q, text(is))
		if t.Failed() {
			break
		}
	}
	store.mu.Lock()
	store.well = true
	store.mu.Unlock()
	time.Sleep(time.Hour)
	holds(t, "the store", store.Backend, text(is))
	q.Close()
}

func text(is map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(is)) {
		all = append(all, name+"="+is[name])
	}
	return strings.Join(all, " ")
}
