package dircache

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// siblings is a store of folders with a file each, which are listed in 30 ms.
func siblings(n int) *store {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("d/%03d/f", i))
	}
	s := newStore(all...)
	s.listing = func(context.Context) { time.Sleep(30 * time.Millisecond) }
	return s
}

// TestWalk lists folders one after the other, the next of which are listed ahead.
func TestWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := siblings(200)
		c, _ := start(t, s, Options{})
		names(t, c, "d")
		begin := time.Now()
		for i := range 200 {
			if got := names(t, c, fmt.Sprintf("d/%03d", i)); got != "f" {
				t.Fatalf("%d: %q", i, got)
			}
		}
		if took := time.Since(begin); took > 200*30*time.Millisecond/4 {
			t.Errorf("the walk took %v", took)
		}
		s.wants(t, "the walk", "201 list")
	})
}

// TestNotAWalk lists folders in an order in which nothing is to be listed ahead.
func TestNotAWalk(t *testing.T) {
	for name, test := range map[string]struct {
		order []int
		lists int
	}{
		"one":              {[]int{0}, 2},
		"one again":        {[]int{0, 0, 0}, 2},
		"far from another": {[]int{0, 50, 100, 150}, 5},
		"backwards":        {[]int{150, 149, 148, 147}, 5},
		"two":              {[]int{0, 1}, 3 + maxAhead},
		"to the end":       {[]int{197, 198}, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := siblings(200)
			c, _ := start(t, s, Options{})
			names(t, c, "d")
			for _, i := range test.order {
				names(t, c, fmt.Sprintf("d/%03d", i))
			}
			synctest.Wait()
			time.Sleep(time.Minute)
			s.wants(t, name, fmt.Sprintf("%d list", test.lists))
		})
	}
}

// TestAheadIsBounded in number and in time, whatever clients do and however long
// the store takes.
func TestAheadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := siblings(200)
		c, _ := start(t, s, Options{})
		names(t, c, "d")
		var mu sync.Mutex
		var clients []string
		waiting, most := 0, 0
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			waiting += by
			most = max(most, waiting)
		}
		s.listing = func(ctx context.Context) {
			mu.Lock()
			clients = append(clients, backend.ClientFromContext(ctx))
			mu.Unlock()
			count(1)
			defer count(-1)
			if backend.ClientFromContext(ctx) == "ann" {
				return // the client's own
			}
			<-ctx.Done()
		}
		ctx := backend.WithClient(t.Context(), "ann")
		for _, i := range []int{0, 1, 20, 21, 40, 41} {
			if _, _, err := c.List(ctx, fmt.Sprintf("d/%03d", i)); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		mu.Lock()
		slices.Sort(clients)
		if got := slices.Compact(slices.Clone(clients)); most > maxAhead+1 || len(clients) != 6+maxAhead || !slices.Equal(got, []string{"ann", "ann, ahead"}) {
			t.Errorf("%d listings at a time, of %q", most, clients)
		}
		mu.Unlock()
		time.Sleep(aheadTime)
		synctest.Wait()
		mu.Lock()
		if waiting > 0 {
			t.Errorf("%d listings are going on", waiting)
		}
		mu.Unlock()

		// Nor does Close wait for them.
		for _, i := range []int{60, 61} {
			if _, _, err := c.List(ctx, fmt.Sprintf("d/%03d", i)); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		begin := time.Now()
		c.Close()
		if took := time.Since(begin); took > 0 {
			t.Errorf("Close took %v", took)
		}
	})
}

// TestAheadOfAFailure: a folder that could not be listed ahead is listed for the
// client that wants it, who is told what the store says then.
func TestAheadOfAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := siblings(5)
		c, _ := start(t, s, Options{})
		names(t, c, "d")
		names(t, c, "d/000")
		s.fails = backend.PathError("list", "d", backend.ErrUnavailable, "")
		if got := names(t, c, "d/001"); got != s.fails.Error() {
			t.Errorf("%q", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		s.fails = nil
		for i := range 5 {
			if got := names(t, c, fmt.Sprintf("d/%03d", i)); got != "f" {
				t.Errorf("%d: %q", i, got)
			}
		}
	})
}
