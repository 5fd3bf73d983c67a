package pathlock

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// waits reports whether a claim for b waits while one for a is held.
func waits(t *testing.T, a, b Name) bool {
	t.Helper()
	var table Table
	unlock, err := table.Lock(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	c := &claim{names: []Name{b}, granted: make(chan struct{})}
	table.mu.Lock()
	table.claims = append(table.claims, c)
	table.grant()
	held := c.held
	table.mu.Unlock()
	cancel()
	<-ctx.Done()
	return !held
}

func TestConflicts(t *testing.T) {
	tests := []struct {
		a, b Name
		want bool
	}{
		{One("a"), One("a"), true},
		{One("a"), One("b"), false},
		{One("a"), One("a/b"), false},
		{One("a/b"), One("a"), false},
		{Tree("a"), One("a"), true},
		{Tree("a"), One("a/b/c"), true},
		{One("a/b/c"), Tree("a"), true},
		{Tree("a"), One("ab"), false},
		{Tree("a"), Tree("a/b"), true},
		{Tree("a/b"), Tree("a/c"), false},
		{Tree("a/b"), One("a"), false},
		{Tree("."), One("a"), true},
		{One("."), One("a"), false},
	}
	for _, test := range tests {
		if got := waits(t, test.a, test.b); got != test.want {
			t.Errorf("%v beside %v waits: %v, want %v", test.b, test.a, got, test.want)
		}
	}
}

func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table Table
		first, _ := table.Lock(t.Context(), One("a"))
		order := make(chan string, 3)
		for _, name := range []Name{Tree("a"), One("a"), Tree("a")} {
			go func() {
				unlock, _ := table.Lock(t.Context(), name)
				order <- fmt.Sprint(name)
				unlock()
			}()
			synctest.Wait()
		}
		first()
		if got := <-order + <-order + <-order; got != "{a true}{a false}{a true}" {
			t.Errorf("order %q", got)
		}
	})
}

// TestWaitingHoldsBackItsNamesOnly has a change of a folder wait for something
// below it: others go on there, but not on the folder itself. When it has it,
// nothing below is granted.
func TestWaitingHoldsBackItsNamesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := Table{Timeout: time.Hour}
		body, _ := table.Lock(t.Context(), One("d/slow"))
		granted := map[string]chan func(){}
		claim := func(as string, names ...Name) {
			got := make(chan func(), 1)
			granted[as] = got
			go func() {
				unlock, err := table.Lock(t.Context(), names...)
				if err != nil {
					t.Error(err)
				}
				got <- unlock
			}()
			synctest.Wait()
		}
		wants := func(as string, want bool) {
			t.Helper()
			synctest.Wait()
			if got := len(granted[as]) > 0; got != want {
				t.Errorf("%s is granted: %v", as, got)
			}
		}
		claim("move", Tree("d"), Tree("e"))
		claim("below", One("d/x"))
		claim("itself", One("d"))
		claim("the other name", Tree("e"))
		wants("move", false)
		wants("below", true)
		wants("itself", false)
		wants("the other name", false)
		body()
		wants("move", false)
		(<-granted["below"])()
		wants("move", true)
		claim("below again", One("d/x"))
		wants("below again", false)
		(<-granted["move"])()
		for _, as := range []string{"itself", "the other name", "below again"} {
			wants(as, true)
			(<-granted[as])()
		}
	})
}

// TestTimeout has claims wait for what is held below them, on their names and
// above: only the first gives up, after the time set.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := Table{Timeout: 10 * time.Second}
		start := time.Now()
		var waiting sync.WaitGroup
		wait := func(held Name, names []Name, want error, after time.Duration) {
			unlock, err := table.Lock(t.Context(), held)
			if err != nil {
				t.Fatal(err)
			}
			waiting.Go(func() {
				unlock, err := table.Lock(t.Context(), names...)
				if !errors.Is(err, want) || time.Since(start) != after {
					t.Errorf("%v beside %v: %v after %v, want %v after %v", names, held, err, time.Since(start), want, after)
				}
				if err == nil {
					unlock()
				}
			})
			waiting.Go(func() {
				<-time.After(time.Minute)
				unlock()
			})
		}
		wait(One("a/x/y"), []Name{Tree("free"), Tree("a")}, ErrBusy, 10*time.Second)
		wait(Tree("b/x"), []Name{Tree("b")}, ErrBusy, 10*time.Second)
		wait(One("c"), []Name{Tree("c")}, nil, time.Minute)
		wait(Tree("d"), []Name{One("d/x")}, nil, time.Minute)
		waiting.Wait()
		if len(table.claims) > 0 {
			t.Errorf("%d claims are left", len(table.claims))
		}
	})
}

func TestCancelledWaitHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var table Table
		first, _ := table.Lock(t.Context(), One("a"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			_, err := table.Lock(ctx, One("a"), One("b"))
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want context.Canceled", err)
		}
		second, err := table.Lock(t.Context(), One("b"))
		if err != nil {
			t.Fatal(err)
		}
		second()
		first()
		if len(table.claims) > 0 {
			t.Errorf("%d claims are left", len(table.claims))
		}
	})
}

// TestExclusion has many goroutines lock pairs of names in any order, and
// checks that no two hold what conflicts.
func TestExclusion(t *testing.T) {
	var table Table
	var mu sync.Mutex
	held := map[int][]Name{}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(g)))
			name := func() Name {
				depth := 1 + random.IntN(3)
				parts := make([]string, depth)
				for i := range parts {
					parts[i] = fmt.Sprint(random.IntN(2))
				}
				return Name{Path: strings.Join(parts, "/"), Tree: random.IntN(2) == 0}
			}
			for range 300 {
				mine := []Name{name(), name()}
				unlock, err := table.Lock(t.Context(), mine...)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for other, names := range held {
					if (&claim{names: names}).conflicts(&claim{names: mine}) {
						t.Errorf("%d holds %v while %d holds %v", other, names, g, mine)
					}
				}
				held[g] = mine
				mu.Unlock()
				mu.Lock()
				delete(held, g)
				mu.Unlock()
				unlock()
			}
		})
	}
	wg.Wait()
}
