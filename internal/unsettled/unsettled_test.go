package unsettled_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/davdisk/davdisk/internal/unsettled"
)

// TestChanges has what is reported, and what becomes of it when that is asked for.
func TestChanges(t *testing.T) {
	for name, test := range map[string]struct {
		over  []bool // of each change, whether it cannot take effect any more
		asked []int  // which are asked, in turn
		is    bool   // that none can
	}{
		"none":                    {nil, nil, true},
		"one that is over":        {[]bool{true}, []int{0}, true},
		"one that is not":         {[]bool{false}, []int{0}, false},
		"all are over":            {[]bool{true, true, true}, []int{0, 1, 2}, true},
		"asked until one is not":  {[]bool{true, false, true}, []int{0, 1}, false},
		"the last one is not yet": {[]bool{true, true, false}, []int{0, 1, 2}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []int
			ctx, changes := unsettled.With(t.Context())
			for i, over := range test.over {
				unsettled.Report(ctx, func(context.Context) bool { asked = append(asked, i); return over })
			}
			if changes.Any() != (len(test.over) > 0) {
				t.Errorf("there are any: %v", changes.Any())
			}
			if is := changes.Over(t.Context()); is != test.is || !slices.Equal(asked, test.asked) {
				t.Errorf("they are over: %v, asked %v, want %v", is, asked, test.asked)
			}
			if changes.Any() == test.is {
				t.Errorf("afterwards there are any: %v", changes.Any())
			}
			// What is over is not asked again, and what is not is.
			asked = nil
			if is := changes.Over(t.Context()); is != test.is || !test.is && !slices.Equal(asked, test.asked[len(test.asked)-1:]) || test.is && asked != nil {
				t.Errorf("asked again, they are over: %v, asked %v", is, asked)
			}
		})
	}
}

// Whoever has asked with no such context, or with one that leaves it out, is told nothing,
// and no changes at all are over.
func TestNobodyIsTold(t *testing.T) {
	ctx, changes := unsettled.With(t.Context())
	over := func(context.Context) bool { t.Error("it is asked"); return false }
	unsettled.Report(t.Context(), over)
	unsettled.Report(unsettled.Without(ctx), over)
	inner, of := unsettled.With(ctx)
	unsettled.Report(inner, over)
	if changes.Any() || !changes.Over(ctx) || !of.Any() {
		t.Error("another caller is told")
	}
	var none *unsettled.Changes
	if none.Any() || !none.Over(t.Context()) {
		t.Error("no changes are unsettled")
	}
}

// Each change is asked for with the context of the caller, and one that is reported
// meanwhile is not lost.
func TestReportedWhileAsked(t *testing.T) {
	type key struct{}
	ctx, changes := unsettled.With(t.Context())
	second := false
	unsettled.Report(ctx, func(asking context.Context) bool {
		if asking.Value(key{}) != "asks" {
			t.Error("it is asked by another")
		}
		unsettled.Report(ctx, func(context.Context) bool { second = true; return false })
		return true
	})
	if changes.Over(context.WithValue(t.Context(), key{}, "asks")) || !second || !changes.Any() {
		t.Error("what was reported meanwhile is lost")
	}
}

// Two ask at once: what neither has found to be over stays.
func TestAskedByTwo(t *testing.T) {
	ctx, changes := unsettled.With(t.Context())
	var both sync.WaitGroup
	both.Add(2)
	var mu sync.Mutex
	asked := 0
	unsettled.Report(ctx, func(context.Context) bool { both.Done(); both.Wait(); return true })
	unsettled.Report(ctx, func(context.Context) bool { mu.Lock(); defer mu.Unlock(); asked++; return false })
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			if changes.Over(t.Context()) {
				t.Error("they are over")
			}
		})
	}
	asking.Wait()
	if asked != 2 || !changes.Any() {
		t.Errorf("the second was asked %d times, and there are any: %v", asked, changes.Any())
	}
}
