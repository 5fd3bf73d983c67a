package upstream

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/internal/cluster/replica"
)

// While nothing changes one gateway asks the store and nobody is told anything.
func TestOneGatewayPolls(t *testing.T) {
	inBubble(t, 3, func(tr *trial) {
		pass(testPoll + step)
		calls, forgotten := tr.store.calls(), tr.gateways[2].forgets()
		if forgotten == 0 || !tr.gateways[0].Polled() || !tr.gateways[2].Polled() {
			tr.Errorf("after the start what was cached is dropped %d times", forgotten)
		}
		number, _, _ := tr.gateways[1].portions.rises()
		pass(100 * testPoll)
		after := tr.store.calls()
		if after[1] != calls[1] || after[2] != calls[2] || after[0]-calls[0] != 100 {
			tr.Errorf("in the time of 100 intervals the gateways have polled from %v to %v", calls, after)
		}
		for i, g := range tr.gateways {
			if got := g.forgets(); got != forgotten {
				tr.Errorf("gateway %d has dropped what it had cached %d times, %d before", i, got, forgotten)
			}
		}
		if now, _, _ := tr.gateways[1].portions.rises(); now != number {
			tr.Errorf("%d entries of portions though nothing was requested", now-number)
		}
	})
}

// A change is told to all within an interval; and once more, because another one
// that came right after it may have left the revision as it is.
func TestPolledChangeIsTold(t *testing.T) {
	inBubble(t, 3, func(tr *trial) {
		pass(2 * testPoll)
		before := tr.gateways[0].forgets()
		tr.store.change()
		for _, more := range []int{1, 2, 2} {
			pass(testPoll)
			for i, g := range tr.gateways {
				if got := g.forgets() - before; got != more {
					tr.Errorf("gateway %d is told %d times, want %d", i, got, more)
				}
			}
		}
	})
}

// When the poller is cut off, no cache counts from when it is expelled, another
// one takes over at once, and what was changed in the gap is in no cache.
func TestPollerIsReplaced(t *testing.T) {
	inBubble(t, 3, func(tr *trial) {
		pass(2 * testPoll)
		if tr.poller(tr.gateways[1]) != 0 {
			tr.Fatal("the first does not poll")
		}
		before := tr.gateways[1].forgets()
		tr.gateways[0].connection.Cut(true)
		pass(2 * time.Second)
		tr.store.change()
		pass(replica.DefaultLease)
		if now := tr.poller(tr.gateways[1]); now != 1 && now != 2 {
			tr.Errorf("gateway %d polls", now)
		}
		for _, g := range tr.gateways[1:] {
			if g.forgets() == before || !g.Polled() {
				tr.Error("what was changed in the gap may be in a cache")
			}
		}
		tr.gateways[0].connection.Cut(false)
		pass(2 * testPoll)
		calls := tr.store.calls()
		pass(2 * testPoll)
		if now := tr.store.calls(); now[0] != calls[0] {
			tr.Error("the gateway that was cut off polls beside its successor")
		}
	})
}

// A gateway that cannot ask the store lets another one do so. If none can, no
// cache counts.
func TestPollerThatCannotPoll(t *testing.T) {
	inBubble(t, 2, func(tr *trial) {
		pass(2 * testPoll)
		tr.store.fail(0, true)
		pass(testPoll)
		if now := tr.poller(tr.gateways[1]); now != 1 || !tr.gateways[0].Polled() {
			tr.Errorf("gateway %d polls", now)
		}
		tr.store.fail(1, true)
		pass(testPoll)
		for i, g := range tr.gateways {
			if g.Polled() {
				tr.Errorf("what gateway %d has cached counts, and nobody polls", i)
			}
		}
		before := tr.gateways[1].forgets()
		tr.store.change()
		tr.store.fail(0, false)
		pass(2 * testPoll)
		if !tr.gateways[1].Polled() || tr.gateways[1].forgets() == before {
			tr.Error("nobody has taken over")
		}
	})
}

// In any order of changes, cuts and failures no gateway answers from its cache what
// was replaced longer ago than an interval and two leases.
func TestNoCacheIsOlderThanPromised(t *testing.T) {
	const bound = testPoll + 2*replica.DefaultLease + time.Second // those who expel may have been cut off themselves
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	inBubble(t, 3, func(tr *trial) {
		type cache struct{ version, forgets int }
		caches := make([]cache, len(tr.gateways))
		replaced := map[int]time.Time{} // version to when it was replaced
		served := 0
		for range 6000 {
			time.Sleep(50 * time.Millisecond)
			synctest.Wait()
			switch i := random.IntN(3); random.IntN(100) {
			case 0:
				tr.store.mu.Lock()
				replaced[tr.store.version] = time.Now()
				tr.store.mu.Unlock()
				tr.store.change()
			case 1:
				tr.gateways[i].connection.Cut(random.IntN(3) == 0)
			case 2:
				tr.store.fail(i, random.IntN(3) == 0)
			}
			for i, g := range tr.gateways {
				if !g.Polled() || g.current().Remaining() <= 0 {
					continue
				}
				if c := &caches[i]; c.forgets != g.forgets() || c.version == 0 {
					*c = cache{tr.store.version, g.forgets()}
				} else if at, old := replaced[c.version]; old && time.Since(at) > bound {
					tr.Fatalf("gateway %d answers what was replaced %v ago", i, time.Since(at))
				} else {
					served++
				}
			}
		}
		if served < 1000 {
			tr.Errorf("only %d answers came from a cache", served)
		}
	})
}

// A store that does not answer is given up after a time, as one that fails.
func TestStoreThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &Account{o: Options{After: time.After, Poll: time.Second, Revision: func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", context.Cause(ctx)
		}}}
		began := time.Now()
		if _, err := a.ask(t.Context()); err == nil || time.Since(began) != pollTime {
			t.Errorf("after %v it fails with %v", time.Since(began), err)
		}
	})
}
