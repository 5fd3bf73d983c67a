package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// set is an entry of a machine that is a map. A key "refused" is refused once it
// is there, an empty one is not understood.
type set struct{ Key, Value string }

var errRefused = errors.New("it is taken")

// memory is the machine; order is what was applied.
type memory struct {
	values map[string]string
	order  []string
}

func (m *memory) Apply(s set) error {
	switch {
	case s.Key == "":
		return fmt.Errorf("%w: no key", ErrEntry)
	case s.Key == "refused" && m.values[s.Key] != "":
		return errRefused
	}
	m.values[s.Key] = s.Value
	m.order = append(m.order, s.Key+"="+s.Value)
	return nil
}

func (m *memory) Snapshot() iter.Seq[set] {
	return func(yield func(set) bool) {
		for _, key := range slices.Sorted(maps.Keys(m.values)) {
			if !yield(set{key, m.values[key]}) {
				return
			}
		}
	}
}

func newMemory() *memory { return &memory{values: map[string]string{}} }

func open(t *testing.T, path string) (*Journal[set], *memory) {
	t.Helper()
	m := newMemory()
	j, err := Open(path, Config[set]{Format: "test 1", Machine: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, m
}

func propose(t *testing.T, j *Journal[set], key, value string) uint64 {
	t.Helper()
	seq, err := j.Propose(t.Context(), set{key, value}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func closed(t *testing.T, j *Journal[set]) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}

// full is a journal with a state and entries after it, whose file has the lines
// that it returns.
func full(t *testing.T) (path string, lines []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	propose(t, j, "a", "1")
	propose(t, j, "b", "Ж \n\" 2")
	if err := j.rewrite(); err != nil {
		t.Fatal(err)
	}
	propose(t, j, "c", "3")
	propose(t, j, "a", "4")
	propose(t, j, "d", strings.Repeat("5", 20))
	closed(t, j)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, slices.Collect(strings.Lines(string(data)))
}

func TestEntriesAreThereAgainInTheirOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "journal")
	j, m := open(t, path)
	var seq uint64
	for i, value := range []string{"$ % < > # ? + & Ж 😀 \" '", "a\nb\r\n\x00", "-", "", "e\u0301", strings.Repeat("x", 5000)} {
		if next := propose(t, j, fmt.Sprint(i%3), value); next != seq+1 {
			t.Errorf("entry %d is number %d", i, next)
		}
		seq++
	}
	closed(t, j)
	if _, err := j.Propose(t.Context(), set{"x", "y"}, Options{}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: %v, want fs.ErrClosed", err)
	}
	again, replayed := open(t, path)
	if !slices.Equal(replayed.order, m.order) {
		t.Errorf("replayed %q, want %q", replayed.order, m.order)
	}
	if err := again.rewrite(); err != nil {
		t.Fatal(err)
	}
	if next := propose(t, again, "x", "y"); next != seq+1 {
		t.Errorf("after a restart and a rewrite the next entry is number %d, want %d", next, seq+1)
	}
	closed(t, again)
	if _, third := open(t, path); !maps.Equal(third.values, replayed.values) {
		t.Errorf("after a rewrite there is %q, want %q", third.values, replayed.values)
	}
}

func TestNobodyElseMayReadIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "journal")
	j, _ := open(t, path)
	propose(t, j, "a", "1")
	for name, want := range map[string]fs.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want && filepath.Separator == '/' {
			t.Errorf("%s has mode %o, want %o", filepath.Base(name), got, want)
		}
	}
}

func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, _ := open(t, path)
	if _, err := Open(path, Config[set]{Format: "test 1", Machine: newMemory()}); !errors.Is(err, ErrLocked) {
		t.Errorf("opened twice: %v, want ErrLocked", err)
	}
	closed(t, j)
	open(t, path)
}

// TestEmptyStateLeavesNoFile: neither before the first entry nor after the last.
func TestEmptyStateLeavesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first entry: %v", err)
	}
	propose(t, j, "a", "1")
	delete(m.values, "a")
	closed(t, j)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
}

func TestInMemory(t *testing.T) {
	j, m := open(t, "")
	if seq := propose(t, j, "a", "1"); seq != 1 || m.values["a"] != "1" {
		t.Errorf("entry %d, state %v", seq, m.values)
	}
	closed(t, j)
	if _, err := j.Propose(t.Context(), set{"x", "y"}, Options{}); !errors.Is(err, fs.ErrClosed) || len(m.values) != 1 {
		t.Errorf("after Close: %v, state %v", err, m.values)
	}
}

// TestRefusedEntryIsRefusedAgain: what a machine refuses is in the file, and
// makes no difference after a restart.
func TestRefusedEntryIsRefusedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	propose(t, j, "refused", "1")
	if _, err := j.Propose(t.Context(), set{"refused", "2"}, Options{}); !errors.Is(err, errRefused) {
		t.Fatalf("proposed twice: %v", err)
	}
	propose(t, j, "b", "3")
	closed(t, j)
	if _, again := open(t, path); !slices.Equal(again.order, m.order) {
		t.Errorf("replayed %q, want %q", again.order, m.order)
	}
}

func TestCancelledProposalIsNotMade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Propose(ctx, set{"a", "1"}, Options{}); !errors.Is(err, context.Canceled) || len(m.order) != 0 {
		t.Errorf("it gave %v and applied %q", err, m.order)
	}
}

