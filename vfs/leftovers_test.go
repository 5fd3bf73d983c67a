package vfs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/vfs"
)

// unwilling is a store that does not remove what is hidden, as long as that is
// set, and notes when it was asked to.
type unwilling struct {
	*memory.Backend

	mu      sync.Mutex // guards the fields below
	refuses bool
	since   time.Time
	asked   []time.Duration // since when
}

func (u *unwilling) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	if !ownname.Is(name) {
		return u.Backend.Remove(ctx, name, opts)
	}
	u.mu.Lock()
	u.asked = append(u.asked, time.Since(u.since))
	refuses := u.refuses
	u.mu.Unlock()
	if refuses {
		return backend.PathError("remove", name, backend.ErrUnavailable, "not now")
	}
	return u.Backend.Remove(ctx, name, opts)
}

// wait returns when the store was asked, after some time.
func (u *unwilling) wait(d time.Duration) []time.Duration {
	time.Sleep(d)
	synctest.Wait()
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.asked)
}

// set begins anew.
func (u *unwilling) set(refuses bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.refuses = refuses; refuses {
		u.since, u.asked = time.Now(), nil
	}
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
		minutes := []time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute}
		if asked := s.wait(10 * time.Minute); !slices.Equal(asked, minutes) {
			t.Errorf("the store was asked after %v, want %v", asked, minutes)
		}
		if got := tree(t, newFS(t, s.Backend)); !strings.Contains(got, "kept") {
			t.Errorf("nothing is hidden in %q, so nothing is tested", got)
		}
		s.set(false)
		if err := f.Copy("/plain", "/copy", false, -1); err != nil {
			t.Fatal(err)
		}
		if len(s.wait(0)) != 4 {
			t.Errorf("a copy elsewhere asked for the leftover")
		}
		if asked, want := s.wait(24*time.Hour), append(minutes, 15*time.Minute); !slices.Equal(asked, want) {
			t.Errorf("the store was asked after %v, want %v", asked, want)
		}
		if got := tree(t, newFS(t, s.Backend)); got != "copy=3 "+after {
			t.Errorf("%q is in the store", got)
		}
		s.set(true) // the pauses begin anew
		if err := f.Copy("/plain", "/d", true, -1); err != nil {
			t.Fatal(err)
		}
		if asked, want := s.wait(2*time.Minute), minutes[:2]; !slices.Equal(asked, want) {
			t.Errorf("the next time the store was asked after %v, want %v", asked, want)
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
		var calls atomic.Int64
		calls.Store(-100)
		f := newFS(t, hooked{b, func(change func() error) error {
			if n := calls.Add(1); n == 2 || n == 3 {
				return backend.PathError("move", "-", backend.ErrUnavailable, "")
			}
			return change()
		}})
		replaceFixture(t, f)
		calls.Store(0)
		if err := f.Move("/from", "/d", true); err == nil {
			t.Fatal("it went well, so nothing is tested")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got, want := tree(t, newFS(t, b)), "d/ d/k=kept from/ from/x=1 from/x2/ from/x2/y=2 plain=3"; got != want {
			t.Errorf("%q is in the store, want %q", got, want)
		}
	})
}

// TestLeftoversDoNotGoAlong moves and copies a folder in which something hidden
// could not be removed yet. It would be taken along, and shown there: the folder
// stays as long as it cannot be removed.
func TestLeftoversDoNotGoAlong(t *testing.T) {
	for what, do := range map[string]func(f *vfs.FS) error{
		"move":   func(f *vfs.FS) error { return f.Move("/e", "/n", false) },
		"rename": func(f *vfs.FS) error { return f.Rename("/e", "/n") },
		"copy":   func(f *vfs.FS) error { return f.Copy("/e", "/n", false, -1) },
	} {
		t.Run(what, func(t *testing.T) {
			s := &unwilling{Backend: memory.New(memory.Options{}), refuses: true, since: time.Now()}
			f := newFS(t, s)
			replaceFixture(t, f)
			for _, err := range []error{f.Mkdir("/e", 0o755), f.Move("/from", "/d", true), f.Move("/d", "/e/d", false), f.Mkdir("/from", 0o755), f.Move("/from", "/e/d", true)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := do(f); !errors.Is(err, backend.ErrUnavailable) {
				t.Errorf("while something is left in it: %v", err)
			}
			s.set(false)
			if err := do(f); err != nil {
				t.Fatal(err)
			}
			if got := tree(t, newFS(t, s.Backend)); strings.Contains(got, "n/.davdisk") {
				t.Errorf("it was taken along: %q", got)
			}
		})
	}
}
