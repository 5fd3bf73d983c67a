package writeback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// TestSeenBeforeItIsStored has a store that does not answer until it is told
// to: what is acknowledged is there all the same, and the same afterwards.
func TestSeenBeforeItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		put(t, store, "old", "before")
		before, err := store.Stat(t.Context(), "old")
		if err != nil {
			t.Fatal(err)
		}
		goOn := make(chan struct{})
		store.answers(func(op, _ string) error {
			if op == "put" {
				<-goOn
			}
			return nil
		})
		q := open(t, store, t.TempDir())
		told := map[string]backend.Info{"new": put(t, q, "new", "fresh"), "old": put(t, q, "old", "after")}
		check := func(when string) {
			t.Helper()
			holds(t, "the queue "+when, q, "new=fresh old=after")
			for name, was := range told {
				is, err := q.Stat(t.Context(), name)
				if err != nil || is.Version != was.Version || is.Size != was.Size || is.SHA256 != was.SHA256 {
					t.Errorf("%s: %s was told as %+v and is %+v, %v", when, name, was, is, err)
				}
			}
		}
		synctest.Wait()
		check("before it is stored")
		holds(t, "the store", store.Backend, "old=before")
		if _, err := q.Open(t.Context(), "old", before.Version); !errors.Is(err, backend.ErrChanged) {
			t.Errorf("the version that is replaced is opened with %v", err)
		}
		early, err := q.Open(t.Context(), "new", told["new"].Version)
		if err != nil {
			t.Fatal(err)
		}
		close(goOn)
		synctest.Wait()
		check("when it is stored")
		holds(t, "the store", store.Backend, "new=fresh old=after")
		if files, bytes := q.Waiting(); files != 0 || bytes != 0 {
			t.Errorf("%d files, %d bytes wait", files, bytes)
		}
		r, err := early.Range(t.Context(), 1, 3)
		if err != nil {
			t.Fatal(err)
		}
		early.Close()
		if data, err := io.ReadAll(r); string(data) != "res" || err != nil {
			t.Errorf("what was opened before reads %q, %v", data, err)
		}
		r.Close()
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(q.opts.Dir); len(left) != 1 {
			t.Errorf("in the folder is left %v, want the lock only", left)
		}
	})
}

// TestTriedAgain has a store that cannot be reached for a while.
func TestTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, log := newStubborn(), &bytes.Buffer{}
		store.answers(down)
		q := open(t, store, t.TempDir())
		q.opts.Log = slog.New(slog.NewTextHandler(log, nil))
		put(t, q, "f", "1")
		time.Sleep(2*time.Hour + time.Second)
		synctest.Wait()
		tries := len(strings.Split(store.asked(), ", "))
		if tries < 100 || tries > 140 {
			t.Errorf("in two hours it was tried %d times, want about once a minute", tries)
		}
		if n := strings.Count(log.String(), "cannot be stored yet"); n != 1 {
			t.Errorf("that is told %d times:\n%s", n, log)
		}
		entries, contents, err := Read(q.opts.Dir)
		if err != nil || len(entries) != 1 || entries[0].Name != "f" || entries[0].Trouble.Tries != tries || !strings.Contains(entries[0].Trouble.Error, "line is dead") {
			t.Errorf("the folder tells %+v, %v", entries, err)
		}
		if data, err := os.ReadFile(contents[0]); string(data) != "1" {
			t.Errorf("the content is %q, %v", data, err)
		}
		store.answers(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		holds(t, "the store", store.Backend, "f=1")
		info, err := store.Backend.Stat(t.Context(), "f")
		if err != nil || time.Since(info.ModTime) < 2*time.Hour {
			t.Errorf("it has the time %v, want that of its writing (%v)", info.ModTime, err)
		}
		q.Close()
	})
}

