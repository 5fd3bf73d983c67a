package writeback

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/memory"
)

// leave fills the folder of a queue as a process does that is killed before it
// has stored anything.
func leave(t *testing.T, puts ...string) (store *stubborn, dir string) {
	t.Helper()
	store, dir = newStubborn(), t.TempDir()
	store.answers(down)
	q := open(t, store, dir)
	for _, p := range puts {
		name, text, _ := strings.Cut(p, "=")
		put(t, q, name, text)
	}
	q.cancel()
	q.drain()
	if err := q.unlock(); err != nil {
		t.Fatal(err)
	}
	store.answers(nil)
	return store, dir
}

// TestNextStart takes up what a process has left that was killed.
func TestNextStart(t *testing.T) {
	names := []string{"a=1", "ж #% +?.txt=2", "b=3", "b=4"}
	store, dir := leave(t, names...)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// What is never acknowledged is nobody's: content alone, and an entry that
	// was not yet given its name.
	write("00000000000000ff"+contentSuffix, "never acknowledged")
	write(".new-123", "01234567 {\"id")
	q := open(t, store, dir)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, "the store", store.Backend, "a=1 b=4 ж #% +?.txt=2")
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("in the folder is left %v", left)
	}
}

// TestStoredBeforeTheEnd: a process that was killed after the store had
// answered has left an entry that is stored already.
func TestStoredBeforeTheEnd(t *testing.T) {
	store, dir := leave(t, "a=1")
	put(t, store, "a", "1")
	store.asked()
	if err := open(t, store, dir).Close(); err != nil {
		t.Fatal(err)
	}
	if got := store.asked(); got != "stat a" {
		t.Errorf("the store was asked %q, want one look", got)
	}
	holds(t, "the store", store.Backend, "a=1")
}

// TestOvertakenEntry: a process that was killed between writing an entry down
// and forgetting the one before it has left both.
func TestOvertakenEntry(t *testing.T) {
	store, dir := leave(t, "a=old")
	entries, _, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	keep := map[string][]byte{}
	for _, name := range []string{entries[0].ID + entrySuffix, entries[0].ID + contentSuffix} {
		if keep[name], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	store.answers(down)
	q := open(t, store, dir)
	put(t, q, "a", "new")
	q.cancel()
	q.drain()
	q.unlock()
	store.answers(nil)
	for name, data := range keep {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, store, dir).Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, "the store", store.Backend, "a=new")
	if waits, err := Waits(dir); waits || err != nil {
		t.Errorf("it waits: %v, %v", waits, err)
	}
}

// TestDamage: what was acknowledged and is lost is reported.
func TestDamage(t *testing.T) {
	for _, suffix := range []string{entrySuffix, contentSuffix} {
		for name, spoil := range map[string]func(data []byte) []byte{
			"cut short":  func(data []byte) []byte { return data[:len(data)-2] },
			"empty":      func([]byte) []byte { return nil },
			"a bit off":  func(data []byte) []byte { data[len(data)/2] ^= 4; return data },
			"too long":   func(data []byte) []byte { return append(data, "more"...) },
			"other text": func([]byte) []byte { return []byte("{}\n") },
		} {
			store, dir := leave(t, "a=some content")
			entries, _, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, entries[0].ID+suffix)
			data, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, spoil(data), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Open(store, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("%s, %s: %v", suffix, name, err)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s, %s: it was taken away: %v", suffix, name, err)
			}
		}
	}
}

// TestOneProcess keeps a second one out, and lets a person drop an entry when
// there is none.
func TestOneProcess(t *testing.T) {
	store, dir := leave(t, "a=1", "b=2")
	store.answers(down)
	q := open(t, store, dir)
	if _, err := Open(store, Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another davdisk") {
		t.Errorf("a second one: %v", err)
	}
	entries, _, err := Read(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if err := Drop(dir, entries[0].ID); err == nil {
		t.Error("an entry was dropped that a process works at")
	}
	q.cancel()
	q.Close()
	if err := Drop(dir, entries[0].ID); err != nil {
		t.Error(err)
	}
	store.answers(nil)
	if err := open(t, store, dir).Close(); err != nil {
		t.Error(err)
	}
	holds(t, "the store", store.Backend, "b=2")
}

// TestStoresWithoutVersionsAhead are refused, but what waits for one is stored.
func TestStoresWithoutVersionsAhead(t *testing.T) {
	store := hidden{memory.New(memory.Options{})}
	if _, err := Open(store, Options{Dir: t.TempDir(), MaxBytes: 1}); err == nil || !strings.Contains(err.Error(), "write-back") {
		t.Errorf("it was opened: %v", err)
	}
}

// FuzzEntry reads what may be on a spoilt disk.
func FuzzEntry(f *testing.F) {
	dir := folder(f.TempDir())
	e := Entry{ID: "01", Name: "d/ж.txt", Size: 3, SHA256: strings.Repeat("0", 64), Since: time.Unix(1, 0), Replaces: []string{""}}
	if err := dir.write(e); err != nil {
		f.Fatal(err)
	}
	for _, file := range []string{dir.entry("01"), version1 + "0000000000000001.entry"} {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("00000000 \n"))
	f.Add([]byte(" {}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, id := range []string{"01", "0000000000000001"} {
			if err := os.WriteFile(dir.entry(id), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if e, err := dir.readEntry(id); err == nil && (e.ID != id || e.Name == "." || slices.Contains(strings.Split(e.Name, "/"), "..")) {
				t.Errorf("%q is taken for an entry of %q", data, e.Name)
			}
		}
	})
}

// version1 is the queue that a davdisk has left which wrote entries in another
// format, and was killed.
const version1 = "../../../internal/journal/testdata/state-1/shares/yandex-f477dff5e0a1/vfs/queue/"

func TestQueueOfVersion1(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(version1)); err != nil {
		t.Fatal(err)
	}
	entries, contents, err := Read(dir)
	if err != nil || len(entries) != 2 || entries[0].Name != "queued Ж" || entries[1].Name != "queued2" || len(contents) != 2 ||
		!entries[0].ModTime.Equal(time.Unix(1400000003, 0)) || entries[0].Size != 17 || !slices.Equal(entries[1].Replaces, []string{""}) {
		t.Fatalf("there is %+v, %v", entries, err)
	}
	store, _ := leave(t)
	if err := open(t, store, dir).Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, "the store", store.Backend, "queued Ж=a file that waits queued2=another")
}
