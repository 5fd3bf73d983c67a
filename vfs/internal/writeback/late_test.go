package writeback

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/unsettled"
)

// killedIn returns the folder of a gateway that was killed while it stored files under
// f, one after the other: the last is queued.
func killedIn(t *testing.T, o *others, contents ...string) string {
	t.Helper()
	store := &endless{memory.New(memory.Options{}), make(chan error, 1), make(chan error, 1)}
	dir, killed := t.TempDir(), filepath.Join(t.TempDir(), "queue")
	q := amongOthers(t, store, o, dir)
	for i, content := range contents {
		if err := putIn(t, q, "f", content); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			<-store.begun
		}
	}
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	o.do(func() { o.owns = map[string]bool{} })
	q.Halt()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	o.do(func() { o.owns, o.changed = map[string]bool{"f": true}, nil })
	return killed
}

// The upload that a gateway was killed in may take effect after the next one has stored
// the file: the others are told that it waits until that cannot happen any more.
func TestKilledWhileStoring(t *testing.T) {
	for name, c := range map[string]struct {
		contents []string // the first is being stored
		there    string   // what the store has then
		comes    string   // late
		hold     bool
		want     string
	}{
		"it comes late":               {[]string{"ours"}, "", "ours", true, "f=ours"},
		"it never comes":              {[]string{"ours"}, "", "", true, "f=ours"},
		"it has come":                 {[]string{"ours"}, "ours", "", false, "f=ours"},
		"it comes over a later one":   {[]string{"first", "ours"}, "", "first", true, "f=ours"},
		"it has come, and a later is": {[]string{"first", "ours"}, "first", "", true, "f=ours"},
		"another client has changed":  {[]string{"ours"}, "theirs", "", true, "f (davdisk conflict 2000-01-01 00-30-00)=ours f=theirs"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, store := newOthers(), newStubborn()
				dir := killedIn(t, o, c.contents...)
				if c.there != "" {
					put(t, store.Backend, "f", c.there)
				}
				q := amongOthers(t, store, o, dir)
				synctest.Wait()
				waits := func(want bool) {
					t.Helper()
					told := 0
					o.do(func() { told = len(o.changed) })
					if _, queued := q.File("f"); queued != want || want && told > 0 {
						t.Fatalf("it waits: %v, want %v; told %d", queued, want, told)
					}
				}
				waits(c.hold)
				if c.hold {
					if err := q.Remove(t.Context(), "f", backend.RemoveOptions{}); !errors.Is(err, backend.ErrUnavailable) {
						t.Errorf("it is removed: %v", err)
					}
					q.Expedite("f") // somebody asks for it
					synctest.Wait()
					waits(true)
					if c.comes != "" {
						put(t, store.Backend, "f", c.comes)
					}
					time.Sleep(lingers) // by the clock of the test
					synctest.Wait()
					waits(false)
				}
				o.do(func() {
					for _, f := range q.Files() {
						o.owns[f.Name] = true
					}
				})
				q.Expedite()
				time.Sleep(time.Second)
				synctest.Wait()
				holds(t, "the store", store.Backend, c.want)
				if err := q.Close(); err != nil {
					t.Error(err)
				}
				if left := notesIn(t, dir); len(left) > 0 {
					t.Errorf("there is %v", left)
				}
			})
		})
	}
}

