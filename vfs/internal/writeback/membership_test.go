package writeback

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// refusing is a store that takes no uploads.
func refusing() *stubborn {
	store := newStubborn()
	store.answers(func(op, _ string) error {
		if op == "put" {
			return backend.PathError(op, "f", backend.ErrUnavailable, "")
		}
		return nil
	})
	return store
}

// endless is a store that takes uploads until their context ends.
type endless struct {
	*memory.Backend
	begun, ended chan error
}

func (s *endless) Put(ctx context.Context, _ string, _ io.Reader, _ backend.PutOptions) (backend.Info, error) {
	s.begun <- nil
	<-ctx.Done()
	s.ended <- context.Cause(ctx)
	return backend.Info{}, ctx.Err()
}

// An upload ends with the membership. It has not failed, and begins again with the next.
func TestHalt(t *testing.T) {
	store, o := &endless{memory.New(memory.Options{}), make(chan error, 1), make(chan error, 1)}, newOthers()
	q := amongOthers(t, store, o, t.TempDir())
	if err := putIn(t, q, "f", "ours"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		<-store.begun
		o.do(func() { o.owns = map[string]bool{} })
		q.Halt()
		if err := <-store.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the upload ends with %v", err)
		}
		o.do(func() { o.owns["f"] = true })
		q.Began(nil)
	}
	<-store.begun
	o.do(func() { o.owns = map[string]bool{} })
	q.Halt()
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if e, _, err := Read(q.opts.Dir); err != nil || len(e) != 1 || e[0].Trouble.Tries != 0 {
		t.Errorf("it is queued as %+v, %v", e, err)
	}
}

// What is not this gateway's any more is not stored, however late that is known.
func TestOwnsIsAskedBeforeEachUpload(t *testing.T) {
	for _, late := range []string{"stat d/f", "put d/f", "stat d"} {
		t.Run(late, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, o := refusing(), newOthers()
				if err := store.Mkdir(t.Context(), "d"); err != nil {
					t.Fatal(err)
				}
				q := amongOthers(t, store, o, t.TempDir())
				defer q.Close()
				if err := putIn(t, q, "d/f", "ours"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if err := store.Backend.Remove(t.Context(), "d", backend.RemoveOptions{}); err != nil {
					t.Fatal(err)
				}
				store.asked()
				puts := 0
				store.answers(func(op, name string) error {
					if op+" "+name == late {
						o.do(func() { o.owns = map[string]bool{} })
					}
					if op == "put" {
						puts++
					}
					return nil
				})
				q.Expedite("d/f")
				synctest.Wait()
				if _, err := store.Backend.Stat(t.Context(), "d/f"); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("it is stored, after %s: %v", store.asked(), err)
				}
				if want := map[string]int{"stat d/f": 0, "put d/f": 1, "stat d": 1}[late]; puts != want {
					t.Errorf("it is uploaded %d times, want %d, with %s", puts, want, store.asked())
				}
			})
		})
	}
}

// A copy of a folder is another one, and has what the first had.
func TestIdentity(t *testing.T) {
	store, o, dir := refusing(), newOthers(), t.TempDir()
	q := amongOthers(t, store, o, dir)
	id := q.ID()
	if err := errors.Join(putIn(t, q, "f", "ours"), q.Close()); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "queue")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again := amongOthers(t, store, o, dir)
		if again.ID() != id || id == "" {
			t.Errorf("the folder is %q, and was %q", again.ID(), id)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	other := amongOthers(t, store, o, copied)
	defer other.Close()
	if _, queued := other.File("f"); other.ID() == id || other.ID() == "" || !queued {
		t.Errorf("the copy is %q and has it: %v", other.ID(), queued)
	}
}

