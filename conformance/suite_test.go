package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/afero"
)

// only makes another file system for one case, and a good one for the others.
func only(id string, other Maker) Maker {
	return func(tb TB) afero.Fs {
		if tb.Name() == id {
			return other(tb)
		}
		return newRooted(tb)
	}
}

// result finds the result of a case.
func result(t *testing.T, r Report, id string) Result {
	t.Helper()
	i := slices.IndexFunc(r.Results, func(res Result) bool { return res.Case.ID == id })
	if i < 0 {
		t.Fatalf("the report has no %s", id)
	}
	return r.Results[i]
}

// oneBad wants a verdict, and words in its detail, for one case, and all
// other cases to have passed.
func oneBad(t *testing.T, r Report, id string, verdict Verdict, words ...string) {
	t.Helper()
	for _, res := range r.Results {
		switch {
		case res.Case.ID != id && res.Verdict != Passed:
			t.Errorf("%s: %v: %s", res.Case.ID, res.Verdict, res.Detail)
		case res.Case.ID == id && res.Verdict != verdict:
			t.Errorf("%s is %v, want %v: %s", id, res.Verdict, verdict, res.Detail)
		}
	}
	detail := result(t, r, id).Detail
	for _, w := range words {
		if !strings.Contains(detail, w) {
			t.Errorf("%s: the detail lacks %q: %s", id, w, detail)
		}
	}
	if len(r.Results) < 2 {
		t.Errorf("only %d cases were run", len(r.Results))
	}
}

// TestCatalogue holds the tables to their own form.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for c := range Cases() {
		if seen[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		seen[c.ID] = true
		if strings.Count(c.ID, "/") != 1 || strings.ContainsAny(c.ID, " #*?[") {
			t.Errorf("%q is not a group and a name", c.ID)
		}
		if !strings.HasSuffix(c.Doc, ".") || c.Level < Data || c.Level > Parity {
			t.Errorf("%s: level %v, doc %q", c.ID, c.Level, c.Doc)
		}
	}
	if len(seen) < 590 {
		t.Errorf("the catalog has %d cases", len(seen))
	}
}

// TestBadMakers runs one case with a Maker that does something silly. It is told,
// and the other cases still run.
func TestBadMakers(t *testing.T) {
	for name, c := range map[string]struct {
		make  Maker
		words string
	}{
		"nil":       {func(TB) afero.Fs { return nil }, "returned nil"},
		"typed nil": {func(TB) afero.Fs { return (*afero.MemMapFs)(nil) }, "returned nil"},
		"panic":     {func(TB) afero.Fs { panic("no disk") }, "panicked: no disk"},
		"fatal":     {func(tb TB) afero.Fs { tb.Fatalf("no %s", "network"); return nil }, "gave up: no network"},
		"not empty": {func(tb TB) afero.Fs {
			f := newRooted(tb)
			if err := afero.WriteFile(f, "/precious", []byte("1"), 0o644); err != nil {
				tb.Fatalf("%v", err)
			}
			return f
		}, "with the option Under"},
		"whole machine": {func(TB) afero.Fs { return afero.NewOsFs() }, "with Under"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Check(t.Context(), only("mkdir/new", c.make), Only("mkdir/*"))
			oneBad(t, r, "mkdir/new", Blocked, c.words)
		})
	}
	t.Run("never empty", func(t *testing.T) {
		r := Check(t.Context(), func(tb TB) afero.Fs {
			f := newRooted(tb)
			if err := afero.WriteFile(f, "/precious", []byte("1"), 0o644); err != nil {
				tb.Fatalf("%v", err)
			}
			return f
		}, Only("mkdir/*"))
		if r.Count(Blocked) != 1 || r.Count(Skipped) != len(r.Results)-1 || len(r.Results) < 5 {
			t.Errorf("%d of %d cases were blocked, %d skipped", r.Count(Blocked), len(r.Results), r.Count(Skipped))
		}
	})
	t.Run("same twice", func(t *testing.T) {
		shared := newBugFs(t) // with no bug in it
		r := Check(t.Context(), func(tb TB) afero.Fs {
			switch tb.Name() {
			case "mkdir/missing-parent", "mkdir/under-file": // the first leaves nothing behind
				return shared
			}
			return newRooted(tb)
		}, Only("mkdir/*"))
		oneBad(t, r, "mkdir/under-file", Blocked, "mkdir/missing-parent", "its own")
	})
}

// hangingFs never comes back from Mkdir.
type hangingFs struct{ afero.Fs }

func (h hangingFs) Mkdir(string, os.FileMode) error { select {} }

// panickingFs panics in Mkdir.
type panickingFs struct{ afero.Fs }

func (p panickingFs) Mkdir(string, os.FileMode) error { panic("slice bounds") }

// TestLog shows what a Maker logs beside a failure.
func TestLog(t *testing.T) {
	r := Check(t.Context(), only("mkdir/new", func(tb TB) afero.Fs {
		tb.Logf("listening on port %d", 4711)
		return panickingFs{newRooted(tb)}
	}), Only("mkdir/*"))
	oneBad(t, r, "mkdir/new", Panicked, "slice bounds", "logged: listening on port 4711")
}

func TestHang(t *testing.T) {
	r := Check(t.Context(), only("mkdir/new", func(tb TB) afero.Fs { return hangingFs{newRooted(tb)} }),
		Only("mkdir/*"), Deadline(time.Second))
	oneBad(t, r, "mkdir/new", Hung, "no answer within 1s", "hangingFs.Mkdir")
}

// slowFs takes a tenth of a second to make, write or open a file, of a clock that
// does not keep anybody waiting.
type slowFs struct{ afero.Fs }

