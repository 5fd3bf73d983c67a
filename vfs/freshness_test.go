package vfs_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

func TestFreshness(t *testing.T) {
	stat := func(f *vfs.FS) { f.Stat("/dir/a") }
	foreign := func(c *counting) {
		c.Backend.Mkdir(t.Context(), fmt.Sprintf("elsewhere-%d", time.Now().UnixNano()))
	}
	type step struct {
		after time.Duration
		do    func(f *vfs.FS, c *counting)
		want  string
	}
	look := func(f *vfs.FS, _ *counting) { stat(f) }
	tests := map[string][]step{
		"confirmed by a revision that stands": {
			{0, look, "1 list"},
			{4 * time.Second, look, ""},
			{2 * time.Second, look, "1 list, 1 revision"}, // the first time there is nothing to compare with
			{6 * time.Second, look, "1 list, 1 revision"}, // the listing is too close to the first look at the revision
			{6 * time.Second, look, "1 revision"},
			{4 * time.Second, look, ""},
			{2 * time.Second, look, "1 revision"},
			{time.Hour, look, "1 revision"},
		},
		"listed again when the revision has moved": {
			{0, look, "1 list"},
			{6 * time.Second, look, "1 list, 1 revision"},
			{6 * time.Second, look, "1 list, 1 revision"},
			{time.Second, func(_ *vfs.FS, c *counting) { foreign(c) }, ""},
			{6 * time.Second, look, "1 list, 1 revision"},
		},
		"asked at most once an interval": {
			{0, look, "1 list"},
			{0, func(f *vfs.FS, _ *counting) { f.Stat("/dir/sub/c") }, "1 list"},
			{6 * time.Second, look, "1 list, 1 revision"},
			{0, func(f *vfs.FS, _ *counting) { f.Stat("/dir/sub/c") }, "1 list"},
		},
		"not asked while nobody wants it": {
			{0, look, "1 list"},
			{time.Hour, func(*vfs.FS, *counting) {}, ""},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			c, now := newCounting(memory.Options{}), newClock()
			budgetFixture(t, newFS(t, c))
			f := newFS(t, c, vfs.WithClock(now.Now))
			c.calls()
			for i, s := range steps {
				now.Advance(s.after)
				s.do(f, c)
				c.wants(t, fmt.Sprintf("step %d", i+1), s.want)
			}
		})
	}
}

// TestFrozenRevision has a store whose revision does not move with what is
// written: then it must not confirm anything.
func TestFrozenRevision(t *testing.T) {
	c, now := newCounting(memory.Options{}), newClock()
	budgetFixture(t, newFS(t, c))
	f := newFS(t, frozen{c}, vfs.WithClock(now.Now))
	look := func() {
		if _, err := f.Stat("/dir/a"); err != nil {
			t.Fatal(err)
		}
	}
	look()
	now.Advance(6 * time.Second)
	look() // asks for the revision
	now.Advance(3 * time.Second)
	write(t, f, "/dir/b", "ours")
	now.Advance(3 * time.Second)
	look() // sees that it has not moved
	c.calls()
	now.Advance(50 * time.Second)
	look()
	c.wants(t, "within the time of expiry", "")
	now.Advance(11 * time.Second)
	look()
	c.wants(t, "after it", "1 list")
}

type frozen struct{ *counting }

func (f frozen) Revision(context.Context) (string, error) { return "always the same", nil }

func TestForeignChangeIsSeen(t *testing.T) {
	for _, revisions := range []bool{true, false} {
		now := newClock()
		b := memory.New(memory.Options{Now: now.Now})
		var store backend.Backend = b
		if !revisions {
			store = struct{ backend.Backend }{b}
		}
		f := newFS(t, store, vfs.WithClock(now.Now), vfs.WithDirCache(time.Minute, 1000))
		write(t, f, "/a", "ours")
		for range 5 { // until listings are being confirmed
			tree(t, f)
			now.Advance(6 * time.Second)
		}
		if _, err := b.Put(t.Context(), "a", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
			t.Fatal(err)
		}
		if err := b.Mkdir(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		now.Advance(map[bool]time.Duration{true: 5 * time.Second, false: time.Minute}[revisions])
		if got, want := tree(t, f), "a=theirs d/"; got != want {
			t.Errorf("revisions=%v: %q, want %q", revisions, got, want)
		}
	}
}

// lateList is a store whose listings arrive late: after release, with what was
// there when they were asked for.
type lateList struct {
	*memory.Backend
	asked, release chan struct{}
}

func (l lateList) List(ctx context.Context, name string) (backend.Info, iter.Seq2[backend.Info, error], error) {
	self, children, err := l.Backend.List(ctx, name)
	if name == "d" {
		l.asked <- struct{}{}
		<-l.release
	}
	return self, children, err
}

// TestOwnWritesDuringAListing changes a folder while it is being listed: what
// arrives late must not undo what we have done.
func TestOwnWritesDuringAListing(t *testing.T) {
	tests := map[string]struct {
		do   func(f *vfs.FS) error
		want string
	}{
		"put":       {func(f *vfs.FS) error { write(t, f, "/d/new", "n"); return nil }, "a b new"},
		"mkdir":     {func(f *vfs.FS) error { return f.Mkdir("/d/new", 0o777) }, "a b new"},
		"delete":    {func(f *vfs.FS) error { return f.Delete("/d/a", "") }, "b"},
		"move":      {func(f *vfs.FS) error { return f.Move("/d/a", "/d/z", false) }, "b z"},
		"move away": {func(f *vfs.FS) error { return f.Move("/d/a", "/z", false) }, "b"},
		"copy":      {func(f *vfs.FS) error { return f.Copy("/d/a", "/d/z", false, -1) }, "a b z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := memory.New(memory.Options{})
			side := newFS(t, b)
			if err := side.Mkdir("/d", 0o777); err != nil {
				t.Fatal(err)
			}
			write(t, side, "/d/a", "1")
			write(t, side, "/d/b", "2")
			l := lateList{b, make(chan struct{}, 10), make(chan struct{})}
			f := newFS(t, l)
			done := make(chan struct{})
			names := func() string {
				infos, err := afero.ReadDir(f, "/d")
				if err != nil {
					t.Error(err)
				}
				var names []string
				for _, info := range infos {
					names = append(names, info.Name())
				}
				return strings.Join(names, " ")
			}
			go func() {
				defer close(done)
				names()
			}()
			<-l.asked
			change := make(chan error)
			go func() { change <- test.do(f) }()
			select {
			case err := <-change: // needs no listing itself
				if err != nil {
					t.Error(err)
				}
				close(l.release)
			case <-time.After(50 * time.Millisecond): // waits for the same one
				close(l.release)
				if err := <-change; err != nil {
					t.Error(err)
				}
			}
			<-done
			if got := names(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
