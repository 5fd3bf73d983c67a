package vfs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/journal"
	"github.com/davdisk/davdisk/vfs"
)

// replacements are the operations that take several steps, over the tree that
// replaceFixture makes.
func replacements() map[string]struct {
	do       func(f *vfs.FS) error
	old, new string
} {
	const old = "d/ d/k=kept from/ from/x=1 from/x2/ from/x2/y=2 plain=3"
	return map[string]struct {
		do       func(f *vfs.FS) error
		old, new string
	}{
		"move folder over folder": {func(f *vfs.FS) error { return f.Move("/from", "/d", true) }, old, "d/ d/x=1 d/x2/ d/x2/y=2 plain=3"},
		"move folder over file":   {func(f *vfs.FS) error { return f.Move("/from", "/plain", true) }, old, "d/ d/k=kept plain/ plain/x=1 plain/x2/ plain/x2/y=2"},
		"move file over folder":   {func(f *vfs.FS) error { return f.Move("/plain", "/d", true) }, old, "d=3 from/ from/x=1 from/x2/ from/x2/y=2"},
		"copy folder over folder": {func(f *vfs.FS) error { return f.Copy("/from", "/d", true, -1) }, old, "d/ d/x=1 d/x2/ d/x2/y=2 from/ from/x=1 from/x2/ from/x2/y=2 plain=3"},
		"copy folder over file":   {func(f *vfs.FS) error { return f.Copy("/from", "/plain", true, -1) }, old, "d/ d/k=kept from/ from/x=1 from/x2/ from/x2/y=2 plain/ plain/x=1 plain/x2/ plain/x2/y=2"},
		"copy file over folder":   {func(f *vfs.FS) error { return f.Copy("/plain", "/d", true, -1) }, old, "d=3 from/ from/x=1 from/x2/ from/x2/y=2 plain=3"},
		"copy folder alone":       {func(f *vfs.FS) error { return f.Copy("/from", "/d", true, 0) }, old, "d/ from/ from/x=1 from/x2/ from/x2/y=2 plain=3"},
		"copy to a free name":     {func(f *vfs.FS) error { return f.Copy("/from", "/new", false, -1) }, old, "d/ d/k=kept from/ from/x=1 from/x2/ from/x2/y=2 new/ new/x=1 new/x2/ new/x2/y=2 plain=3"},
	}
}

func replaceFixture(t *testing.T, f *vfs.FS) {
	t.Helper()
	for _, dir := range []string{"/d", "/from", "/from/x2"} {
		if err := f.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, f, "/d/k", "kept")
	write(t, f, "/from/x", "1")
	write(t, f, "/from/x2/y", "2")
	write(t, f, "/plain", "3")
}

// steps counts the calls that change a store, and has one of them go wrong.
// It hides that the store can copy folders, so that there are more steps.
type steps struct {
	backend.Backend
	count atomic.Int64
	at    int64                  // the call that goes wrong, from 1
	wrong func(after bool) error // how, before and after it has been done
}

func (s *steps) step(do func() error) error {
	if s.count.Add(1) != s.at {
		return do()
	}
	if err := s.wrong(false); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.wrong(true)
}

func (s *steps) Mkdir(ctx context.Context, name string) error {
	return s.step(func() error { return s.Backend.Mkdir(ctx, name) })
}

func (s *steps) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	return s.step(func() error { return s.Backend.Remove(ctx, name, opts) })
}

func (s *steps) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	return s.step(func() error { return s.Backend.Move(ctx, from, to, opts) })
}

// copier is steps with a store that copies folders itself.
type copier struct{ *steps }

func (c copier) Copy(ctx context.Context, from, to string, opts backend.CopyOptions) error {
	return c.step(func() error { return backend.Copy(ctx, c.Backend, from, to, opts) })
}