func (s slowFs) Create(name string) (afero.File, error) {
	time.Sleep(100 * time.Millisecond)
	f, err := s.Fs.Create(name)
	return slowFile{f}, err
}

func (s slowFs) Open(name string) (afero.File, error) {
	time.Sleep(100 * time.Millisecond)
	return s.Fs.Open(name)
}

type slowFile struct{ afero.File }

func (f slowFile) Write(b []byte) (int, error) {
	time.Sleep(100 * time.Millisecond)
	return f.File.Write(b)
}

// TestSlow has a file system that hangs nowhere, but whose many files, or
// the many parts of a large one, take longer than the deadline.
func TestSlow(t *testing.T) {
	for id, want := range map[string]Verdict{
		"readdir/many-entries": Passed, "open/many-handles": Passed, "large/64MiB": Passed, "large/many-small-writes": Passed,
		"iofs/TestFS": Failed, // MemMapFs does, for reasons of its own
	} {
		synctest.Test(t, func(t *testing.T) {
			opts := []Option{Only(id), Deadline(time.Second)}
			if id == "large/64MiB" {
				opts = append(opts, Long())
			}
			r := Check(t.Context(), func(tb TB) afero.Fs { return slowFs{afero.NewMemMapFs()} }, opts...)
			if len(r.Results) != 1 || r.Results[0].Verdict != want {
				t.Errorf("%+v", r.Results)
			}
		})
	}
}

func TestPanic(t *testing.T) {
	bad := func(tb TB) afero.Fs { return panickingFs{newRooted(tb)} }
	t.Run("in the case", func(t *testing.T) {
		r := Check(t.Context(), only("rename/dir", bad), Only("rename/dir*"))
		oneBad(t, r, "rename/dir", Panicked, "slice bounds")
	})
	t.Run("in a goroutine of the case", func(t *testing.T) {
		r := Check(t.Context(), only("concurrent/mkdir-one-wins", bad), Only("concurrent/*-wins"))
		oneBad(t, r, "concurrent/mkdir-one-wins", Panicked, "slice bounds")
	})
	t.Run("in a cleanup", func(t *testing.T) {
		r := Check(t.Context(), only("mkdir/new", func(tb TB) afero.Fs {
			tb.Cleanup(func() { panic("still mounted") })
			return newRooted(tb)
		}), Only("mkdir/*"))
		oneBad(t, r, "mkdir/new", Panicked, "cleaning up", "still mounted")
	})
}

// TestCancel ends a run in the middle: what has not begun does not begin.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := 0
	r := Check(ctx, newRooted, Only("readdir/*"), Each(func(Result) {
		if seen++; seen == 5 {
			cancel()
		}
	}))
	if r.Count(Passed) != 5 || r.Count(Skipped) != len(r.Results)-5 {
		t.Errorf("%d cases passed and %d were skipped of %d", r.Count(Passed), r.Count(Skipped), len(r.Results))
	}
}

// TestParallel runs cases at the same time, and gets each once, in order.
func TestParallel(t *testing.T) {
	told := map[string]int{}
	r := Check(t.Context(), newRooted, Only("re*/*"), Parallel(8), Each(func(res Result) { told[res.Case.ID]++ }))
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	var want, got []string
	for c := range Cases() {
		if strings.HasPrefix(c.ID, "re") {
			want = append(want, c.ID)
		}
	}
	for _, res := range r.Results {
		got = append(got, res.Case.ID)
		if told[res.Case.ID] != 1 {
			t.Errorf("Each was called %d times for %s", told[res.Case.ID], res.Case.ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the results are %q, want %q", got, want)
	}
}

// TestCauses looks for what several cases failed of.
func TestCauses(t *testing.T) {
	report := Report{Results: []Result{
		{Case: Case{ID: "a/1"}, Verdict: Failed, Detail: "a.go:10: no rename\nmore"},
		{Case: Case{ID: "a/2"}, Verdict: Failed, Detail: "something else"},
		{Case: Case{ID: "b/1"}, Verdict: Failed, Detail: "b.go:7: no rename"},
		{Case: Case{ID: "b/2"}, Verdict: Passed, Detail: "no rename"},
	}}
	var text strings.Builder
	if _, err := report.WriteTo(&text); err != nil || !strings.Contains(text.String(), "\n2 times: no rename\n    a/1, b/1\n") || strings.Contains(text.String(), "1 times") {
		t.Errorf("%v: %s", err, text.String())
	}
}

// TestReport looks at the text and at the JSON of a run with something of
// everything in it.
func TestReport(t *testing.T) {
	bad := func(tb TB) afero.Fs { return chownlessFs{newRooted(tb), nil} }
	r := Check(t.Context(), only("chown/missing", bad), Only("chown/*"), Known("chown/dir", "it was wrong once"), Seed(7))
	var text strings.Builder
	n, err := r.WriteTo(&text)
	if err != nil || n != int64(text.Len()) {
		t.Errorf("WriteTo gives %d, %v for %d bytes", n, err, text.Len())
	}
	for _, want := range []string{
		"group           cases   pass   fail  blocked  known  not run\n",
		"chown               4      2      2        0      0        0\n",
		"total               4      2      2        0      0        0\n",
		"FAILED chown/missing (errors)\n    must:  Chown of what does not exist is fs.ErrNotExist, and creates nothing.\n    found: ",
		"CURED chown/dir",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, text.String())
		}
	}
	encoded, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var decoded struct {
		Seed    uint64
		Results []struct {
			Case    struct{ ID, Level string }
			Verdict string
		}
	}
	if err := json.Unmarshal(encoded, &decoded); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(decoded); got != "{7 [{{chown/file errors} passed} {{chown/dir errors} cured} {{chown/missing errors} failed} {{chown/survives-rename parity} passed}]}" {
		t.Errorf("the JSON says %s", got)
	}
}
