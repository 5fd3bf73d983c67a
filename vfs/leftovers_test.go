package vfs_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/ownname"
)

// unwilling is a store that does not remove what is hidden, as long as that is
// set, and notes when it was asked to.
type unwilling struct {
	*memory.Backend
	refuses bool
	since   time.Time
	asked   []time.Duration // since when
}

func (u *unwilling) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if !ownname.Is(name) {
		return u.Backend.Remove(ctx, name, opts)
	}
	u.asked = append(u.asked, time.Since(u.since))
	if u.refuses {
		return backend.PathError("remove", name, backend.ErrUnavailable, "not now")
	}
	return u.Backend.Remove(ctx, name, opts)
}

// TestLeftoversAreRemovedLater has the removal of what was replaced fail again
// and again: it stays hidden, and the store is asked again after a minute, two
// more, four more, until it succeeds. Other operations do not ask for it.
func TestLeftoversAreRemovedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &unwilling{Backend: memory.New(memory.Options{}), refuses: true, since: time.Now()}
		f := newFS(t, s)
		replaceFixture(t, f)
		if err := f.Move("/from", "/d", true); err != nil {
			t.Fatal(err)
		}
		const after = "d/ d/x=1 d/x2/ d/x2/y=2 plain=3"
		if got := tree(t, f); got != after {
			t.Errorf("%q, want %q", got, after)
		}
		time.Sleep(10 * time.Minute)
		minutes := []time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute}
		if !slices.Equal(s.asked, minutes) {
			t.Errorf("the store was asked after %v, want %v", s.asked, minutes)
		}
		if got := tree(t, newFS(t, s.Backend)); !strings.Contains(got, "kept") {
			t.Errorf("nothing is hidden in %q, so nothing is tested", got)
		}
		s.refuses = false
		if err := f.Copy("/plain", "/copy", false, -1); err != nil {
			t.Fatal(err)
		}
		if n := len(s.asked); n != 4 {
			t.Errorf("a copy elsewhere asked for the leftover")
		}
		time.Sleep(24 * time.Hour)
		if got := append(minutes, 15*time.Minute); !slices.Equal(s.asked, got) {
			t.Errorf("the store was asked after %v, want %v", s.asked, got)
		}
		if got := tree(t, newFS(t, s.Backend)); got != "copy=3 "+after {
			t.Errorf("%q is in the store", got)
		}
		s.refuses, s.since, s.asked = true, time.Now(), nil // the pauses begin anew
		if err := f.Copy("/plain", "/d", true, -1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if want := minutes[:2]; !slices.Equal(s.asked, want) {
			t.Errorf("the next time the store was asked after %v, want %v", s.asked, want)
		}
		if err := f.Close(); err != nil { // ends the timer, or the bubble does not end
			t.Error(err)
		}
	})
}

// TestInterruptedIsRecoveredLater has the store fail in the middle of an
// operation and while that is undone: it is undone a minute later, though nobody
// asks for the name.
func TestInterruptedIsRecoveredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Options{})
		calls := -100
		f := newFS(t, hooked{b, func(change func() error) error {
			if calls++; calls == 2 || calls == 3 {
				return backend.PathError("move", "-", backend.ErrUnavailable, "")
			}
			return change()
		}})
		replaceFixture(t, f)
		calls = 0
		if err := f.Move("/from", "/d", true); err == nil {
			t.Fatal("it went well, so nothing is tested")
		}
		time.Sleep(2 * time.Minute)
		if got, want := tree(t, newFS(t, b)), "d/ d/k=kept from/ from/x=1 from/x2/ from/x2/y=2 plain=3"; got != want {
			t.Errorf("%q is in the store, want %q", got, want)
		}
	})
}
