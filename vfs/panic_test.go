package vfs_test

import (
	"context"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

// TestPanicsLeaveNoLockHeld has the driver panic at every call of every
// operation that takes several steps, and at the next call or not. Programs
// such as net/http recover from that, so everything must go on: what there is
// is the old or the new, and nobody waits for ever.
func TestPanicsLeaveNoLockHeld(t *testing.T) {
	recovered := func(f func()) (panicked bool) {
		defer func() { panicked = recover() != nil }()
		f()
		return false
	}
	for name, r := range replacements() {
		for _, next := range []func(f *vfs.FS){
			nil, // does not panic
			func(f *vfs.FS) { afero.ReadDir(f, "/") },
			func(f *vfs.FS) { r.do(f) },
		} {
			twice := next != nil
			panicked := true
			for at := 1; panicked; at++ {
				b, calls, on := newCounting(memory.Options{}), 0, false
				b.gate = func(op, _ string) {
					if calls++; on && (calls == at || twice && calls == at+1) {
						panic("broken driver")
					}
				}
				f := newFS(t, b, vfs.WithDirCache(0, 0)) // so that all calls are made by the caller
				replaceFixture(t, f)
				calls, on = 0, true
				panicked = recovered(func() { r.do(f) })
				if twice && panicked {
					recovered(func() { next(f) })
				}
				on = false
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				f = f.WithContext(ctx).(*vfs.FS)
				if got := tree(t, f); got != r.old && got != r.new {
					t.Errorf("%s, call %d, twice=%v: there is %q", name, at, twice, got)
				}
				for _, folder := range []string{"/from", "/d", "/plain", "/new"} {
					if err := f.RemoveAll(folder); err != nil {
						t.Errorf("%s, call %d, twice=%v: remove %s: %v", name, at, twice, folder, err)
					}
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
				cancel()
			}
		}
	}
}

// TestPanicOfARevision is the same for those who wait for one answer together.
func TestPanicOfARevision(t *testing.T) {
	b, clock := newCounting(memory.Options{}), newClock()
	f := newFS(t, b, vfs.WithClock(clock.Now), vfs.WithPollInterval(time.Second))
	look := func() { afero.ReadDir(f, "/") }
	look()
	clock.Advance(2 * time.Second)
	b.gate = func(op, _ string) {
		if op == "revision" {
			panic("broken driver")
		}
	}
	func() {
		defer func() { recover() }()
		look()
		t.Error("the driver was not asked, so nothing is tested")
	}()
	b.gate = nil
	b.calls()
	look()
	b.wants(t, "after the panic", "1 list, 1 revision")
}
