package conformance

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/afero"
)

func TestKnown(t *testing.T) {
	bad := only("mkdir/new", func(tb TB) afero.Fs { return panickingFs{newRooted(tb)} })
	t.Run("fails as known", func(t *testing.T) {
		r := Check(t.Context(), bad, Only("mkdir/*"), Known("mkdir/new", "a slip in a slice"))
		oneBad(t, r, "mkdir/new", WasKnown, "a slip in a slice", "slice bounds")
		if err := r.Err(); err != nil {
			t.Errorf("the run fails: %v", err)
		}
	})
	t.Run("passes", func(t *testing.T) {
		r := Check(t.Context(), newRooted, Only("mkdir/*"), Known("mkdir/new", "a slip in a slice"))
		oneBad(t, r, "mkdir/new", Cured, "remove its Known", "a slip in a slice")
		if r.Err() == nil {
			t.Errorf("the run does not fail")
		}
	})
	t.Run("crashes", func(t *testing.T) {
		r := Check(t.Context(), bad, Only("mkdir/*"), Crashes("mkdir/new", "log.Panic under a lock"))
		oneBad(t, r, "mkdir/new", Crashing, "log.Panic under a lock")
		if err := r.Err(); err != nil {
			t.Errorf("the run fails: %v", err)
		}
	})
}

// TestUselessOptions passes options that say nothing true or nothing at all.
// Each makes one result that fails.
func TestUselessOptions(t *testing.T) {
	for want, opt := range map[string]Option{
		`Known("mkdir/gone"): there is no such case`:         Known("mkdir/gone", "it was there once"),
		`Crashes("mkdir/gone"): there is no such case`:       Crashes("mkdir/gone", "it was there once"),
		`Known("mkdir/new") gives no reason`:                 Known("mkdir/new", ""),
		`Refuses(Chown) gives no reason`:                     Refuses(Chown, ""),
		`Refuses(Modes) makes no sense`:                      Refuses(Modes, "no bits"),
		`Ignores(Rename) makes no sense`:                     Ignores(Rename, "who needs it"),
		`Refuses(Capability(99)) makes no sense`:             Refuses(99, "what is it"),
		`Only("["): syntax error in pattern`:                 Only("["),
		`Only("nothing/*") selects no case`:                  Only("nothing/*"),
		`Known("mkdir/perm") excuses nothing`:                func(c *config) { Ignores(Modes, "none")(c); Known("mkdir/perm", "none")(c) },
		`Within gives no reason for files of up to 10 bytes`: Within(Limits{FileSize: 10}),
		`Refuses(Sync): it has been declared before`:         func(c *config) { Refuses(Sync, "a")(c); Refuses(Sync, "b")(c) },
		`Refuses(Writes) makes no sense: use ReadOnly`:       Refuses(Writes, "sealed"),
	} {
		r := Check(t.Context(), newRooted, Only("mkdir/*"), opt)
		found := slices.ContainsFunc(r.Results, func(res Result) bool {
			return res.Case.Group() == "options" && res.Verdict == Failed && strings.Contains(res.Detail, want)
		})
		if !found {
			t.Errorf("nothing says %s:\n%v", want, r.Err())
		}
	}
}

// sealed fills a directory and closes it to writing.
func sealed(tb TB, tree Tree) afero.Fs {
	base := newRooted(tb)
	for _, name := range tree.Names() {
		var err error
		if dir, ok := strings.CutSuffix(name, "/"); ok {
			err = base.Mkdir("/"+dir, 0o755)
		} else {
			err = afero.WriteFile(base, "/"+name, []byte(tree[name]), 0o644)
		}
		if err != nil {
			tb.Fatalf("%v", err)
		}
	}
	return afero.NewReadOnlyFs(base)
}

func TestReadOnly(t *testing.T) {
	r := Check(t.Context(), nil, ReadOnly(sealed))
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if n := r.Count(Passed); n < 80 {
		t.Errorf("only %d cases were run", n)
	}
	r = Check(t.Context(), nil, ReadOnly(sealed), Refuses(Chown, "the store has no owners"))
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "Chown is declared refused, but that keeps no case from being run") {
		t.Errorf("a declaration that guards nothing is not told: %v", err)
	}
}

