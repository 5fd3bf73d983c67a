package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// state reads a journal, and checks that one that is refused is not touched and
// that the error says where.
func state(t *testing.T, path string, content []byte) (map[string]string, error) {
	t.Helper()
	replace(t, path, content)
	m := newMemory()
	j, err := Open(path, Config[set]{Format: "test 1", Machine: m})
	if err == nil {
		closed(t, j)
		return m.values, nil
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(after, content) {
		t.Errorf("what was refused (%v) was changed", err)
	}
	return nil, err
}

// replace makes a new file, because ext4 syncs one that is cut and written anew.
func replace(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantDamage(t *testing.T, what, path string, err error, offset int) {
	t.Helper()
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Path != path || damage.Offset != int64(offset) ||
		!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), fmt.Sprint("byte ", offset)) {
		t.Errorf("%s: %v, want damage of %s at byte %d", what, err, path, offset)
	}
}

// TestEveryByteDamaged changes each byte of a journal in several ways: that is
// found, in the line where it is.
func TestEveryByteDamaged(t *testing.T) {
	path, lines := full(t)
	whole := []byte(strings.Join(lines, ""))
	start, line := 0, 0
	for i := range whole {
		if i == start+len(lines[line]) {
			start, line = i, line+1
		}
		for _, to := range []byte{whole[i] ^ 1, whole[i] ^ 0x20, whole[i] ^ 0x80, ^whole[i], 0, '\n', ' ', '0'} {
			if to == whole[i] {
				continue
			}
			spoilt := bytes.Clone(whole)
			spoilt[i] = to
			_, err := state(t, path, spoilt)
			wantDamage(t, fmt.Sprintf("byte %d changed to %q", i, to), path, err, start)
		}
	}
}

// TestCutAtEveryByte cuts a journal short. Within what was written in one step
// that is damage; after it the entries that are whole are there, and what was
// cut is dropped, whatever a file system may have put in its place.
func TestCutAtEveryByte(t *testing.T) {
	path, lines := full(t)
	whole := strings.Join(lines, "")
	head := len(strings.Join(lines[:4], "")) // header, two entries, end
	want := []map[string]string{
		{"a": "1", "b": "Ж \n\" 2"},
		{"a": "1", "b": "Ж \n\" 2", "c": "3"},
		{"a": "4", "b": "Ж \n\" 2", "c": "3"},
		{"a": "4", "b": "Ж \n\" 2", "c": "3", "d": strings.Repeat("5", 20)},
	}
	for cut := range len(whole) + 1 {
		entries := strings.Count(whole[:cut], "\n") - 4
		for _, tail := range []string{"", "\x00", strings.Repeat("\x00", 4096)} {
			what := fmt.Sprintf("cut at %d, then %q", cut, tail)
			got, err := state(t, path, []byte(whole[:cut]+tail))
			switch {
			case cut < head:
				wantDamage(t, what, path, err, strings.LastIndex(whole[:cut], "\n")+1)
				continue
			case tail != "" && cut < len(whole) && whole[cut] == '\n': // the newline became a zero
				wantDamage(t, what, path, err, strings.LastIndex(whole[:cut], "\n")+1)
				continue
			case err != nil || !maps.Equal(got, want[entries]):
				t.Errorf("%s: %v, %v, want %v", what, got, err, want[entries])
			}
			if left := size(t, path); left != len(strings.Join(lines[:4+entries], "")) {
				t.Errorf("%s: %d bytes are left", what, left)
			}
		}
	}
	// What follows a cut is written over it.
	if _, err := state(t, path, []byte(whole[:len(whole)-3])); err != nil {
		t.Fatal(err)
	}
	j, _ := open(t, path)
	propose(t, j, "e", "6")
	closed(t, j)
	if _, m := open(t, path); m.values["e"] != "6" || m.values["d"] != "" {
		t.Errorf("after a cut and a new entry there is %v", m.values)
	}
}

