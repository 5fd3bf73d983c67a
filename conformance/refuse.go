package conformance

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/afero"
)

// A probe exercises one capability in the plainest way.
type probe struct {
	of    Capability
	needs []Capability // what the calls need besides
	given []string
	do    func(t *rig) error // the calls in question
	took  func(t *rig) bool  // whether they had the effect; nil if that cannot be seen
	left  []Tree             // what may be there after they were ignored; unless set, what was given
	half  []Tree             // what else may be there after they were refused
}

// excl makes a file that must not exist.
const excl = os.O_WRONLY | os.O_CREATE | os.O_EXCL

// refusalCases hold the author to what is declared. Of each capability one
// case says: either it works, or it is refused as a whole, or it is ignored as
// a whole.
func refusalCases() []entry {
	var cases []entry
	for _, p := range probes() {
		doc := p.of.String() + " works; or, if declared so, is refused with nothing changed, or ignored with nothing changed."
		cases = append(cases, entry{
			id: "refusals/" + strings.ToLower(p.of.String()), level: Data, needs: p.needs, doc: doc, run: p.run,
			reads: p.of == SeekDir,
		})
	}
	return append(cases, entry{
		id: "refusals/concurrent", level: Data,
		doc: "Two goroutines use the file system at once, or, if it is declared that they cannot, one after the other.",
		run: func(t *rig) {
			t.Given()
			gate := make(chan struct{}, 1)
			err := errors.Join(t.Together(2, func(i int) error {
				if !t.Has(Concurrent) {
					gate <- struct{}{}
					defer func() { <-gate }()
				}
				return t.tryWrite([]string{"a", "b"}[i], os.O_WRONLY|os.O_CREATE, writeText("new"))
			})...)
			t.OK(err)
			t.Holds("a=new", "b=new")
		},
	}, entry{
		id: "refusals/writes", level: Data, reads: true, skip: notReadOnly,
		doc: "Every method of a read-only Fs that would change something fails, and nothing changes.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "f=2")
			for method, err := range map[string]error{
				"Create":    errOf(t.FS.Create(t.Path("new"))),
				"Mkdir":     t.FS.Mkdir(t.Path("new"), 0o755),
				"MkdirAll":  t.FS.MkdirAll(t.Path("new/er"), 0o755),
				"Remove":    t.FS.Remove(t.Path("f")),
				"RemoveAll": t.FS.RemoveAll(t.Path("d")),
				"Rename":    t.rename("f", "g"),
				"Chmod":     t.FS.Chmod(t.Path("f"), 0o600),
				"Chown":     t.FS.Chown(t.Path("f"), os.Getuid(), os.Getgid()),
				"Chtimes":   t.FS.Chtimes(t.Path("f"), past(), past()),
			} {
				if err == nil || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: error %v, want a refusal", method, quoted(err))
				}
			}
			t.Unchanged()
		},
	}, entry{
		id: "refusals/writes-through-handles", level: Data, reads: true, skip: notReadOnly,
		doc: "Every method of a file of a read-only Fs that would change it fails, and nothing changes.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			for _, use := range usesOfFile() {
				if use.writes && use.name != "Sync" {
					if use.call(f) == nil {
						t.Errorf("%s succeeds", use.name)
					}
				}
			}
			t.ReadsAll(f, "abc")
			t.Unchanged()
		},
	}, entry{
		id: "refusals/writing-flags", level: Data, reads: true, skip: notReadOnly,
		doc: "A read-only Fs opens nothing with a flag that writes, creates or truncates.",
		run: func(t *rig) {
			t.Given("f=abc")
			for _, flag := range []int{os.O_WRONLY, os.O_RDWR, os.O_CREATE, os.O_TRUNC, os.O_WRONLY | os.O_APPEND} {
				for _, name := range []string{"f", "new"} {
					t.NoFile(t.FS.OpenFile(t.Path(name), flag, 0o644))
				}
			}
			t.Unchanged()
		},
	})
}

// errOf drops a file that should not be there.
func errOf(_ afero.File, err error) error { return err }

func (p probe) run(t *rig) {
	t.Given(p.given...)
	err := p.do(t)
	d, declared := t.suite.declaration(p.of)
	switch {
	case !declared && err != nil:
		t.Errorf("%v; a store that cannot have %v declares Refuses(%v, …)", err, p.of, p.of)
	case !declared && p.took != nil && !p.took(t):
		t.Errorf("the calls succeed and have no effect; if that is how it must be, declare it of %v", p.of)
	case declared && d.Verdict == Refused:
		if err == nil {
			t.Errorf("says it refuses %v, but the calls succeed", p.of)
		}
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("refuses %v with %q, which says that the name is not there", p.of, err)
		}
		t.HoldsOneOf(append(p.half, t.given)...)
	case declared:
		if err != nil {
			t.Errorf("says it ignores %v, but the calls fail: %v", p.of, err)
		}
		if p.took != nil && p.took(t) {
			t.Errorf("says it ignores %v, but it has an effect", p.of)
		}
		if p.left == nil {
			p.left = []Tree{t.given}
		}
		t.HoldsOneOf(p.left...)
	}
}

// tryWrite opens a file with flags, has it used, and closes it, and returns
// the first error of all.
func (t *rig) tryWrite(name string, flag int, use func(f afero.File) error) error {
	f, err := t.FS.OpenFile(t.Path(name), flag, 0o644)
	if err != nil {
		return err
	}
	t.keep(f)
	err = use(f)
	return errors.Join(err, f.Close())
}

func writeText(text string) func(afero.File) error {
	return func(f afero.File) error {
		_, err := f.Write([]byte(text))
		return err
	}
}

// is reports whether a file has this content, without an opinion about it.
func (t *rig) is(name, content string) bool {
	got, err := t.contentOf(t.Path(name), int64(len(content)))
	return err == nil && got == content
}

func (t *rig) exists(name string) bool {
	_, err := t.FS.Stat(t.Path(name))
	return err == nil
}
