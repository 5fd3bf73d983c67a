package vfs_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/davdisk/davdisk/backend/memory"
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
		want   string
	}{
		"a move": {"move", true, "from/ from/x=not moved " + found},
		"a copy": {"copy", false, found}, // which may be all that is left of what was copied
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
			settled := newFS(t, openLocal(t, dir), vfs.WithStateDir(state))
			if _, err := settled.Stat("/target"); err != nil {
				t.Fatal(err)
			}
			if got := onDisk(t, dir); got != test.want {
				t.Errorf("there is\n%s\nwant\n%s", got, test.want)
			}
		})
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
	settled := newFS(t, b, vfs.WithStateDir(state))
	if got := tree(t, settled); got != "from=1 target=2" {
		t.Errorf("there is %q", got)
	}
	want := []string{"target to .davdisk-abcdefghij-target", ".davdisk-abcdefghij-target to target"}
	if !slices.Equal(moves, want) {
		t.Errorf("the store was asked to move %q, want %q", moves, want)
	}
}