// removedFrom returns the names of what a queue remembers to be removed.
func removedFrom(q *Queue) (names []string) {
	for _, f := range q.Removed() {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// What was removed, here or by hand, is remembered until the others know it.
func TestRemovedIsRemembered(t *testing.T) {
	store, o, dir := refusing(), newOthers(), t.TempDir()
	q := amongOthers(t, store, o, dir)
	busy := &backend.Error{Kind: backend.ErrUnavailable, Message: "the others cannot be told"}
	for _, name := range []string{"told", "untold", "dropped", "kept"} {
		if err := putIn(t, q, name, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Remove(t.Context(), "told", backend.RemoveOptions{}); err != nil {
		t.Error(err)
	}
	o.do(func() {
		before := len(o.settled)
		o.settles = func() error {
			if len(o.settled) > before+1 {
				return busy
			}
			return nil
		}
	})
	if err := q.Remove(t.Context(), "untold", backend.RemoveOptions{}); !errors.Is(err, busy) {
		t.Errorf("it is removed with %v", err)
	}
	o.do(func() { o.settles = nil })
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	entries, _, err := Read(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("queued are %v, %v", entries, err)
	}
	for _, e := range entries {
		if e.Name == "dropped" {
			if err := Drop(dir, e.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := []string{"dropped", "untold"}
	for _, told := range []bool{false, true, true} {
		q = amongOthers(t, store, o, dir)
		if got := removedFrom(q); !slices.Equal(got, want) {
			t.Errorf("removed are %v, want %v", got, want)
		}
		if told {
			q.Began(q.Removed())
			want = nil
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A file is in the folder before the others are told, so that after a restart what they
// know of and the folder does not have was there once.
func TestWrittenBeforeAnnounced(t *testing.T) {
	store, o, dir := refusing(), newOthers(), t.TempDir()
	q := amongOthers(t, store, o, dir)
	defer q.Close()
	var err error
	for _, refusal := range []error{nil, backend.ErrUnavailable, nil} {
		var seen []Entry
		o.do(func() {
			o.announce = func(File) error {
				seen, _, err = Read(dir)
				return refusal
			}
		})
		if got := putIn(t, q, "f", "ours"); !errors.Is(got, refusal) || err != nil {
			t.Errorf("%v, %v, want %v", got, err, refusal)
		}
		if len(seen) == 0 || seen[len(seen)-1].Name != "f" {
			t.Errorf("announced is what the folder does not have: %+v", seen)
		}
		if after, _, err := Read(dir); err != nil || len(after) != 1 {
			t.Errorf("then it has %d, %v", len(after), err)
		}
	}
}

// TestStored has what the store says of a file that others know of.
func TestStored(t *testing.T) {
	store := newStubborn()
	if err := putIn(t, store, "f", "ours"); err != nil {
		t.Fatal(err)
	}
	info, err := store.Stat(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	q := amongOthers(t, store, newOthers(), t.TempDir())
	defer q.Close()
	for _, c := range []struct {
		file File
		want bool
	}{{File{Name: "f", Version: info.Version}, true}, {File{Name: "f", Version: "x"}, false}, {File{Name: "g"}, false}, {File{Name: "."}, false}} {
		if got, err := q.Stored(t.Context(), c.file); err != nil || got != c.want {
			t.Errorf("%+v is stored: %v, %v", c.file, got, err)
		}
	}
	store.answers(func(string, string) error { return backend.PathError("stat", "f", backend.ErrNotDir, "") })
	if got, err := q.Stored(t.Context(), File{Name: "f/g"}); err != nil || got {
		t.Errorf("it is stored below a file: %v, %v", got, err)
	}
	store.answers(func(string, string) error { return backend.ErrUnavailable })
	if _, err := q.Stored(t.Context(), File{Name: "f"}); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("it is stored: %v", err)
	}
}

// learner is a store that learns.
type learner struct {
	*memory.Backend
	learned []string
}

func (l *learner) Learn(name, version string) { l.learned = append(l.learned, name+" "+version) }

// The store is not told to look for what waits elsewhere.
func TestLearnOfWhatWaits(t *testing.T) {
	store, o := &learner{Backend: memory.New(memory.Options{})}, newOthers()
	q := amongOthers(t, store, o, t.TempDir())
	defer q.Close()
	o.files["f"] = File{Name: "f", Version: "1"}
	q.Learn("f", "1")
	q.Learn("g", "2")
	if len(store.learned) != 2 || store.learned[0] != "f " || store.learned[1] != "g 2" {
		t.Errorf("it learns %q", store.learned)
	}
}