// TestRefused has a store without room: what was acknowledged waits for it.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		store.Backend = memory.New(memory.Options{Total: 10, MaxFile: 100})
		put(t, store, "filler", "12345678")
		q := open(t, store, t.TempDir())
		put(t, q, "f", "1234")
		synctest.Wait()
		if files, _ := q.Waiting(); files != 1 {
			t.Fatalf("%d files wait", files)
		}
		holds(t, "the queue", q, "f=1234 filler=12345678")
		for size, want := range map[int]error{4: backend.ErrQuota, 101: backend.ErrTooLarge} {
			_, err := q.Put(t.Context(), "g", strings.NewReader(strings.Repeat("x", size)), backend.PutOptions{Size: int64(size)})
			if !errors.Is(err, want) {
				t.Errorf("%d bytes more, when it is known that there is no room: %v", size, err)
			}
		}
		if err := q.Move(t.Context(), "f", "g", backend.MoveOptions{}); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("moving what cannot be stored: %v", err)
		}
		if err := store.Backend.Remove(t.Context(), "filler", backend.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
		put(t, q, "g", "12") // it is asked again whether there is room
		synctest.Wait()      // and what waited for it is stored at once
		holds(t, "the store", store.Backend, "f=1234 g=12")
		q.Close()
	})
}

// TestRefusedNowAndThen has a store that says that it has no room for a while,
// and has: what waits is tried again within seconds, and all once one is stored.
func TestRefusedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		begun := time.Now()
		store.answers(func(op, name string) error {
			if op == "put" && time.Since(begun) < 5*time.Second {
				return &backend.Error{Kind: backend.ErrQuota}
			}
			return nil
		})
		q := open(t, store, t.TempDir())
		put(t, q, "a", "1")
		time.Sleep(2 * time.Second)
		put(t, q, "b", "2")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		holds(t, "the store", store.Backend, "a=1 b=2")
		q.Close()
	})
}

// TestOrder makes many changes of the same names while the store is slow.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		store.answers(func(op, name string) error { time.Sleep(time.Second); return nil })
		q := open(t, store, t.TempDir())
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		for i := range 5 {
			put(t, q, "a", fmt.Sprint("a", i))
			time.Sleep(300 * time.Millisecond)
		}
		do(q.Remove(t.Context(), "a", backend.RemoveOptions{}))
		holds(t, "the queue", q, "")
		put(t, q, "a", "a5")
		put(t, q, "b", "b0")
		do(q.Move(t.Context(), "a", "b", backend.MoveOptions{Overwrite: true}))
		holds(t, "the queue", q, "b=a5")
		put(t, q, "a", "a6")
		put(t, q, "b", "b1")
		holds(t, "the queue", q, "a=a6 b=b1")
		time.Sleep(time.Hour)
		holds(t, "the store", store.Backend, "a=a6 b=b1")
		if files, bytes := q.Waiting(); files != 0 || bytes != 0 {
			t.Errorf("%d files, %d bytes wait", files, bytes)
		}
		q.Close()
	})
}

// TestOvertakenIsNotStored: of what is written in quick succession the store
// gets the first, which had set out, and the last.
func TestOvertakenIsNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		store.answers(func(op, name string) error { time.Sleep(time.Minute); return nil })
		q := open(t, store, t.TempDir())
		for i := range 10 {
			put(t, q, "f", fmt.Sprint(i))
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		holds(t, "the store", store.Backend, "f=9")
		if got := strings.Count(store.asked(), "put f"); got != 2 {
			t.Errorf("it was stored %d times, want 2", got)
		}
		q.Close()
		if left, _ := os.ReadDir(q.opts.Dir); len(left) != 1 {
			t.Errorf("in the folder is left %v, want the lock only", left)
		}
	})
}

// TestDeletedBeforeItIsStored: the store need not hear of it.
func TestDeletedBeforeItIsStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		dir := t.TempDir()
		q := open(t, store, dir)
		release := q.blockUploads("f")
		put(t, q, "f", "1")
		if _, err := q.Stat(t.Context(), "f"); err != nil {
			t.Fatal(err)
		}
		store.asked()
		if err := q.Remove(t.Context(), "f", backend.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
		release()
		synctest.Wait()
		if got := store.asked(); got != "" {
			t.Errorf("the store was asked to %s", got)
		}
		if _, err := q.Stat(t.Context(), "f"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
		q.Close()
		if waits, err := Waits(dir); waits || err != nil {
			t.Errorf("it waits: %v, %v", waits, err)
		}
	})
}