// chownlessFs has Chown answer what it is told to.
type chownlessFs struct {
	afero.Fs
	err error
}

func (c chownlessFs) Chown(string, int, int) error { return c.err }

// TestDeclarationsAreTested declares the truth and untruths about Chown.
func TestDeclarationsAreTested(t *testing.T) {
	const id = "refusals/chown"
	for name, c := range map[string]struct {
		err     error
		opt     Option
		verdict Verdict
	}{
		"refuses, truly":          {fs.ErrInvalid, Refuses(Chown, "no owners"), Passed},
		"refuses, but succeeds":   {nil, Refuses(Chown, "no owners"), Failed},
		"refuses with a lie":      {fs.ErrNotExist, Refuses(Chown, "no owners"), Failed},
		"ignores, truly":          {nil, Ignores(Chown, "no owners"), Passed},
		"ignores, but fails":      {fs.ErrInvalid, Ignores(Chown, "no owners"), Failed},
		"not declared, and fails": {fs.ErrInvalid, UpTo(Parity), Failed},
	} {
		r := Check(t.Context(), func(tb TB) afero.Fs { return chownlessFs{newRooted(tb), c.err} }, Only("*/*ch*"), c.opt)
		if got := result(t, r, id); got.Verdict != c.verdict {
			t.Errorf("%s: %v, want %v: %s", name, got.Verdict, c.verdict, got.Detail)
		}
	}
}

// pickyFs refuses names with a colon.
type pickyFs struct{ afero.Fs }

func (p pickyFs) check(name string) error {
	if strings.Contains(name, ":") {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return nil
}

func (p pickyFs) Mkdir(name string, perm os.FileMode) error {
	if err := p.check(name); err != nil {
		return err
	}
	return p.Fs.Mkdir(name, perm)
}

func (p pickyFs) Create(name string) (afero.File, error) {
	if err := p.check(name); err != nil {
		return nil, err
	}
	return p.Fs.Create(name)
}

// TestLimitsAreTested declares that a colon is forbidden, of a store where it
// is and of one where it is not.
func TestLimitsAreTested(t *testing.T) {
	for name, c := range map[string]struct {
		fresh   Maker
		verdict Verdict
	}{
		"true":  {func(tb TB) afero.Fs { return pickyFs{newRooted(tb)} }, Passed},
		"false": {newRooted, Failed},
	} {
		r := Check(t.Context(), c.fresh, Only("names/colon"), Within(Limits{Forbidden: ":", Why: "it separates drives"}))
		if got := result(t, r, "names/colon"); got.Verdict != c.verdict {
			t.Errorf("%s: %v, want %v: %s", name, got.Verdict, c.verdict, got.Detail)
		}
	}
}

// laggingFs shows a new directory only when it has been asked a few times.
type laggingFs struct {
	afero.Fs
	mu    sync.Mutex
	asked int
}

func (l *laggingFs) Open(name string) (afero.File, error) {
	f, err := l.Fs.Open(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked++; l.asked > 5 || err != nil {
		return f, err
	}
	return emptyDir{f}, nil
}

// An emptyDir lists nothing.
type emptyDir struct{ afero.File }

func (emptyDir) Readdir(int) ([]fs.FileInfo, error) { return nil, nil }

// TestSettles looks at a store that is late, with and without the option that
// allows it.
func TestSettles(t *testing.T) {
	fresh := func(tb TB) afero.Fs { return &laggingFs{Fs: newRooted(tb)} }
	for name, c := range map[string]struct {
		opt     Option
		verdict Verdict
	}{
		"declared":     {Settles(10 * time.Second), Passed},
		"not declared": {UpTo(Parity), Failed},
	} {
		r := Check(t.Context(), fresh, Only("mkdir/new"), Deadline(time.Minute), c.opt)
		if got := result(t, r, "mkdir/new"); got.Verdict != c.verdict {
			t.Errorf("%s: %v, want %v: %s", name, got.Verdict, c.verdict, got.Detail)
		}
	}
}
