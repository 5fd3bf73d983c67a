package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// The folder testdata/state-1 was left by a davdisk that knew nothing of this
// package and was killed while it had work to do.
const earlier = "testdata/state-1/"

// stamp is what a modification time looked like.
type stamp struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version"`
	Due     time.Time `json:"due"`
}

func TestEarlierMap(t *testing.T) {
	content, err := os.ReadFile(earlier + "yandex/default/times-ab10f9c7b99f.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	old := filepath.Join(dir, "old")
	replace(t, old, content)
	c := MapConfig[stamp]{Format: "times 2", Import: EarlierMap[stamp](old)}

	// A davdisk of that version is at work.
	lock := flock.New(old + ".lock")
	if got, err := lock.TryLock(); !got || err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMap(filepath.Join(dir, "new"), c); !errors.Is(err, ErrLocked) {
		t.Errorf("while it is in use: %v, want ErrLocked", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}

	for range 2 {
		m, err := OpenMap(filepath.Join(dir, "new"), c)
		if err != nil {
			t.Fatal(err)
		}
		all := m.All()
		if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, []string{"time2", "Ж time"}) ||
			!all["time2"].Time.Equal(time.Unix(1500000001, 0)) || !all["Ж time"].Time.Equal(time.Unix(1400000000, 0)) {
			t.Errorf("there is %v", all)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{old, old + ".lock"} {
			if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there: %v", name, err)
			}
		}
	}
}

// TestEarlierMapDamaged changes each byte of such a file that stands for its
// structure, and cuts it everywhere.
func TestEarlierMapDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old")
	lines := []string{`{"key":"a","value":1}` + "\n", `{"key":"b","value":2}` + "\n", `{"key":"b"}` + "\n", `{"key":"c","value":3}` + "\n"}
	whole := strings.Join(lines, "")
	read := func(content string) (map[string]int, error) {
		replace(t, path, []byte(content))
		return ReadEarlierMap[int](path)
	}
	want := []map[string]int{{}, {"a": 1}, {"a": 1, "b": 2}, {"a": 1}, {"a": 1, "c": 3}}
	for cut := range len(whole) + 1 {
		for _, tail := range []string{"", "\x00\x00"} {
			entries := strings.Count(whole[:cut], "\n")
			if cut < len(whole) && whole[cut] == '\n' {
				entries++ // only the newline is missing
			}
			if got, err := read(whole[:cut] + tail); err != nil || !maps.Equal(got, want[entries]) {
				t.Errorf("cut at %d, then %q: %v, %v, want %v", cut, tail, got, err, want[entries])
			}
		}
	}
	start, line := 0, 0
	for i := range whole {
		if i == start+len(lines[line]) {
			start, line = i, line+1
		}
		if strings.ContainsRune("abc123", rune(whole[i])) && !strings.Contains(`"value":`, lines[line][i-start-1:i-start+2]) {
			continue // a key or a value, for which there is no checksum
		}
		for _, to := range []byte{whole[i] ^ 1, ^whole[i], 0} {
			spoilt := []byte(whole)
			spoilt[i] = to
			got, err := read(string(spoilt))
			if err == nil && maps.Equal(got, want[4]) {
				continue // the name of a member in capitals
			}
			wantDamage(t, fmt.Sprintf("byte %d changed to %q", i, to), path, err, start)
		}
	}
}

// record is what the log of locks and that of properties have in common.
type record struct {
	Op, Path, To string
}

func (r record) key() string { return fmt.Sprint(r.Op, " ", r.Path) }

func decodeRecord(data []byte) (s set, err error) {
	var r record
	err = json.Unmarshal(data, &r)
	return set{r.key(), r.To}, err
}

func TestEarlierLog(t *testing.T) {
	content, err := os.ReadFile(earlier + "shares/local-5ec2d4dc6d9a/webdav/properties/properties")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	old, path := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	start := func(content []byte) (map[string]string, error) {
		replace(t, old, content)
		m := newMemory()
		j, err := Open(path, Config[set]{Format: "test 1", Machine: m, Import: EarlierLog(old, "davdisk properties 1", decodeRecord)})
		if err != nil {
			if left, _ := os.ReadFile(old); !bytes.Equal(left, content) {
				t.Errorf("what was refused (%v) was changed", err)
			}
			return nil, err
		}
		if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the old file is still there: %v", err)
		}
		closed(t, j)
		again, restarted := open(t, path)
		if !maps.Equal(restarted.values, m.values) {
			t.Errorf("after a restart there is %v, want %v", restarted.values, m.values)
		}
		closed(t, again)
		return m.values, os.Remove(path)
	}
	got, err := start(content)
	want := map[string]string{"set /e/a": "", "set /e/b": "", "set /Ж": "", "set /e": "", "move /e": "/moved", "copy /moved/a": "/copied", "delete /moved/b": ""}
	if err != nil || !maps.Equal(got, want) {
		t.Fatalf("there is %v, %v, want %v", got, err, want)
	}

	lines := slices.Collect(strings.Lines(string(content)))
	last := strings.Join(lines[:len(lines)-1], "")
	delete(want, "delete /moved/b")
	for cut := len(last); cut < len(content); cut++ {
		if got, err := start(content[:cut]); err != nil || !maps.Equal(got, want) {
			t.Errorf("cut at %d: %v, %v, want %v", cut, got, err, want)
		}
	}
	begin, line := 0, 0
	for i := range content {
		if i == begin+len(lines[line]) {
			begin, line = i, line+1
		}
		spoilt := bytes.Clone(content)
		spoilt[i] ^= 1
		_, err := start(spoilt)
		wantDamage(t, fmt.Sprintf("byte %d changed", i), old, err, begin)
	}
	if _, err := start([]byte(strings.Replace(string(content), lines[0], "71c1e4d3 \"davdisk locks 1\"\n", 1))); err == nil {
		t.Error("another format was read")
	}
	_, err = start(nil)
	wantDamage(t, "an empty file", old, err, 0)
}

// FuzzEarlier looks for files that break the readers.
func FuzzEarlier(f *testing.F) {
	for _, name := range []string{"yandex/default/uploads-ab10f9c7b99f.jsonl", "shares/local-5ec2d4dc6d9a/webdav/locks/locks"} {
		content, err := os.ReadFile(earlier + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	path := filepath.Join(f.TempDir(), "old")
	f.Fuzz(func(t *testing.T, data []byte) {
		replace(t, path, data)
		first, err := ReadEarlierMap[json.RawMessage](path)
		if again, err2 := ReadEarlierMap[json.RawMessage](path); len(first) != len(again) || (err == nil) != (err2 == nil) {
			t.Errorf("read %v, %v, then %v, %v", first, err, again, err2)
		}
		_ = EarlierLog(path, "davdisk locks 1", decodeRecord)(func(set) error { return nil }, func() error { return nil })
	})
}