// TestFolderIsDeleted: what waits in it is stored before, so that all of it
// goes in one step.
func TestFolderIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		q := open(t, store, t.TempDir())
		if err := q.Mkdir(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		store.answers(func(op, name string) error { time.Sleep(time.Second); return nil })
		put(t, q, "d/a", "1")
		put(t, q, "d2", "2")
		if err := q.Remove(t.Context(), "d", backend.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
		holds(t, "the queue", q, "d2=2")
		time.Sleep(time.Hour)
		holds(t, "the store", store.Backend, "d2=2")
		store.answers(down)
		if err := store.Backend.Mkdir(t.Context(), "d"); err != nil {
			t.Fatal(err)
		}
		put(t, q, "d/a", "1")
		if err := q.Remove(t.Context(), "d", backend.RemoveOptions{}); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("while it cannot be stored: %v", err)
		}
		holds(t, "the queue", q, "d/ d/a=1 d2=2")
		q.Close()
	})
}

// TestDeleteFails: what could not be removed is still there, and still stored.
func TestDeleteFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		put(t, store, "f", "old")
		store.answers(down)
		q := open(t, store, t.TempDir())
		put(t, q, "f", "new")
		if err := q.Remove(t.Context(), "f", backend.RemoveOptions{}); !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("remove answers %v", err)
		}
		holds(t, "the queue", q, "f=new")
		store.answers(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		holds(t, "the store", store.Backend, "f=new")
		q.Close()
	})
}

// TestNoRoomHere: what cannot wait is stored at once, and later than what
// waits already.
func TestNoRoomHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		q := open(t, store, t.TempDir())
		q.opts.MaxBytes = 10
		release := q.blockUploads("f")
		put(t, q, "f", "123456789")
		done := make(chan bool)
		go func() {
			defer close(done)
			put(t, q, "f", "12")
		}()
		synctest.Wait()
		release()
		<-done
		holds(t, "the store", store.Backend, "f=12")

		q.opts.MaxBytes = 1 << 20
		if err := os.RemoveAll(q.opts.Dir); err != nil {
			t.Fatal(err)
		}
		put(t, q, "g", "kept nowhere but in the store")
		holds(t, "the store", store.Backend, "f=12 g=kept nowhere but in the store")
		_, err := q.Put(t.Context(), "h", io.MultiReader(strings.NewReader("once")), backend.PutOptions{Size: 4})
		if !errors.Is(err, backend.ErrUnavailable) {
			t.Errorf("a body that cannot be read again: %v", err)
		}
		q.Close()
	})
}

// TestCloseLeavesTheRest: what the store does not take in time waits for the
// next start, and Close ends.
func TestCloseLeavesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, dir := newStubborn(), t.TempDir()
		q := open(t, store, dir)
		store.answers(func(op, name string) error {
			if op == "put" && name == "slow" {
				<-q.work.Done()
				return context.Canceled
			}
			return nil
		})
		for i := range 20 {
			put(t, q, fmt.Sprint("quick", i), "q")
		}
		put(t, q, "slow", "s")
		begun := time.Now()
		q.Close()
		if took := time.Since(begun); took != drainTime {
			t.Errorf("Close took %v", took)
		}
		if entries, _, err := Read(dir); err != nil || len(entries) != 1 || entries[0].Name != "slow" || entries[0].Trouble.Tries != 0 {
			t.Errorf("there waits %+v, %v", entries, err)
		}
		store.answers(nil)
		q = open(t, store, dir)
		synctest.Wait()
		if got := readAll(t, store.Backend, "slow"); got != "s" {
			t.Errorf("it has %q", got)
		}
		q.Close()
	})
}
