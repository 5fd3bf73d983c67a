package writeback

import (
	"errors"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// An upload that was refused because its announcement had no answer may be known to the
// others, now or later: a restart knows what became of it, also where one before it waits.
func TestRefusedIsRemembered(t *testing.T) {
	for _, before := range []bool{false, true} {
		store, o, dir := refusing(), newOthers(), t.TempDir()
		q := amongOthers(t, store, o, dir)
		if before {
			if err := putIn(t, q, "f", "before"); err != nil {
				t.Fatal(err)
			}
		}
		var last File
		for _, c := range []struct {
			err        error
			remembered bool
		}{{ErrWaits, false}, {ErrFull, false}, {backend.ErrUnavailable, true}, {backend.ErrUnavailable, true}} {
			o.do(func() { o.announce = func(f File) error { last = f; return c.err } })
			if err := putIn(t, q, "f", "refused"); err == nil {
				t.Fatal("it is confirmed")
			}
			if got := q.Removed(); len(got) > 0 != c.remembered || c.remembered && (len(got) != 1 || got[0].ID != last.ID) {
				t.Errorf("after %v remembered are %+v, of %+v", c.err, got, last)
			}
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = amongOthers(t, store, o, dir)
		f, queued := q.File("f")
		if got := q.Removed(); len(got) != 1 || got[0].Name != "f" || got[0].ID != last.ID || queued != before || before && f.ID >= last.ID {
			t.Errorf("after a restart remembered are %+v, queued %+v, of %+v", got, f, last)
		}
		q.Began([]File{{Name: "f", ID: "of another one"}})
		if len(q.Removed()) != 1 {
			t.Error("it is forgotten though the others have been told of another one")
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What is queued later has a greater ID, also if a run before has left nothing.
func TestIDsAscend(t *testing.T) {
	store, o, dir, last := newStubborn(), newOthers(), t.TempDir(), ""
	for range 3 {
		q := amongOthers(t, store, o, dir)
		var got File
		o.do(func() { o.announce = func(f File) error { got = f; return nil } })
		if err := errors.Join(putIn(t, q, "f", "1"), q.Remove(t.Context(), "f", backend.RemoveOptions{}), q.Close()); err != nil {
			t.Fatal(err)
		}
		if got.ID <= last {
			t.Errorf("%q comes after %q", got.ID, last)
		}
		last = got.ID
	}
}

// After a conflict a restart knows that the first name is not queued any more, and which
// one is, until the others know that.
func TestRenamedIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, o, dir := newStubborn(), newOthers(), t.TempDir()
		q := amongOthers(t, store, o, dir)
		release := q.blockUploads("f.a")
		if err := putIn(t, q, "f.a", "ours"); err != nil {
			t.Fatal(err)
		}
		announced, _ := q.File("f.a")
		synctest.Wait()
		if _, err := store.Backend.Put(t.Context(), "f.a", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
			t.Fatal(err)
		}
		release()
		if err := q.Close(); err != nil { // which finds it, if nothing has before
			t.Fatal(err)
		}
		var sibling string
		for range 2 { // nor is it forgotten before the others know of the second
			o.do(func() { o.changed, o.owns = nil, map[string]bool{} })
			q = amongOthers(t, store, o, dir)
			all, removed := q.Files(), q.Removed()
			if len(all) != 1 || all[0].Name == "f.a" || len(removed) != 1 || removed[0].Name != "f.a" || removed[0].ID < announced.ID || !slices.Equal(o.changed, []string{"f.a to .a"}) {
				t.Fatalf("queued are %+v, remembered %+v, told %v", all, removed, o.changed)
			}
			sibling = all[0].Name
			q.Began(removed)
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
		}

		// It is renamed again.
		if _, err := store.Backend.Put(t.Context(), sibling, strings.NewReader("x"), backend.PutOptions{Size: 1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // by the clock of the test
		q = amongOthers(t, store, o, dir)
		if err := q.Recheck(t.Context(), sibling, false); err != nil {
			t.Fatal(err)
		}
		q.Began(q.Removed())
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		o.do(func() { o.changed = nil })
		q = amongOthers(t, store, o, dir)
		if got := removedFrom(q); !slices.Equal(got, []string{sibling, "f.a"}) || len(o.changed) != 2 {
			t.Errorf("remembered are %q, told %q", got, o.changed)
		}
		last := q.Files()[0].Name
		for _, e := range q.removed {
			if e.Beside != last {
				t.Errorf("%s is queued as %q, want %q", e.Name, e.Beside, last)
			}
		}
		o.do(func() { o.owns[last] = true })
		q.Began(q.Removed())
		synctest.Wait()
		if got, err := contentOf(t, store, last); err != nil || got != "ours" || len(q.Removed()) != 0 || path.Ext(last) != ".a" {
			t.Errorf("stored is %q, %v, remembered %v", got, err, q.Removed())
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// readFunc is an io.Reader that is a func.
type readFunc func(p []byte) (int, error)

func (r readFunc) Read(p []byte) (int, error) { return r(p) }

// What is renamed while a later upload to its name is received is told as removed up to
// its own ID: the later one is not, nor after a restart.
func TestRenamedWhileTheNextIsReceived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, o, dir := newStubborn(), newOthers(), t.TempDir()
		q := amongOthers(t, store, o, dir)
		var announced []File
		o.announce = func(f File) error { announced = append(announced, f); return nil }
		release := q.blockUploads("f")
		if err := putIn(t, q, "f", "ours"); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Backend.Put(t.Context(), "f", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
			t.Fatal(err)
		}
		later, once := strings.NewReader("later"), sync.OnceFunc(func() { release(); synctest.Wait() })
		body := readFunc(func(p []byte) (int, error) {
			once()
			return later.Read(p)
		})
		if _, err := q.Put(t.Context(), "f", body, backend.PutOptions{Size: 5}); err != nil {
			t.Fatal(err)
		}
		if len(announced) != 2 || announced[0].ID >= announced[1].ID {
			t.Fatalf("announced are %+v", announced)
		}
		for range 2 {
			if got := q.Removed(); len(got) != 1 || got[0].Name != "f" || got[0].ID != announced[0].ID {
				t.Errorf("removed are %+v, want that of %s, not of %s", got, announced[0].ID, announced[1].ID)
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = amongOthers(t, store, o, dir)
		}
		for _, f := range q.Files() {
			o.do(func() { o.owns[f.Name] = true })
		}
		q.Began(q.Removed())
		if got := q.Removed(); len(got) != 0 {
			t.Errorf("when the others know, it remembers %+v", got)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// While it is being stored nobody can tell what the store has.
func TestRecheckDuringAnUpload(t *testing.T) {
	store, o := &endless{newStubborn().Backend, make(chan error, 1), make(chan error, 1)}, newOthers()
	q := amongOthers(t, store, o, t.TempDir())
	if err := putIn(t, q, "f", "ours"); err != nil {
		t.Fatal(err)
	}
	<-store.begun
	if err := q.Recheck(t.Context(), "f", false); !errors.Is(err, backend.ErrUnavailable) {
		t.Errorf("it may be told: %v", err)
	}
	o.do(func() { o.owns = map[string]bool{} })
	q.Halt()
	<-store.ended
	if err := q.Close(); err != nil {
		t.Error(err)
	}
}