func openLocal(t *testing.T, dir string) backend.Backend {
	t.Helper()
	b, err := local.New(dir, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// onDisk is all that a fresh file system, with no state, finds in a folder of
// this machine.
func onDisk(t *testing.T, dir string) string {
	t.Helper()
	return tree(t, newFS(t, openLocal(t, dir)))
}

func TestReplace(t *testing.T) {
	for name, r := range replacements() {
		t.Run(name, func(t *testing.T) {
			for _, copies := range []bool{true, false} {
				f := newFS(t, withSteps(openLocal(t, t.TempDir()), copies, nil), vfs.WithStateDir(t.TempDir()))
				replaceFixture(t, f)
				if err := r.do(f); err != nil {
					t.Fatal(err)
				}
				if got := tree(t, f); got != r.new {
					t.Errorf("%q, want %q", got, r.new)
				}
			}
		})
	}
}

func withSteps(b backend.Backend, copies bool, s *steps) backend.Backend {
	if s == nil {
		s = &steps{}
	}
	s.Backend = b
	if copies {
		return copier{s}
	}
	return s
}

// TestReplaceFails has every step of every operation fail, before or after it
// has been done, and the next few with it or not.
func TestReplaceFails(t *testing.T) {
	broken := errors.New("broken for the test")
	for name, r := range replacements() {
		for _, copies := range []bool{true, false} {
			for _, after := range []bool{false, true} {
				for at := int64(1); ; at++ {
					s := &steps{wrong: func(now bool) error {
						if now == after {
							return broken
						}
						return nil
					}}
					dir := t.TempDir()
					f := newFS(t, withSteps(openLocal(t, dir), copies, s), vfs.WithStateDir(t.TempDir()))
					replaceFixture(t, f)
					s.count.Store(0)
					s.at = at
					err := r.do(f)
					id := fmt.Sprintf("%s, copies=%v, step %d, after=%v", name, copies, at, after)
					switch seen := tree(t, f); {
					case err == nil && seen != r.new:
						t.Errorf("%s: nil was answered, but there is %q", id, seen)
					case seen != r.old && seen != r.new:
						t.Errorf("%s: %q, neither old nor new", id, seen)
					}
					if s.count.Load() < at {
						break
					}
				}
			}
		}
	}
}

// TestReplaceKilled kills the process at every step of every operation, and
// looks what the next start makes of it.
func TestReplaceKilled(t *testing.T) {
	if os.Getenv("DAVDISK_TEST_DIR") != "" {
		replaceAndDie(t)
		return
	}
	for name, r := range replacements() {
		for _, copies := range []bool{true, false} {
			for _, when := range []string{"before", "after"} {
				for at := 1; ; at++ {
					dir, state := t.TempDir(), t.TempDir()
					replaceFixture(t, newFS(t, openLocal(t, dir)))
					child := exec.Command(os.Args[0], "-test.run=^TestReplaceKilled$")
					child.Env = append(os.Environ(), "DAVDISK_TEST_DIR="+dir, "DAVDISK_TEST_STATE="+state,
						"DAVDISK_TEST_OPERATION="+name, fmt.Sprintf("DAVDISK_TEST_STEP=%d %s %v", at, when, copies))
					out, err := child.CombinedOutput()
					if err == nil {
						break // there are no more steps
					}
					if child.ProcessState.ExitCode() != killed {
						t.Fatalf("%v: %s", err, out)
					}
					id := fmt.Sprintf("%s, copies=%v, killed %s step %d", name, copies, when, at)
					f := newFS(t, openLocal(t, dir), vfs.WithStateDir(state))
					if seen := tree(t, f); seen != r.old && seen != r.new {
						t.Errorf("%s: %q, neither old nor new", id, seen)
					}
					if err := f.Close(); err != nil {
						t.Fatal(err)
					}
					if left := onDisk(t, dir); left != r.old && left != r.new {
						t.Errorf("%s: %q is left in the store", id, left)
					}
					if left := unfinished(t, state); len(left) > 0 {
						t.Errorf("%s: the journal holds %v", id, left)
					}
				}
			}
		}
	}
}

// unfinished is what the journal in a state folder holds.
func unfinished(t *testing.T, state string) map[string]json.RawMessage {
	t.Helper()
	left, err := journal.ReadMap[json.RawMessage](filepath.Join(state, "unfinished.journal"), "davdisk unfinished 1")
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// killed is how a process ends that replaceAndDie has killed.
const killed = 77

func replaceAndDie(t *testing.T) {
	var at int64
	var when string
	var copies bool
	if _, err := fmt.Sscan(os.Getenv("DAVDISK_TEST_STEP"), &at, &when, &copies); err != nil {
		t.Fatal(err)
	}
	s := &steps{at: at, wrong: func(after bool) error {
		if after == (when == "after") {
			os.Exit(killed)
		}
		return nil
	}}
	b := withSteps(openLocal(t, os.Getenv("DAVDISK_TEST_DIR")), copies, s)
	f := newFS(t, b, vfs.WithStateDir(os.Getenv("DAVDISK_TEST_STATE")))
	if err := replacements()[os.Getenv("DAVDISK_TEST_OPERATION")].do(f); err != nil {
		t.Fatal(err)
	}
}

// TestReplaceIsBroughtToItsEnd also if the client goes away once it has begun.
func TestReplaceIsBroughtToItsEnd(t *testing.T) {
	for name, r := range replacements() {
		t.Run(name, func(t *testing.T) {
			ctx, goAway := context.WithCancel(t.Context())
			begun := func() {}
			f := newFS(t, hooked{memory.New(memory.Options{}), func(change func() error) error {
				defer func() { begun() }()
				return change()
			}})
			replaceFixture(t, f)
			begun = goAway
			if err := r.do(f.WithContext(ctx).(*vfs.FS)); err != nil {
				t.Errorf("it answered %v", err)
			}
			if got := tree(t, f); got != r.new {
				t.Errorf("there is %q, want %q", got, r.new)
			}
		})
	}
}

// TestPendingIsNotMissing has the store fail for good while a folder is
// being replaced: what cannot be told must not be told to be missing.
func TestPendingIsNotMissing(t *testing.T) {
	var down atomic.Bool
	s := &steps{wrong: func(bool) error { down.Store(true); return errors.New("down") }}
	f := newFS(t, downWhen{withSteps(openLocal(t, t.TempDir()), true, s), &down})
	replaceFixture(t, f)
	h := openFile(t, f, "/d/k", os.O_RDWR)
	overwrite(t, h, "K")
	s.count.Store(0)
	s.at = 2 // the move proper
	if err := f.Move("/from", "/d", true); err == nil {
		t.Fatal("nil from a store that is down")
	}
	if err := h.Close(); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("closing a file in it: %v, want ErrUnavailable", err)
	}
	for _, name := range []string{"/d", "/d/k"} {
		if _, err := f.Stat(name); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("stat %s: %v, want ErrUnavailable", name, err)
		}
	}
	if _, err := afero.ReadDir(f, "/"); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("list: %v, want ErrUnavailable", err)
	}
	down.Store(false)
	if got := tree(t, f); got != replacements()["move folder over folder"].old || strings.Contains(got, ".davdisk") {
		t.Errorf("%q once the store is up again", got)
	}
}

// downWhen is a store that cannot be reached.
type downWhen struct {
	backend.Backend
	down *atomic.Bool
}

func (d downWhen) Stat(ctx context.Context, name string) (backend.Info, error) {
	if d.down.Load() {
		return backend.Info{}, backend.PathError("stat", name, backend.ErrUnavailable, "")
	}
	return d.Backend.Stat(ctx, name)
}

func (d downWhen) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	if d.down.Load() {
		return backend.LinkError("move", from, to, backend.ErrUnavailable, "")
	}
	return d.Backend.Move(ctx, from, to, opts)
}
