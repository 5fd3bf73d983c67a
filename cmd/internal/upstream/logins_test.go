package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/journal"
)

// keeper is a gateway that has logins, in a bubble.
type keeper struct {
	*Logins
	engine     *replica.Engine
	connection *clustertest.Connection
	member     cluster.Member
}

// keepers tries gateways in a bubble, of which all have joined.
func keepers(t *testing.T, count int, f func(t *testing.T, all []*keeper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		log := clustertest.NewMemory("life")
		clock := bubbleClock{time.Now()}
		var all []*keeper
		for i := range count {
			k := &keeper{connection: log.Connect(uint64(i), false)}
			var err error
			if k.engine, err = replica.New(k.connection, replica.Config{Gateway: fmt.Sprint("g", i), Clock: clock, Entries: 50}); err != nil {
				t.Fatal(err)
			}
			if k.Logins, err = OpenLogins(k.engine, slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
			k.join(t)
			all = append(all, k)
		}
		f(t, all)
		for _, k := range all {
			k.connection.Cut(false)
			if err := k.engine.Close(); err != nil && !errors.Is(err, cluster.ErrExpelled) {
				t.Error(err)
			}
		}
	})
}

func (k *keeper) join(t *testing.T) {
	t.Helper()
	var err error
	if k.member, err = k.engine.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.Joined(k.member)
}

var first, second, third = []byte("first login"), []byte("second login"), []byte("third login")

// answer is what Reserve has returned.
type answer struct {
	next []byte
	err  error
}

// reserve calls Reserve, and returns what it will return.
func (k *keeper) reserve(ctx context.Context, login []byte) chan answer {
	got := make(chan answer, 1)
	go func() {
		next, err := k.Reserve(ctx, login, true)
		got <- answer{next, err}
	}()
	synctest.Wait()
	return got
}

// One gateway reserves a login; the other waits, and gets what that has told.
func TestLoginIsRenewedOnce(t *testing.T) {
	keepers(t, 2, func(t *testing.T, all []*keeper) {
		a, b := all[0], all[1]
		if got := <-a.reserve(t.Context(), first); got.next != nil || got.err != nil {
			t.Fatalf("it is %q, %v", got.next, got.err)
		}
		waiting := b.reserve(t.Context(), first)
		select {
		case got := <-waiting:
			t.Fatalf("the other does not wait: %q, %v", got.next, got.err)
		default:
		}
		if err := a.Tell(t.Context(), first, second); err != nil {
			t.Fatal(err)
		}
		if got := <-waiting; !bytes.Equal(got.next, second) || got.err != nil {
			t.Errorf("the other gets %q, %v", got.next, got.err)
		}
		// The next one follows, whoever renews it.
		if got := <-b.reserve(t.Context(), second); got.next != nil || got.err != nil {
			t.Fatalf("it is %q, %v", got.next, got.err)
		}
		if err := b.Tell(t.Context(), second, third); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, k := range all {
			for _, login := range [][]byte{first, second} {
				if next := k.Next(login); !bytes.Equal(next, third) {
					t.Errorf("after %q comes %q", login, next)
				}
			}
			if next := k.Next(third); next != nil {
				t.Errorf("after the last comes %q", next)
			}
		}
		// It was told before, and that stays.
		if err := errors.Join(a.Tell(t.Context(), first, third), a.Release(t.Context(), first)); err != nil {
			t.Error(err)
		}
	})
}

