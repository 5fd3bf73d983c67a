package dircache

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
)

// TestOneRequestForAll who want the same listing at the same time, whoever of
// them gives up.
func TestOneRequestForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore("d/f")
		c, _ := start(t, s, Options{})
		held := make(chan struct{})
		s.listing = func(context.Context) { <-held }
		first, giveUp := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, _, err := c.List(first, "d")
			gone <- err
		}()
		synctest.Wait() // it is his request that the others join
		got := make(chan *Children)
		for range 3 {
			go func() {
				_, children, err := c.List(t.Context(), "d")
				if err != nil {
					t.Error(err)
				}
				got <- children
			}()
		}
		synctest.Wait()
		giveUp()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up was told %v", err)
		}
		close(held)
		for range 3 {
			children := <-got
			synctest.Wait() // the others have theirs, too
			if join(children) != "f" {
				t.Errorf("there is %q", join(children))
			}
			c.Removed("d/f") // which what was answered before does not show
		}
		s.wants(t, "four at once", "1 list")
	})
}

// TestARequestThatNobodyWants any more is given up, and its answer is not
// remembered.
func TestARequestThatNobodyWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore("d/f")
		c, _ := start(t, s, Options{})
		var asked context.Context
		s.listing = func(ctx context.Context) {
			asked = ctx
			<-ctx.Done()
		}
		ctx, giveUp := context.WithCancel(t.Context())
		done := make(chan error)
		for range 2 {
			go func() {
				_, _, err := c.List(ctx, "d")
				done <- err
			}()
		}
		synctest.Wait()
		giveUp()
		for range 2 {
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("it was told %v", err)
			}
		}
		synctest.Wait()
		if asked.Err() == nil {
			t.Error("the store is still at work for nobody")
		}
		c.Close()
		s.listing = nil
		s.calls()
		if got := names(t, c, "d"); got != "f" {
			t.Errorf("afterwards there is %q", got)
		}
		s.wants(t, "afterwards", "1 list")
	})
}

// TestWhoWantsAllOfAWideFolder is given all of it, also when he comes while it
// is listed for a single name: before that is given up, or after.
func TestWhoWantsAllOfAWideFolder(t *testing.T) {
	var all []string
	for i := range wide + 5 {
		all = append(all, fmt.Sprintf("d/%05d", i))
	}
	for name, test := range map[string]struct {
		hold  func(s *store, held chan struct{})
		calls string
	}{
		"before": {func(s *store, held chan struct{}) { s.listing = func(context.Context) { <-held } }, "1 list"},
		"after":  {func(s *store, held chan struct{}) { s.given = func() { <-held } }, "2 list"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore(all...)
			c, _ := start(t, s, Options{})
			held := make(chan struct{})
			test.hold(s, held)
			one, whole := make(chan error), make(chan int)
			go func() {
				_, err := c.Stat(t.Context(), "d/00000")
				one <- err
			}()
			synctest.Wait()
			go func() {
				_, children, err := c.List(t.Context(), "d")
				if err != nil {
					t.Error(err)
				}
				whole <- children.Len()
			}()
			synctest.Wait()
			close(held)
			if err := <-one; err != nil {
				t.Errorf("%s: the name: %v", name, err)
			}
			if n := <-whole; n != wide+5 {
				t.Errorf("%s: who wanted all was given %d entries", name, n)
			}
			s.wants(t, name, test.calls)
		})
	}
}

// TestNothingInProgressIsJoinedWhileNothingIsValid: a listing that another caller
// waits for may have been read before what this one has to see, and must not be
// used once the cache is valid again.
func TestNothingInProgressIsJoinedWhileNothingIsValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore("d/f")
		valid := false
		c, _ := start(t, s, Options{Valid: func() bool { return valid }})
		held := make(chan struct{})
		s.listing = func(context.Context) { <-held }
		done := make(chan error)
		go func() {
			_, _, err := c.List(t.Context(), "d")
			done <- err
		}()
		synctest.Wait()
		s.listing = nil
		names(t, c, "d")
		s.wants(t, "a second caller", "2 list")
		valid = true
		c.Invalidate(".")
		close(held)
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		names(t, c, "d")
		s.wants(t, "a caller once it is valid", "1 list")
	})
}
