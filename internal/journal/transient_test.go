package journal

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTransientEntriesAreNeverWritten sees them applied in their order, and
// neither appended nor in a snapshot.
func TestTransientEntriesAreNeverWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	config := func(m *memory) Config[set] {
		return Config[set]{Format: "test 1", Machine: m, Transient: func(s set) bool { return strings.HasPrefix(s.Key, "held") }}
	}
	m := newMemory()
	j, err := Open(path, config(m))
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if propose(t, j, "held", "1"); size0(t, path) != 0 {
		t.Error("a transient entry made a file")
	}
	seq := propose(t, j, "a", "1")
	before := size(t, path)
	if next := propose(t, j, "held 2", "1"); next != seq+1 {
		t.Errorf("it is entry %d, not %d", next, seq+1)
	}
	if size(t, path) != before {
		t.Error("it was appended")
	}
	if got := strings.Join(m.order, " "); got != "held=1 a=1 held 2=1" {
		t.Errorf("applied were %s", got)
	}
	if err := j.rewrite(); err != nil {
		t.Fatal(err)
	}
	j.sync = func(*os.File) error { return errors.New("the disk is gone") }
	propose(t, j, "held 3", "1") // needs no disk
	closed(t, j)

	again := newMemory()
	if j, err = Open(path, config(again)); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"a": "1"}; !maps.Equal(again.values, want) {
		t.Errorf("after a restart there is %v", again.values)
	}
	closed(t, j)
}

func size0(t *testing.T, path string) int {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		return 0
	}
	return size(t, path)
}