// TestLinesOutOfPlace: a line that is missing, twice there or elsewhere is whole
// by itself, and found all the same.
func TestLinesOutOfPlace(t *testing.T) {
	path, lines := full(t)
	offset := func(n int) int { return len(strings.Join(lines[:n], "")) }
	for i := range lines[:len(lines)-1] { // the end of the file cannot be missed
		without := strings.Join(lines[:i], "") + strings.Join(lines[i+1:], "")
		_, err := state(t, path, []byte(without))
		wantDamage(t, fmt.Sprintf("line %d is missing", i), path, err, offset(i))
	}
	for i, line := range lines {
		twice := strings.Join(lines[:i+1], "") + line + strings.Join(lines[i+1:], "")
		_, err := state(t, path, []byte(twice))
		wantDamage(t, fmt.Sprintf("line %d is there twice", i), path, err, offset(i+1))
	}
	_, err := state(t, path, []byte(strings.Join(lines, "")+"garbage\n"))
	wantDamage(t, "garbage after the end", path, err, offset(len(lines)))
	_, err = state(t, path, nil)
	wantDamage(t, "an empty file", path, err, 0)
}

// TestForeignContent is whole by its checksums and not ours.
func TestForeignContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	file := func(payloads ...string) []byte {
		var buf bytes.Buffer
		w := lineWriter{w: &buf}
		for _, p := range payloads {
			if err := w.line(p); err != nil {
				t.Fatal(err)
			}
		}
		return buf.Bytes()
	}
	const head = `{"journal":1,"format":"test 1"}`
	for name, c := range map[string]struct {
		payloads []string
		want     string
	}{
		"a newer layout":              {[]string{`{"journal":2,"format":"test 1"}`, "-"}, "newer version"},
		"another format":              {[]string{`{"journal":1,"format":"test 2"}`, "-"}, `"test 2", not "test 1"`},
		"no header":                   {[]string{`{"key":"a"}`, "-"}, "at byte 0"},
		"no object":                   {[]string{`"davdisk locks 1"`, "-"}, "at byte 0"},
		"an entry of another type":    {[]string{head, "-", `[1]`}, "unknown entry"},
		"an entry not understood":     {[]string{head, "-", `{}`}, "unknown entry"},
		"no JSON":                     {[]string{head, "-", `{`}, "unknown entry"},
		"a second end":                {[]string{head, "-", "-"}, "unknown entry"},
		"a state that is refused":     {[]string{head, `{"Key":"refused","Value":"1"}`, `{"Key":"refused","Value":"1"}`, "-"}, "it is taken"},
		"a state that has no end":     {[]string{head, `{"Key":"a"}`}, "its end is missing"},
		"an empty payload in the end": {[]string{head, "-", ""}, "no line of a journal"},
	} {
		_, err := state(t, path, file(c.payloads...))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", name, err, c.want)
		}
	}
}

// TestLeftoversOfACrashAreSwept, but not those of the journal beside it.
func TestLeftoversOfACrashAreSwept(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".journal.new-123", ".journal2.new-123", ".[a-z]*.new-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open(t, filepath.Join(dir, "journal"))
	open(t, filepath.Join(dir, "[a-z]*"))
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != ".journal2.new-123" {
		t.Errorf("there is left %v, %v", left, err)
	}
}

// TestFirstVersion reads a journal as the first version of this package has
// written it. The file is not to be changed, only to be joined by others.
func TestFirstVersion(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("testdata", "v1.journal"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := state(t, filepath.Join(t.TempDir(), "journal"), content)
	want := map[string]string{"a": "4", "b": "Ж \n\" 2", "c": "3", "d": strings.Repeat("5", 20)}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("there is %v, %v, want %v", got, err, want)
	}
}

// FuzzOpen looks for files that break the reader, or that it reads one way and,
// after its own repair, another.
func FuzzOpen(f *testing.F) {
	var whole bytes.Buffer
	w := lineWriter{w: &whole}
	for _, payload := range []string{`{"journal":1,"format":"test 1"}`, `{"Key":"a","Value":"Ж\n"}`, "-", `{"Key":"b","Value":"1"}`} {
		if err := w.line(payload); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(whole.Bytes())
	f.Add(whole.Bytes()[:whole.Len()-3])
	f.Add(append(bytes.Clone(whole.Bytes()), "00000000 {}\n"...))
	f.Add([]byte{})
	path := filepath.Join(f.TempDir(), "journal")
	f.Fuzz(func(t *testing.T, data []byte) {
		first, err := state(t, path, data)
		if err != nil {
			return
		}
		if len(first) == 0 {
			return // no file is left
		}
		if _, second := open(t, path); !maps.Equal(first, second.values) {
			t.Errorf("read %q, then %q", first, second.values)
		}
	})
}
