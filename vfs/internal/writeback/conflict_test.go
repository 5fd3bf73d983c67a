package writeback

import (
	"errors"
	"path"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// TestConflict changes a file in the store while ours waits for its first try,
// or for the one after that.
func TestConflict(t *testing.T) {
	for _, begun := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { conflicts(t, begun) })
	}
}

func conflicts(t *testing.T, begun bool) {
	for name, change := range map[string]struct {
		given, theirs, want string
	}{
		"made":          {"", "d/f.txt", "d/ d/f (davdisk conflict WHEN).txt=ours d/f.txt=theirs"},
		"replaced":      {"d/f.txt", "d/f.txt", "d/ d/f (davdisk conflict WHEN).txt=ours d/f.txt=theirs"},
		"made a folder": {"", "d/f.txt/", "d/ d/f (davdisk conflict WHEN).txt=ours d/f.txt/"},
		"removed":       {"d/f.txt", "", "d/ d/f.txt=ours"},
		"removed all":   {"d/f.txt", "-d", "d/ d/f.txt=ours"},
	} {
		store := newStubborn()
		store.Backend = memory.New(memory.Options{})
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		do(store.Mkdir(t.Context(), "d"))
		if change.given != "" {
			put(t, store, change.given, "given")
		}
		var told []string
		q := open(t, store, t.TempDir())
		q.opts.Changed = func(name string) { told = append(told, name) }
		release := func() {}
		if begun {
			store.answers(down)
		} else {
			release = q.blockUploads("d/f.txt")
		}
		put(t, q, "d/f.txt", "ours")
		synctest.Wait()
		store.answers(nil)
		switch {
		case change.theirs == "":
			do(store.Remove(t.Context(), "d/f.txt", backend.RemoveOptions{}))
		case change.theirs == "-d":
			do(store.Remove(t.Context(), "d", backend.RemoveOptions{}))
		case strings.HasSuffix(change.theirs, "/"):
			do(store.Mkdir(t.Context(), strings.TrimSuffix(change.theirs, "/")))
		default:
			put(t, store, change.theirs, "theirs")
		}
		want, when := change.want, time.Now()
		if begun {
			when = when.Add(time.Second) // of the second try
		}
		want = strings.ReplaceAll(want, "WHEN", when.Format("2006-01-02 15-04-05"))
		release()
		time.Sleep(time.Second)
		synctest.Wait()
		holds(t, name+": the store", store.Backend, want)
		holds(t, name+": the queue", q, want)
		if change.theirs != "" && len(told) == 0 {
			t.Errorf("%s: nobody was told", name)
		}
		do(q.Close())
	}
}

// TestMoveOfAConflict: what another client has written is not moved in the
// place of ours.
func TestMoveOfAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStubborn()
		store.answers(down)
		q := open(t, store, t.TempDir())
		put(t, q, "f", "ours")
		synctest.Wait()
		store.answers(nil)
		put(t, store, "f", "theirs")
		err := q.Move(t.Context(), "f", "g", backend.MoveOptions{})
		if !errors.Is(err, backend.ErrChanged) || !strings.Contains(err.Error(), "davdisk conflict") {
			t.Errorf("it says %v", err)
		}
		synctest.Wait()
		holds(t, "the store", store.Backend, "f (davdisk conflict 2000-01-01 00-00-00)=ours f=theirs")
		q.Close()
	})
}

// TestSiblingNames: a sibling lies beside the file, is told from it by its
// name alone, keeps its kind, and has a name that a store takes.
func TestSiblingNames(t *testing.T) {
	const when = "2026-11-23 14-05-09"
	for name, want := range map[string]string{
		"notes.txt":        "notes (davdisk conflict 2026-11-23 14-05-09).txt",
		"a/b c/notes":      "a/b c/notes (davdisk conflict 2026-11-23 14-05-09)",
		"d.d/.profile":     "d.d/.profile (davdisk conflict 2026-11-23 14-05-09)",
		"a.tar.gz":         "a.tar (davdisk conflict 2026-11-23 14-05-09).gz",
		"Ж $%<># ?+&😀.дoc": "Ж $%<># ?+&😀 (davdisk conflict 2026-11-23 14-05-09).дoc",
		"ends.":            "ends (davdisk conflict 2026-11-23 14-05-09).",
	} {
		if got := sibling(name, when); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("ж", 255), strings.Repeat("ж", 251) + ".txt", "x." + strings.Repeat("ж", 253)} {
		got := sibling("d/"+long, when)
		if base := path.Base(got); path.Dir(got) != "d" || utf8.RuneCountInString(base) != maxName || !strings.Contains(base, "(davdisk conflict "+when+")") || path.Ext(long) == ".txt" && path.Ext(base) != ".txt" {
			t.Errorf("%.10q… becomes %q", long, got)
		}
	}
}