func TestFileGrowsNoLargerThanItsStateNeeds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	value := strings.Repeat("x", 4000)
	largest := 0
	for i := range 200 {
		propose(t, j, fmt.Sprint("key ", i%4), value+fmt.Sprint(i))
		largest = max(largest, size(t, path))
	}
	if bound := slack + 3*4*len(value); largest > bound {
		t.Errorf("the file grew to %d bytes, want at most %d", largest, bound)
	}
	closed(t, j)
	if _, again := open(t, path); !maps.Equal(again.values, m.values) {
		t.Error("the state differs after rewriting")
	}
}

// TestFailedWrite: what was told to have failed does not come back, the next
// entry heals the file, and a volatile one that could not be written is written
// then, or by Close.
func TestFailedWrite(t *testing.T) {
	for name, fail := range map[string]func(*Journal[set]){
		"write": func(j *Journal[set]) { j.file.Close() },
		"sync":  func(j *Journal[set]) { j.sync = func(*os.File) error { return errors.New("the disk is broken") } },
	} {
		for _, healed := range []bool{true, false} {
			path := filepath.Join(t.TempDir(), "journal")
			j, m := open(t, path)
			propose(t, j, "a", "1")
			fail(j)
			if _, err := j.Propose(t.Context(), set{"lost", "2"}, Options{}); err == nil || m.values["lost"] != "" {
				t.Fatalf("%s: it failed and was told as done", name)
			}
			killed := filepath.Join(t.TempDir(), "journal") // as a process that is killed now leaves it
			if data, err := os.ReadFile(path); err != nil || os.WriteFile(killed, data, 0o600) != nil {
				t.Fatal(err)
			}
			if _, left := open(t, killed); !maps.Equal(left.values, map[string]string{"a": "1"}) {
				t.Errorf("%s: killed after it failed, there is %v", name, left.values)
			}
			if _, err := j.Propose(t.Context(), set{"volatile", "3"}, Options{Volatile: true}); err != nil || m.values["volatile"] != "3" {
				t.Fatalf("%s: a volatile entry: %v", name, err)
			}
			want := map[string]string{"a": "1", "volatile": "3"}
			j.sync = (*os.File).Sync
			if healed {
				propose(t, j, "b", "4")
				want["b"] = "4"
			}
			closed(t, j)
			if _, again := open(t, path); !maps.Equal(again.values, want) {
				t.Errorf("%s: state is %v, want %v", name, again.values, want)
			}
		}
	}
}

// TestFolderIsTakenAway: an entry is not written to a file that nobody will find.
func TestFolderIsTakenAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "journal")
	j, m := open(t, path)
	propose(t, j, "a", "1")
	if err := os.RemoveAll(dir); err != nil {
		t.Skip(err) // Windows does not remove open files
	}
	propose(t, j, "b", "2")
	closed(t, j)
	if _, again := open(t, path); !maps.Equal(again.values, m.values) {
		t.Errorf("state is %v, want %v", again.values, m.values)
	}
}

// TestEntriesAtOnceShareASync holds the disk while many entries arrive, which
// are then synced together, and volatile ones not at all.
func TestEntriesAtOnceShareASync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	propose(t, j, "a", "1")
	for _, volatile := range []bool{false, true} {
		syncs := 0
		j.mu.Lock() // as if a batch were on its way
		j.sync = func(f *os.File) error { syncs++; return f.Sync() }
		var all sync.WaitGroup
		const n = 20
		for i := range n {
			all.Go(func() {
				if _, err := j.Propose(context.Background(), set{fmt.Sprint(i), "x"}, Options{Volatile: volatile}); err != nil {
					t.Error(err)
				}
			})
		}
		waitQueued(j, n)
		j.mu.Unlock()
		all.Wait()
		want := 1
		if volatile {
			want = 0
		}
		if syncs != want {
			t.Errorf("%d entries (volatile: %v) were synced %d times, want %d", n, volatile, syncs, want)
		}
	}
	closed(t, j)
	if _, again := open(t, path); !slices.Equal(again.order, m.order) || len(m.order) != 41 {
		t.Errorf("replayed %q, want %q", again.order, m.order)
	}
}

// TestManyAtOnce is for the race detector: what is applied is what is replayed,
// in the same order.
func TestManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 30 {
				if _, err := j.Propose(t.Context(), set{fmt.Sprint(k % 5), fmt.Sprint(i, k, strings.Repeat("x", 1000))}, Options{Volatile: k%3 == 0}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	closed(t, j)
	if _, again := open(t, path); !maps.Equal(again.values, m.values) || len(m.order) != 240 {
		t.Errorf("%d applied; replayed %q, want %q", len(m.order), again.values, m.values)
	}
}

// TestImport carries over what an earlier version has left, also if the first
// try was cut short before the old file was removed.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	path, old := filepath.Join(dir, "journal"), filepath.Join(dir, "old")
	killed := errors.New("killed")
	var end error
	start := func() (*Journal[set], *memory, error) {
		m := newMemory()
		j, err := Open(path, Config[set]{Format: "test 1", Machine: m, Import: func(apply func(set) error, keep func() error) error {
			data, err := os.ReadFile(old)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err := errors.Join(err, apply(set{"old", string(data)}), keep(), end); err != nil {
				return err
			}
			return os.Remove(old)
		}})
		return j, m, err
	}
	if err := os.WriteFile(old, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	end = killed
	if _, _, err := start(); !errors.Is(err, killed) {
		t.Fatalf("it failed, and Open says %v", err)
	}
	if _, m := open(t, path); !maps.Equal(m.values, map[string]string{"old": "1"}) {
		t.Errorf("it was kept, and there is %v", m.values)
	}
	end = nil
	path = path + "2"
	for range 3 {
		j, m, err := start()
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(m.values, map[string]string{"old": "1"}) {
			t.Errorf("state is %v", m.values)
		}
		if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old file is still there: %v", err)
		}
		closed(t, j)
	}
}
