package yandex

import (
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/journal"
)

func testConfig(dir string) Config {
	return Config{StateDir: dir, Log: slog.New(slog.DiscardHandler), Now: time.Now}
}

func larger(a, b int) bool { return a > b }

func openTestWork(t *testing.T, dir string) *work[int] {
	t.Helper()
	w, err := openWork[int](testConfig(dir), "disk:/", "test", larger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func values(t *testing.T, w *work[int], want map[string]int) {
	t.Helper()
	if got := w.All(); !maps.Equal(got, want) {
		t.Errorf("it has %v, want %v", got, want)
	}
}

// TestWork keeps values over restarts, for each root its own.
func TestWork(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	w := openTestWork(t, dir)
	for key, value := range map[string]int{"a": 1, "Ж \n\"": 2, "c": 3} {
		if err := w.set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.note("a", 4), w.delete("c"), w.Close()); err != nil {
		t.Fatal(err)
	}
	values(t, openTestWork(t, dir), map[string]int{"a": 4, "Ж \n\"": 2})
	other, err := openWork[int](testConfig(dir), "disk:/other", "test", larger)
	if err != nil {
		t.Fatal(err)
	}
	values(t, other, map[string]int{})
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWorkThatCannotBeWritten counts as long as the process lives, and is
// written as soon as that is possible.
func TestWorkThatCannotBeWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	w := openTestWork(t, dir)
	if err := w.set("a", 1); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Skip(err) // Windows does not remove open files
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.set("b", 2); err == nil {
		t.Error("what cannot be written was said to be")
	}
	values(t, w, map[string]int{"a": 1, "b": 2})
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	values(t, openTestWork(t, dir), map[string]int{"a": 1, "b": 2})
}

// TestStoredThatCannotBeWritten: what was stored is stored, though it cannot be
// remembered for the next process.
func TestStoredThatCannotBeWritten(t *testing.T) {
	for what, lost := range map[string]bool{"kept": false, "lost": true} {
		dir := filepath.Join(t.TempDir(), "state")
		var said strings.Builder
		cfg := testConfig(dir)
		cfg.Log = slog.New(slog.NewTextHandler(&said, nil))
		s, err := openStored(cfg, "disk:/")
		if err != nil {
			t.Fatal(err)
		}
		if lost {
			if err := os.RemoveAll(dir); err != nil {
				s.close()
				t.Skip(err) // Windows does not remove open files
			}
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s.set("a", storedEntry{At: time.Now(), Dir: true})
		s.close()
		if warned := strings.Contains(said.String(), "what was stored lately is not remembered"); warned != lost {
			t.Errorf("%s: it says %q", what, &said)
		}
	}
}

// TestWorkOfTwo opens a journal twice, as a command does beside a server. Both
// last, and the next process takes over what nobody has open.
func TestWorkOfTwo(t *testing.T) {
	dir := t.TempDir()
	server, command := openTestWork(t, dir), openTestWork(t, dir)
	for i, w := range []*work[int]{server, command} {
		if err := errors.Join(w.set(strconv.Itoa(i), i), w.set("both", i)); err != nil {
			t.Fatal(err)
		}
		if !w.lasting {
			t.Errorf("the work of backend %d is in memory only", i)
		}
	}
	values(t, server, map[string]int{"0": 0, "both": 0})
	if err := command.Close(); err != nil {
		t.Fatal(err)
	}
	command = openTestWork(t, dir)
	values(t, command, map[string]int{"1": 1, "both": 1})
	if err := errors.Join(server.Close(), command.Close()); err != nil {
		t.Fatal(err)
	}
	server = openTestWork(t, dir)
	values(t, server, map[string]int{"0": 0, "1": 1, "both": 1})
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.journal")); len(left) != 1 {
		t.Errorf("the journals are %v, want the one of all", left)
	}
}

// TestWorkOfMany opens more backends than there may be journals: the last one
// keeps its work in memory.
func TestWorkOfMany(t *testing.T) {
	dir := t.TempDir()
	for i := range maxJournals + 1 {
		if w := openTestWork(t, dir); w.lasting != (i < maxJournals) {
			t.Errorf("the work of backend %d lasts: %v", i, w.lasting)
		}
	}
}

// TestWorkOfVersion1 carries over the upload of unknown outcome and the times
// that a davdisk of that version has left, which was killed.
func TestWorkOfVersion1(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../internal/journal/testdata/state-1/yandex/default")); err != nil {
		t.Fatal(err)
	}
	made := time.Date(2026, 11, 29, 11, 35, 40, 0, time.UTC)
	cfg := testConfig(dir)
	cfg.Now = func() time.Time { return made }
	for range 2 {
		pending, err := openPending(cfg, "disk:/")
		if err != nil {
			t.Fatal(err)
		}
		u := pending.All()["old/unknown"]
		if len(pending.All()) != 1 || u.Size != 11 || u.MD5 != "da619dfbf5572fc749b1496b0fffd76a" || !strings.HasPrefix(u.Href, "http://127.0.0.1:") ||
			len(u.Operation) != 64 || !u.Until.After(made.Add(29*time.Minute)) {
			t.Errorf("the uploads are %+v", pending.All())
		}
		times, err := openWork[stamp](cfg, "disk:/", "times", nil)
		if err != nil {
			t.Fatal(err)
		}
		all := times.All()
		if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, []string{"time2", "Ж time"}) ||
			!all["time2"].Time.Equal(time.Unix(1500000001, 0)) || all["time2"].Version != "923b805711041e23a99f07e146591c50" ||
			!all["Ж time"].Time.Equal(time.Unix(1400000000, 0)) || all["Ж time"].Due.IsZero() {
			t.Errorf("the times are %+v", all)
		}
		if err := errors.Join(pending.Close(), times.Close()); err != nil {
			t.Fatal(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.jsonl*")); len(left) != 0 {
			t.Errorf("of version 1 there is left %v", left)
		}
	}
}

// TestDamagedWorkIsTold: with a flipped bit in the journal of uploads a backend
// does not start without knowing which names are closed.
func TestDamagedWorkIsTold(t *testing.T) {
	dir := t.TempDir()
	w := openTestWork(t, dir)
	if err := errors.Join(w.set("a", 1), w.set("b", 2), w.Close()); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "test-*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-4] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = openWork[int](testConfig(dir), "disk:/", "test", larger)
	var damage *journal.DamageError
	if !errors.As(err, &damage) || damage.Path != files[0] || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it opened with %v", err)
	}
}