// A login that was not renewed is the next one's who waits. That of a gateway which is
// expelled, or does not come to an end, is so when its refresh cannot be under way any more.
func TestLoginIsLeftToOthers(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, a *keeper){
		"released": func(t *testing.T, a *keeper) { a.mustRelease(t) },
		"expelled": func(t *testing.T, a *keeper) { a.connection.Cut(true); pass(30 * time.Second) },
		"closed":   func(t *testing.T, a *keeper) { a.mustClose(t) },
		"silent":   func(t *testing.T, a *keeper) {},
	} {
		t.Run(name, func(t *testing.T) {
			keepers(t, 2, func(t *testing.T, all []*keeper) {
				a, b := all[0], all[1]
				if got := <-a.reserve(t.Context(), first); got.next != nil || got.err != nil {
					t.Fatalf("it is %q, %v", got.next, got.err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if got := <-b.reserve(ctx, first); !errors.Is(got.err, backend.ErrUnavailable) {
					t.Errorf("while it is reserved the other is told %v", got.err)
				}
				reserved := time.Now()
				leave(t, a)
				if name != "released" {
					ctx, cancel = context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					if got := <-b.reserve(ctx, first); !errors.Is(got.err, backend.ErrUnavailable) {
						t.Errorf("when it has left the other is told %q, %v", got.next, got.err)
					}
					for time.Since(reserved) < renewPatience {
						pass(time.Second)
					}
				}
				ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if got := <-b.reserve(ctx, first); got.next != nil || got.err != nil {
					t.Errorf("the other is told %q, %v", got.next, got.err)
				}
				// Then the first can tell nothing that counts for less.
				if err := b.Tell(t.Context(), first, second); err != nil {
					t.Error(err)
				}
				if next := b.Next(first); !bytes.Equal(next, second) {
					t.Errorf("it has become %q", next)
				}
			})
		})
	}
}

func (k *keeper) mustRelease(t *testing.T) {
	t.Helper()
	if err := k.Release(t.Context(), first); err != nil {
		t.Error(err)
	}
}

func (k *keeper) mustClose(t *testing.T) {
	t.Helper()
	if err := k.engine.Close(); err != nil {
		t.Error(err)
	}
}

// A gateway that is no member is told at once that it cannot ask the others.
func TestLoginWithoutMembership(t *testing.T) {
	keepers(t, 1, func(t *testing.T, all []*keeper) {
		a := all[0]
		refuses := func(l *Logins) {
			t.Helper()
			began := time.Now()
			_, err := l.Reserve(t.Context(), first, true)
			for _, err := range []error{err, l.Tell(t.Context(), first, second), l.Release(t.Context(), first)} {
				if !errors.Is(err, backend.ErrUnavailable) {
					t.Errorf("it says %v", err)
				}
			}
			if l.Ready() == nil || time.Since(began) > 0 {
				t.Errorf("it is ready, or has waited for %v", time.Since(began))
			}
		}
		refuses(&Logins{machine: a.machine, log: a.log})
		a.connection.Cut(true)
		pass(replica.DefaultLease)
		refuses(a.Logins)
		a.connection.Cut(false)
		a.join(t)
		if got := <-a.reserve(t.Context(), first); got.next != nil || got.err != nil || a.Ready() != nil {
			t.Errorf("it is %q, %v", got.next, got.err)
		}
	})
}

// What cannot be opened is not taken for a login, and nobody waits for it; nor for logins
// that go round.
func TestHostileLogins(t *testing.T) {
	keepers(t, 2, func(t *testing.T, all []*keeper) {
		a, b := all[0], all[1]
		key, err := keyOf(first)
		if err != nil {
			t.Fatal(err)
		}
		other, err := seal(second, third)
		if err != nil {
			t.Fatal(err)
		}
		// It is sealed for another login.
		if _, err := a.log.Propose(t.Context(), renewal{Op: opTell, Key: key, Next: other, Epoch: a.member.Epoch()}, journal.Options{}); err != nil {
			t.Fatal(err)
		}
		if got := <-b.reserve(t.Context(), first); got.next != nil || !errors.Is(got.err, backend.ErrUnauthorized) || !strings.Contains(got.err.Error(), "davdisk login") {
			t.Errorf("the other is told %q, %v", got.next, got.err)
		}
		if err := errors.Join(a.Tell(t.Context(), second, third), a.Tell(t.Context(), third, second)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if next := b.Next(second); next != nil {
			t.Errorf("they go round, and it is %q", next)
		}
	})
}

// Many gateways ask at once, and one of them is let in.
func TestManyReserve(t *testing.T) {
	keepers(t, 5, func(t *testing.T, all []*keeper) {
		var mu sync.Mutex
		alone := 0
		var asking sync.WaitGroup
		for _, k := range all {
			asking.Go(func() {
				next, err := k.Reserve(t.Context(), first, true)
				if err != nil {
					t.Error(err)
				}
				if next == nil {
					mu.Lock()
					alone++
					mu.Unlock()
					if err := k.Tell(t.Context(), first, second); err != nil {
						t.Error(err)
					}
				}
			})
		}
		asking.Wait()
		if alone != 1 {
			t.Errorf("%d renew it", alone)
		}
	})
}

// Two who ask in one gateway are two: each account has a file of its own, and both may have
// copies of one login.
func TestLoginIsReservedOnceInAProcess(t *testing.T) {
	keepers(t, 1, func(t *testing.T, all []*keeper) {
		a := all[0]
		if got := <-a.reserve(t.Context(), first); got.next != nil || got.err != nil {
			t.Fatalf("it is %q, %v", got.next, got.err)
		}
		waiting := a.reserve(t.Context(), first)
		if err := a.Tell(t.Context(), first, second); err != nil {
			t.Fatal(err)
		}
		if got := <-waiting; !bytes.Equal(got.next, second) || got.err != nil {
			t.Errorf("the second is told %q, %v", got.next, got.err)
		}
	})
}

// Who need not wait is told at once that another renews the login; and what is too long to
// be told is no entry.
func TestLoginIsRefusedAtOnce(t *testing.T) {
	keepers(t, 2, func(t *testing.T, all []*keeper) {
		a, b := all[0], all[1]
		if got := <-a.reserve(t.Context(), first); got.next != nil || got.err != nil {
			t.Fatalf("it is %q, %v", got.next, got.err)
		}
		began := time.Now()
		if next, err := b.Reserve(t.Context(), first, false); next != nil || !errors.Is(err, errBusy) || time.Since(began) > 0 {
			t.Errorf("it is %q, %v after %v", next, err, time.Since(began))
		}
		if err := a.Tell(t.Context(), first, make([]byte, maxNext)); !errors.Is(err, fs.ErrInvalid) || b.Next(first) != nil {
			t.Errorf("it is %v", err)
		}
	})
}

// What is attended to is called during a membership, and fails without ending that.
func TestAttend(t *testing.T) {
	keepers(t, 1, func(t *testing.T, all []*keeper) {
		a := all[0]
		calls := make(chan time.Time, 10)
		a.Attend(func(ctx context.Context) error { calls <- time.Now(); return errors.New("not yet") })
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		began := time.Now()
		running.Go(func() { a.Run(ctx, a.member) })
		for n := range 3 {
			if after := (<-calls).Sub(began); after != time.Duration(n)*attendPause {
				t.Errorf("call %d is after %v", n, after)
			}
		}
		cancel()
		running.Wait()
		if len(calls) > 0 {
			t.Errorf("it is called %d times more", len(calls))
		}
	})
}
