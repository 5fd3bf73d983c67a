package yandex

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func openTestJournal(t *testing.T, path string) *journal[int] {
	t.Helper()
	j, err := openJournal[int](path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// TestJournal keeps values over restarts, also over one that left half a line.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "test.jsonl")
	j := openTestJournal(t, path)
	for key, value := range map[string]int{"a": 1, "Ж \n\"": 2, "c": 3} {
		if err := j.set(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.set("a", 4); err != nil {
		t.Fatal(err)
	}
	if err := j.delete("c"); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path) // as a process that is killed leaves it
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(t.TempDir(), "left.jsonl")
	if err := os.WriteFile(left, append(data, `{"key":"a","value":`...), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it was written anew
		next := openTestJournal(t, left)
		if got, want := next.all(), map[string]int{"a": 4, "Ж \n\"": 2}; !maps.Equal(got, want) {
			t.Errorf("it has %v, want %v", got, want)
		}
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestJournalAfterAFailedWrite: what could be written of a line does not spoil
// the next, and what could not be written is, as soon as it can.
func TestJournalAfterAFailedWrite(t *testing.T) {
	for _, again := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "test.jsonl")
		j := openTestJournal(t, path)
		if err := j.set("a", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := j.file.WriteString(`{"key":"b","va`); err != nil {
			t.Fatal(err)
		}
		if err := j.file.Close(); err != nil { // from here on nothing can be written
			t.Fatal(err)
		}
		if err := j.set("b", 2); err == nil {
			t.Error("what cannot be written was said to be")
		}
		want := map[string]int{"a": 1, "b": 2}
		if again {
			if err := j.set("c", 3); err != nil {
				t.Error(err)
			}
			want["c"] = 3
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if got := openTestJournal(t, path).all(); !maps.Equal(got, want) {
			t.Errorf("it has %v, want %v", got, want)
		}
	}
}

// TestJournalStaysSmall changes one value for long.
func TestJournalStaysSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.jsonl")
	j := openTestJournal(t, path)
	for i := range 5 * slackLines {
		if err := j.note("key", i); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 50*slackLines {
		t.Errorf("it has %d bytes, %v", info.Size(), err)
	}
	if info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others may read it: %v", info.Mode())
	}
	if err := j.delete("key"); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("an empty journal is left behind")
	}
}

// TestJournalOfTwo opens a journal twice. The second keeps its own in memory.
func TestJournalOfTwo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.jsonl")
	first, second := openTestJournal(t, path), openTestJournal(t, path)
	for i, j := range []*journal[int]{first, second} {
		if err := j.set(strconv.Itoa(i), i); err != nil {
			t.Fatal(err)
		}
	}
	if !first.lasting() || second.lasting() {
		t.Errorf("lasting are %v, %v", first.lasting(), second.lasting())
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	third := openTestJournal(t, path)
	if got := third.all(); !maps.Equal(got, map[string]int{"0": 0}) {
		t.Errorf("it has %v", got)
	}
}
