package vfs_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/unsettled"
	"github.com/davdisk/davdisk/vfs"
)

// Where someone else was at work on what was being replaced when it was cut
// short, nothing is removed, and what was replaced does not stay hidden: its
// owner finds it beside its old name.
func TestReplacedIsFoundAgain(t *testing.T) {
	const found = "target/ target/y=of someone else target (before abcdefghij)/ target (before abcdefghij)/z=replaced"
	for name, test := range map[string]struct {
		kind   string
		source bool // is still there
		others bool // agree with this process who changes what
		want   string
	}{
		"a move":              {"move", true, false, "from/ from/x=not moved " + found},
		"a copy":              {"copy", false, false, found}, // which may be all that is left of what was copied
		"a move among others": {"move", false, true, found},
		"a copy among others": {"copy", true, true, "from/ from/x=not moved " + found},
	} {
		t.Run(name, func(t *testing.T) {
			dir, state := t.TempDir(), t.TempDir()
			f := newFS(t, openLocal(t, dir))
			for _, folder := range []string{"/target", "/.davdisk-abcdefghij-target"} {
				if err := f.Mkdir(folder, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			if test.source {
				if err := f.Mkdir("/from", 0o777); err != nil {
					t.Fatal(err)
				}
				write(t, f, "/from/x", "not moved")
			}
			write(t, f, "/target/y", "of someone else")
			write(t, f, "/.davdisk-abcdefghij-target/z", "replaced")
			if err := os.Mkdir(filepath.Join(state, "unfinished"), 0o700); err != nil {
				t.Fatal(err)
			}
			entry := `{"id":"abcdefghij","kind":"` + test.kind + `","from":"from","target":"target","hidden":".davdisk-abcdefghij-target"}`
			if err := os.WriteFile(filepath.Join(state, "unfinished", "abcdefghij.json"), []byte(entry), 0o600); err != nil {
				t.Fatal(err)
			}
			opts := []vfs.Option{vfs.WithStateDir(state)}
			if test.others {
				opts = append(opts, vfs.WithAgreement(func(context.Context) bool { return true }))
			}
			recovered := newFS(t, openLocal(t, dir), opts...)
			if _, err := recovered.Stat("/target"); err != nil {
				t.Fatal(err)
			}
			if got := onDisk(t, dir); got != test.want {
				t.Errorf("there is\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// mover is a store that says what it moves before it does.
type mover struct {
	backend.Backend
	moves func(from, to string)
}

func (m *mover) Move(ctx context.Context, from, to string, opts backend.MoveOptions) error {
	m.moves(from, to)
	return m.Backend.Move(ctx, from, to, opts)
}

// TestAgreementIsLost: who has lost the agreement does not begin, and removes nothing.
func TestAgreementIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		at, want string // the move before which it is lost
		err      error
	}{
		"before":              {"", "from/ from/x=new target/ target/y=old", backend.ErrUnavailable},
		"at the first move":   {"target", "target/ target/x=new target (before ID)/ target (before ID)/y=old", nil},
		"at the second move":  {"from", "target/ target/x=new target (before ID)/ target (before ID)/y=old", nil},
		"after the last move": {"none", "target/ target/x=new", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var lost atomic.Bool
			lost.Store(test.at == "")
			dir := t.TempDir()
			store := &mover{openLocal(t, dir), func(from, _ string) {
				if from == test.at {
					lost.Store(true)
				}
			}}
			f := newFS(t, store, vfs.WithAgreement(func(context.Context) bool { return !lost.Load() }))
			for _, folder := range []string{"/from", "/target"} {
				if err := f.Mkdir(folder, 0o777); err != nil {
					t.Fatal(err)
				}
			}
			write(t, f, "/from/x", "new")
			write(t, f, "/target/y", "old")
			if err := f.Move("/from", "/target", true); !errors.Is(err, test.err) {
				t.Errorf("it is answered %v", err)
			}
			got := regexp.MustCompile(`before [a-z0-9]+`).ReplaceAllString(onDisk(t, dir), "before ID")
			if got != test.want {
				t.Errorf("there is\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestWhatOthersHaveIsNotMovedAside: what has the name of an operation that was over may
// be of others.
func TestWhatOthersHaveIsNotMovedAside(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(state, "unfinished"), 0o700), os.Mkdir(filepath.Join(dir, "target"), 0o700)); err != nil {
		t.Fatal(err)
	}
	entry := `{"id":"abcdefghij","kind":"move","from":"from","target":"target","hidden":".davdisk-abcdefghij-target"}`
	if err := os.WriteFile(filepath.Join(state, "unfinished", "abcdefghij.json"), []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	store := &mover{openLocal(t, dir), func(from, to string) { t.Errorf("%s is moved to %s", from, to) }}
	f := newFS(t, store, vfs.WithStateDir(state), vfs.WithAgreement(func(context.Context) bool { return true }))
	if _, err := f.Stat("/target"); err != nil {
		t.Error(err)
	}
}

// remover is a store that does not know how its removals end.
type remover struct{ backend.Backend }

func (r remover) Remove(ctx context.Context, name string, opts backend.RemoveOptions) error {
	unsettled.Report(ctx, func(context.Context) bool { return false })
	return r.Backend.Remove(ctx, name, opts)
}

// TestWhatIsHiddenConcernsNobody: who replaces a folder is not told what may become of
// the old one, which is hidden.
func TestWhatIsHiddenConcernsNobody(t *testing.T) {
	f := newFS(t, remover{memory.New(memory.Options{})})
	for _, folder := range []string{"/from", "/target"} {
		if err := f.Mkdir(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	ctx, changes := unsettled.With(t.Context())
	if err := f.WithContext(ctx).(*vfs.FS).Move("/from", "/target", true); err != nil || changes.Any() {
		t.Errorf("%v, and unsettled: %v", err, changes.Any())
	}
}

// TestAMoveAsideThatMayStillCome after a restart: it is asked for again, and
// undone, because the target would vanish later otherwise.
func TestAMoveAsideThatMayStillCome(t *testing.T) {
	state := t.TempDir()
	if err := os.Mkdir(filepath.Join(state, "unfinished"), 0o700); err != nil {
		t.Fatal(err)
	}
	entry := `{"id":"abcdefghij","kind":"move","from":"from","target":"target","hidden":".davdisk-abcdefghij-target"}`
	if err := os.WriteFile(filepath.Join(state, "unfinished", "abcdefghij.json"), []byte(entry), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newCounting(memory.Options{})
	f := newFS(t, b.Backend)
	write(t, f, "/from", "1")
	write(t, f, "/target", "2")
	var moves []string
	b.gate = func(op, name string) {
		if op == "move" {
			moves = append(moves, name)
		}
	}
	recovered := newFS(t, b, vfs.WithStateDir(state))
	if got := tree(t, recovered); got != "from=1 target=2" {
		t.Errorf("there is %q", got)
	}
	want := []string{"target to .davdisk-abcdefghij-target", ".davdisk-abcdefghij-target to target"}
	if !slices.Equal(moves, want) {
		t.Errorf("the store was asked to move %q, want %q", moves, want)
	}
}

// TestUnfinishedOfVersion1 takes up what a davdisk has left that was killed while
// it moved a folder over one, copied one over another, and was about to remove a
// third, and that kept a file for each.
func TestUnfinishedOfVersion1(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	left := filepath.Join("..", "internal", "journal", "testdata", "state-1", "shares", "yandex-f477dff5e0a1", "vfs", "unfinished")
	if err := os.CopyFS(filepath.Join(state, "unfinished"), os.DirFS(left)); err != nil {
		t.Fatal(err)
	}
	before := newFS(t, openLocal(t, dir))
	for name, content := range map[string]string{
		"from": "moving", "cfrom": "copying", "dtarget": "moved",
		".davdisk-uqxhpnxx5x-target": "put aside 1", ".davdisk-l4shn4p56o-ctarget": "put aside 2", ".davdisk-5l4ud7xhyw-dtarget": "replaced",
	} {
		if err := before.Mkdir("/"+name, 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, before, "/"+name+"/x", content)
	}
	const want = "cfrom/ cfrom/x=copying ctarget/ ctarget/x=put aside 2 dtarget/ dtarget/x=moved from/ from/x=moving target/ target/x=put aside 1"
	for range 2 {
		f := newFS(t, openLocal(t, dir), vfs.WithStateDir(state))
		if err := f.Close(); err != nil { // which waits for what it has taken up
			t.Fatal(err)
		}
		if got := onDisk(t, dir); got != want {
			t.Errorf("there is\n%s\nwant\n%s", got, want)
		}
		if left := unfinished(t, state); len(left) != 0 {
			t.Errorf("the journal holds %v", left)
		}
		if _, err := os.Stat(filepath.Join(state, "unfinished")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder of version 1 is still there: %v", err)
		}
	}
}

// TestUnfinishedThatCannotBeUnderstood stops the start and stays.
func TestUnfinishedThatCannotBeUnderstood(t *testing.T) {
	for name, content := range map[string]string{
		"no JSON":          `{"id":"abcdefghij","kind":"discard"`,
		"another's name":   `{"id":"abcdefghik","kind":"discard","hidden":".davdisk-abcdefghij-x"}`,
		"an unknown kind":  `{"id":"abcdefghij","kind":"remove","hidden":".davdisk-abcdefghij-x"}`,
		"a name of a user": `{"id":"abcdefghij","kind":"discard","hidden":"x"}`,
	} {
		state := t.TempDir()
		file := filepath.Join(state, "unfinished", "abcdefghij.json")
		if err := errors.Join(os.Mkdir(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := vfs.New(memory.New(memory.Options{}), vfs.WithStateDir(state)); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want an error that names the file", name, err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != content {
			t.Errorf("%s: there is %q, %v", name, got, err)
		}
	}
}
