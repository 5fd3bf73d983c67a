package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// memory is a state as a user of the package keeps it: a map, fed by changes.
type memory struct {
	values map[string]string
	order  []string // every record replayed or applied
}

type set struct{ Key, Value string }

func (m *memory) apply(s set) {
	m.values[s.Key] = s.Value
	m.order = append(m.order, s.Key+"="+s.Value)
}

func (m *memory) options() Options {
	return Options{
		Format: "test 1",
		Replay: func(record []byte) error {
			var s set
			if err := json.Unmarshal(record, &s); err != nil {
				return err
			}
			m.apply(s)
			return nil
		},
		Snapshot: func(yield func(any) bool) {
			for key, value := range m.values {
				if !yield(set{key, value}) {
					return
				}
			}
		},
	}
}

func open(t *testing.T, path string) (*Journal, *memory) {
	t.Helper()
	m := &memory{values: map[string]string{}}
	j, err := Open(path, m.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j, m
}

func put(t *testing.T, j *Journal, m *memory, key, value string) {
	t.Helper()
	if err := j.Append(set{key, value}); err != nil {
		t.Fatal(err)
	}
	m.apply(set{key, value})
}

func TestRecordsAreThereAgainInTheirOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "journal")
	j, m := open(t, path)
	for i, value := range []string{"$ % < > # ? + & Ж 😀 \" '", "a\nb\r\n\x00", "", "e\u0301", strings.Repeat("x", 5000)} {
		put(t, j, m, fmt.Sprint(i%3), value)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(set{}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("append after close: %v, want fs.ErrClosed", err)
	}
	_, again := open(t, path)
	if !slices.Equal(again.order, m.order) {
		t.Errorf("replayed %q, want %q", again.order, m.order)
	}
}

func TestNobodyElseMayReadIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "journal")
	open(t, path)
	for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want && filepath.Separator == '/' {
			t.Errorf("%s has mode %o, want %o", filepath.Base(name), got, want)
		}
	}
}

func TestLastRecordCutAnywhereIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	put(t, j, m, "kept", "1")
	before := size(t, path)
	put(t, j, m, "torn", "2")
	j.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := before; cut < len(whole); cut++ {
		for _, tail := range []string{"", "\x00\x00\x00\x00", "garbage\n", " \n\n"} {
			if err := os.WriteFile(path, append(bytes.Clone(whole[:cut]), tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			j, m := open(t, path)
			if !slices.Equal(m.order, []string{"kept=1"}) {
				t.Fatalf("cut at %d, then %q: replayed %q", cut, tail, m.order)
			}
			if left := size(t, path); left != before {
				t.Fatalf("cut at %d, then %q: %d bytes are left of %d", cut, tail, left, before)
			}
			put(t, j, m, "next", "3")
			j.Close()
			if _, m := open(t, path); !slices.Equal(m.order, []string{"kept=1", "next=3"}) {
				t.Fatalf("cut at %d, then %q, then a new record: replayed %q", cut, tail, m.order)
			}
		}
	}
}

func TestDamageIsToldAndNotSkipped(t *testing.T) {
	write := func(t *testing.T, spoil func([]byte) []byte) string {
		path := filepath.Join(t.TempDir(), "journal")
		j, m := open(t, path)
		put(t, j, m, "first", "1")
		put(t, j, m, "second", "2")
		j.Close()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, spoil(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"a bit in the middle":   func(b []byte) []byte { b[bytes.Index(b, []byte("first"))] ^= 1; return b },
		"a record out of place": func(b []byte) []byte { return append([]byte("00000000 {}\n"), b...) },
		"no header":             func([]byte) []byte { return []byte("whatever") },
		"another format": func(b []byte) []byte {
			line, _ := encode("test 2")
			return append(line, b[bytes.IndexByte(b, '\n')+1:]...)
		},
		"a record that is none of ours": func(b []byte) []byte {
			line, _ := encode([]int{1})
			return append(b, line...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, spoil)
			before, _ := os.ReadFile(path)
			_, err := Open(path, (&memory{values: map[string]string{}}).options())
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("opened with %v, want ErrCorrupt", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the damaged file was changed")
			}
		})
	}
}

func TestFileGrowsNoLargerThanItsStateNeeds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	value := strings.Repeat("x", 4000)
	largest := 0
	for i := range 200 {
		put(t, j, m, fmt.Sprint("key ", i%4), value+fmt.Sprint(i))
		largest = max(largest, size(t, path))
	}
	if bound := slack + 3*4*len(value); largest > bound {
		t.Errorf("the file grew to %d bytes, want at most %d", largest, bound)
	}
	j.Close()
	if _, again := open(t, path); fmt.Sprint(again.values) != fmt.Sprint(m.values) {
		t.Error("the state differs after rewriting")
	}
}

func TestFailedWriteIsNoRecordAndTheNextOneHeals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j, m := open(t, path)
	put(t, j, m, "a", "1")
	j.file.Close() // stands for a disk that fails
	if err := j.Append(set{"lost", "2"}); err == nil {
		t.Fatal("a write that failed was told as done")
	}
	put(t, j, m, "b", "3")
	j.Close()
	_, again := open(t, path)
	if fmt.Sprint(again.values) != "map[a:1 b:3]" {
		t.Errorf("state is %v, want a and b only", again.values)
	}
}

func TestLeftoversOfACrashAreSwept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(path+".new-123", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if _, err := os.Stat(path + ".new-123"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the leftover is still there: %v", err)
	}
}

// FuzzOpen looks for files that break the reader, or that it reads one way
// and, after its own repair, another.
func FuzzOpen(f *testing.F) {
	header, _ := encode("test 1")
	record, _ := encode(set{"a", "Ж\n"})
	f.Add(append(header, record...))
	f.Add(append(header, record[:len(record)-3]...))
	f.Add(append(append(bytes.Clone(header), "00000000 {}\n"...), record...))
	f.Add([]byte{})
	path := filepath.Join(f.TempDir(), "journal")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		first := &memory{values: map[string]string{}}
		j, err := Open(path, first.options())
		if err != nil {
			return
		}
		j.Close()
		_, second := open(t, path)
		if !slices.Equal(first.order, second.order) {
			t.Errorf("read %q, then %q", first.order, second.order)
		}
	})
}

func size(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Size())
}