// notesIn returns the notes of uploads in the folder of a queue.
func notesIn(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"+sendingSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What was written during an upload that has come to its end is not told for half an hour
// by the next run: nothing was cut off.
func TestWrittenWhileStoring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store, dir := newOthers(), &endless{memory.New(memory.Options{}), make(chan error, 1), make(chan error, 1)}, t.TempDir()
		q := amongOthers(t, store, o, dir)
		for _, content := range []string{"first", "ours"} {
			if err := putIn(t, q, "f", content); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if got := notesIn(t, dir); len(got) != 1 {
			t.Errorf("during the upload there is %v, want the note of the later one", got)
		}
		o.do(func() { o.owns = map[string]bool{} })
		q.Halt()
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if got := notesIn(t, dir); len(got) > 0 {
			t.Errorf("after the upload there is %v", got)
		}
		o.do(func() { o.owns["f"] = true })
		q = amongOthers(t, store.Backend, o, dir)
		synctest.Wait()
		holds(t, "the store", store.Backend, "f=ours")
		if left := q.Files(); len(left) > 0 {
			t.Errorf("there still waits %v", left)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What may come late of an upload of unknown outcome is waited for by what was written
// after it, too.
func TestWrittenAfterAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store, dir := newOthers(), &unsettling{Backend: memory.New(memory.Options{})}, t.TempDir()
		q := amongOthers(t, store, o, dir)
		if err := putIn(t, q, "f", "first"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		put(t, store.Backend, "f", "ours") // so that the next one is not sent itself
		if err := putIn(t, q, "f", "ours"); err != nil {
			t.Fatal(err)
		}
		for _, over := range []bool{false, true} {
			store.over.Store(over)
			q.Expedite("f")
			synctest.Wait()
			notes := notesIn(t, dir)
			if _, queued := q.File("f"); queued == over || len(notes) > 0 == over {
				t.Errorf("it is queued: %v, and there is %v, when the upload is over: %v", queued, notes, over)
			}
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// unsettling is a store that does not tell the outcome of uploads.
type unsettling struct {
	*memory.Backend
	over atomic.Bool
}

func (s *unsettling) Put(ctx context.Context, name string, _ io.Reader, _ backend.PutOptions) (backend.Info, error) {
	unsettled.Report(ctx, func(context.Context) bool { return s.over.Load() })
	return backend.Info{}, backend.PathError("put", name, backend.ErrUncertain, "")
}

// Where the store has something else after an upload of unknown outcome, ours gets another
// name when that upload is over.
func TestConflictAfterAnUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, o := &unsettling{Backend: memory.New(memory.Options{})}, newOthers()
		q := amongOthers(t, store, o, t.TempDir())
		if err := putIn(t, q, "f", "ours"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := store.Backend.Put(t.Context(), "f", strings.NewReader("theirs"), backend.PutOptions{Size: 6}); err != nil {
			t.Fatal(err)
		}
		for _, over := range []bool{false, true} {
			store.over.Store(over)
			q.Expedite("f")
			synctest.Wait()
			if _, queued := q.File("f"); queued == over || len(q.Files()) != 1 {
				t.Errorf("it is queued as %v when it is over: %v", q.Files(), over)
			}
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// sentIn returns what the folder notes of uploads that may have been cut off.
func sentIn(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"+sendingSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A gateway is killed while it tells the others of a file that replaces one being
// stored: what comes late of that one is waited for.
func TestKilledWhileReplacing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, dir := newOthers(), filepath.Join(t.TempDir(), "queue")
		store := &endless{memory.New(memory.Options{}), make(chan error, 1), make(chan error, 1)}
		from := t.TempDir()
		q := amongOthers(t, store, o, from)
		if err := putIn(t, q, "f", "first"); err != nil {
			t.Fatal(err)
		}
		<-store.begun
		o.do(func() { o.announce = func(File) error { return os.CopyFS(dir, os.DirFS(from)) } })
		if err := putIn(t, q, "f", "ours"); err != nil {
			t.Fatal(err)
		}
		o.do(func() { o.announce, o.owns = nil, map[string]bool{} })
		q.Halt()
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		o.do(func() { o.owns, o.changed = map[string]bool{"f": true}, nil })
		next := newStubborn()
		q = amongOthers(t, next, o, dir)
		synctest.Wait()
		if _, queued := q.File("f"); !queued || len(sentIn(t, dir)) != 1 {
			t.Errorf("its end is told while the first may come: queued %v, with %v", queued, sentIn(t, dir))
		}
		put(t, next.Backend, "f", "first")
		time.Sleep(lingers)
		synctest.Wait()
		if _, queued := q.File("f"); queued {
			t.Error("its end is not told")
		}
		holds(t, "the store", next.Backend, "f=ours")
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What was being stored when the gateway was killed is not dropped before the upload is
// over, which the next run finds out, stored or not. A queue that is the only one has
// nothing to wait for.
func TestDropAfterAKill(t *testing.T) {
	for name, lone := range map[string]bool{"of several": false, "the only one": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOthers()
				dir := killedIn(t, o, "ours")
				id := func() string {
					all, _, err := Read(dir)
					if err != nil || len(all) != 1 {
						t.Fatalf("queued are %v, %v", all, err)
					}
					return all[0].ID
				}
				if err := Drop(dir, id()); !errors.Is(err, backend.ErrUnavailable) || id() == "" {
					t.Errorf("it is dropped with %v", err)
				}
				run := func(d time.Duration) {
					var q *Queue
					if lone {
						q = open(t, refusing(), dir)
					} else {
						q = amongOthers(t, refusing(), o, dir)
					}
					time.Sleep(d)
					if err := q.Close(); err != nil {
						t.Error(err)
					}
				}
				run(time.Minute)
				if err := Drop(dir, id()); lone != (err == nil) {
					t.Errorf("after a minute it is dropped with %v", err)
				}
				if lone {
					return
				}
				run(time.Hour)
				if err := Drop(dir, id()); err != nil {
					t.Errorf("when the upload is over it is dropped with %v", err)
				}
			})
		})
	}
}

// A queue that is the only one remembers nothing of what was removed, whatever its folder
// was before.
func TestRemovedAlone(t *testing.T) {
	dir := t.TempDir()
	if err := amongOthers(t, refusing(), newOthers(), dir).Close(); err != nil {
		t.Fatal(err)
	}
	q := open(t, refusing(), dir)
	put(t, q, "f", "ours")
	if err := errors.Join(q.Remove(t.Context(), "f", backend.RemoveOptions{}), q.Close()); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*"+removedSuffix)); err != nil || len(left) > 0 {
		t.Errorf("there is %v, %v", left, err)
	}
}

// An upload may end, with an unknown outcome, while a later file takes the place of the
// one it stores: that waits for it as well.
func TestReplacedAsItsUploadEnds(t *testing.T) {
	for name, of := range map[string]*late{"nothing before": nil, "something before": {changes: []*unsettled.Changes{{}}}} {
		t.Run(name, func(t *testing.T) {
			q := amongOthers(t, refusing(), newOthers(), t.TempDir())
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			_, changes := unsettled.With(t.Context())
			old := &entry{Entry: Entry{ID: "1", Name: "f"}, late: of, attempt: newAttempt()}
			e := &entry{Entry: Entry{ID: "2", Name: "f"}, attempt: newAttempt()}
			q.entries["f"], q.inFlight["f"] = old, old.attempt
			if err := q.inherit(e, old); err != nil {
				t.Fatal(err)
			}
			if old.late == nil {
				old.late = &late{}
			}
			old.late.changes = append(old.late.changes, changes)
			want := len(old.late.changes)
			delete(q.inFlight, "f")
			q.enqueue(e)
			if e.late == nil || len(e.late.changes) != want || !e.late.resent {
				t.Errorf("it waits for %+v, want %d changes", e.late, want)
			}
		})
	}
}

// A file that is stored, while something may come late, has not failed.
func TestLingeringIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOthers(), newStubborn()
		dir := killedIn(t, o, "ours")
		var log strings.Builder
		q, err := Open(store, Options{
			Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil)), Now: time.Now, Gateways: o, Changed: func(string) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		q.Start()
		for range 3 {
			q.Expedite("f")
			synctest.Wait()
		}
		entries, _, err := Read(dir)
		if err != nil || len(entries) != 1 || entries[0].Trouble.Tries != 0 || entries[0].Trouble.Error != "" {
			t.Errorf("it is queued as %+v, %v", entries, err)
		}
		holds(t, "the store", store.Backend, "f=ours")
		if err := q.SetModTime(t.Context(), "f", time.Now()); !errors.Is(err, backend.ErrUnavailable) || strings.Contains(err.Error(), "cannot be stored") {
			t.Errorf("its time is set with %v", err)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if strings.Contains(log.String(), "cannot be stored") || strings.Count(log.String(), "cut off is over") != 1 {
			t.Errorf("the log says %s", log.String())
		}
	})
}

// Before others are told of a file that waits, it gets another name only when nothing may
// come late under the first.
func TestRecheckWaitsForWhatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := newOthers(), newStubborn()
		dir := killedIn(t, o, "ours")
		o.do(func() { o.owns = map[string]bool{} })
		put(t, store.Backend, "f", "theirs")
		q := amongOthers(t, store, o, dir)
		for _, over := range []bool{false, true} {
			if err := q.Recheck(t.Context(), "f", false); over != (err == nil) {
				t.Errorf("over: %v: %v", over, err)
			}
			if _, queued := q.File("f"); queued == over {
				t.Errorf("it has its name: %v, when it is over: %v", queued, over)
			}
			time.Sleep(lingers)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}
