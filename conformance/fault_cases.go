package conformance

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/afero"
)

// A scenario is an operation whose every remote call fails in turn.
type scenario struct {
	id    string
	needs []Capability
	doc   string
	do    func(t *rig) error // everything a caller does, until the first error
	new   []string           // what there is afterwards, beside the bystanders
	old   []string           // what there was before
	steps bool               // it may stop between old and new, as os.RemoveAll may
	again bool               // doing it once more does no harm
}

// bystanders are near everything that happens, and must never change.
func bystanders() []string {
	return []string{"beside=stays", "d/", "d/beside=stays", "tree-beside=stays"}
}

const (
	oldContent = "the old content"
	newContent = "the new content, which is longer than the old one"
)

func scenarios() []scenario {
	atOld, atNew := []string{"d/f=" + oldContent}, []string{"d/f=" + newContent}
	treeOld := []string{"tree/", "tree/1=one", "tree/sub/", "tree/sub/2=two", "tree/sub/3=three"}
	moved := []string{"d/moved/", "d/moved/1=one", "d/moved/sub/", "d/moved/sub/2=two", "d/moved/sub/3=three"}
	return []scenario{{
		id: "create", new: atNew,
		doc: "Making a file leaves the whole file or nothing, whichever call fails.",
		do: func(t *rig) error {
			flag := os.O_WRONLY | os.O_CREATE
			if t.Has(Excl) {
				flag |= os.O_EXCL
			}
			return t.writes("d/f", flag, newContent)
		},
	}, {
		id: "overwrite", needs: caps(Overwrite), old: atOld, new: atNew, again: true,
		doc: "New content for a file leaves the whole new or the whole old content, whichever call fails.",
		do:  func(t *rig) error { return t.writes("d/f", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, newContent) },
	}, {
		id: "append", needs: caps(Append, Overwrite), old: atOld, new: []string{"d/f=" + oldContent + newContent},
		doc: "Appending leaves the file as it was or with all that is new, whichever call fails.",
		do:  func(t *rig) error { return t.writes("d/f", os.O_WRONLY|os.O_APPEND, newContent) },
	}, {
		id: "partial-overwrite", needs: caps(WriteAt, Overwrite), old: atOld, new: []string{"d/f=the NEW content"}, again: true,
		doc: "Changing the middle of a file leaves it as it was or with the change, whichever call fails.",
		do: func(t *rig) error {
			f, err := t.FS.OpenFile(t.Path("d/f"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("NEW"), 4)
			return errors.Join(err, f.Close())
		},
	}, {
		id: "read", old: atOld, new: atOld, again: true,
		doc: "Reading returns the whole file or an error, whichever call fails.",
		do: func(t *rig) error {
			got, err := t.contentOf(t.Path("d/f"), int64(len(oldContent)))
			if err == nil && got != oldContent {
				t.Errorf("read %q and no error, want %q", got, oldContent)
			}
			return err
		},
	}, {
		id: "list", old: listedNames(), new: listedNames(), again: true,
		doc: "Listing in pages returns every name or an error, whichever call fails.",
		do:  func(t *rig) error { return t.listsInPages("l", 9, 4) },
	}, {
		id: "rename", needs: caps(Rename), old: atOld, new: []string{"moved=" + oldContent},
		doc: "A rename leaves the file at one of the two names, whole, whichever call fails.",
		do:  func(t *rig) error { return t.FS.Rename(t.Path("d/f"), t.Path("moved")) },
	}, {
		id: "rename-over", needs: caps(RenameOver), old: []string{"d/f=" + newContent, "target=" + oldContent}, new: []string{"target=" + newContent},
		doc: "A rename over a file has happened or not, and no content is lost, whichever call fails.",
		do:  func(t *rig) error { return t.FS.Rename(t.Path("d/f"), t.Path("target")) },
	}, {
		id: "rename-tree", needs: caps(RenameDir), old: treeOld, new: moved,
		doc: "A rename of a directory moves all that is in it or nothing, whichever call fails.",
		do:  func(t *rig) error { return t.FS.Rename(t.Path("tree"), t.Path("d/moved")) },
	}, {
		id: "remove", old: atOld,
		doc: "A removal has happened or not, whichever call fails.",
		do:  func(t *rig) error { return t.FS.Remove(t.Path("d/f")) },
	}, {
		id: "remove-tree", old: treeOld, steps: true, again: true,
		doc: "Removing a tree leaves nothing of it, or an error and no torn file, whichever call fails.",
		do:  func(t *rig) error { return t.FS.RemoveAll(t.Path("tree")) },
	}, {
		id: "mkdirall", needs: caps(EmptyDirs), new: []string{"d/1/", "d/1/2/", "d/1/2/3/"}, steps: true, again: true,
		doc: "MkdirAll makes every directory, or returns an error, whichever call fails.",
		do:  func(t *rig) error { return t.FS.MkdirAll(t.Path("d/1/2/3"), 0o755) },
	}}
}

func listedNames() []string {
	specs := []string{"l/"}
	for i := range 9 {
		specs = append(specs, fmt.Sprintf("l/%d=", i))
	}
	return specs
}

// writes opens a file, writes a text in three pieces, and closes it.
func (t *rig) writes(name string, flag int, text string) error {
	f, err := t.FS.OpenFile(t.Path(name), flag, 0o644)
	if err != nil {
		return err
	}
	third := len(text) / 3
	for _, piece := range []string{text[:third], text[third : 2*third], text[2*third:]} {
		if _, err = io.WriteString(f, piece); err != nil {
			break
		}
	}
	return errors.Join(err, f.Close())
}

func (t *rig) listsInPages(name string, want, size int) error {
	f, err := t.FS.Open(t.Path(name))
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for range want + 2 {
		names, err := f.Readdirnames(size)
		for _, name := range names {
			seen[name] = true
		}
		if errors.Is(err, io.EOF) {
			if len(seen) != want {
				t.Errorf("listing in pages of %d gives %d names and no error, want %d", size, len(seen), want)
			}
			return f.Close()
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(errors.New("the listing has no end"), f.Close())
}

func faultCases() []entry {
	var cases []entry
	for _, sc := range scenarios() {
		cases = append(cases, entry{
			id: "faults/" + sc.id, level: Data, needs: sc.needs, doc: sc.doc, alone: true,
			run: sc.exhaust, skip: notFaulty,
		})
	}
	return cases
}

// exhaust counts the calls of the scenario and then makes each of them fail in
// each mode, every time on a new file system.
func (sc scenario) exhaust(t *rig) {
	t.marked(func(count func() (int, string)) {
		calls := sc.attempt(t, never, 0)
		if calls[before] == 0 && sc.id == "create" {
			t.Errorf("no remote call was reported to the Fault, so none can fail")
		}
		goroutines, _ := count()
		for mode := before; mode < faultModes; mode++ {
			for k := 1; k <= calls[mode]; k++ {
				sc.attempt(t, mode, k)
			}
		}
		t.soon(func() error {
			if now, which := count(); now > goroutines {
				return fmt.Errorf("%d goroutines when all is over, and %d before the first fault:\n%s", now, goroutines, which)
			}
			return nil
		})
	})
}

// attempt runs the scenario with one fault, and checks the result.
func (sc scenario) attempt(t *rig, mode faultMode, k int) (calls [faultModes]int) {
	fault := &Fault{}
	open := func(tb TB) afero.Fs { return t.suite.faulty(tb, fault) }
	t.anotherFrom(open, func(t *rig) {
		t.Given(append(bystanders(), sc.old...)...)
		fault.arm(mode, k)
		err := sc.do(t)
		seen, hit := fault.disarm()
		calls = seen
		t.faulted(hit, func() { sc.judge(t, err, hit) })
	})
	return calls
}

// faulted adds which call failed to the errors of check.
func (t *rig) faulted(hit string, check func()) {
	check()
	if t.verdict() != 0 && hit != "" {
		t.Errorf("the call failed %s", hit)
	}
}

// judge checks the result: nil only if everything is done, and otherwise an
// error that does not claim a false cause, with the whole old or new content.
func (sc scenario) judge(t *rig, err error, hit string) {
	was, wanted := tree(append(bystanders(), sc.old...)...), tree(append(bystanders(), sc.new...)...)
	if err != nil && hit == "" {
		t.Errorf("error %q, want none, because nothing failed", err)
		return
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrExist) {
		t.Errorf("error %q: a failed call is reported as a property of the name", err)
	}
	var got Tree
	state := t.settled(func() (problem error) {
		if got, problem = t.Walk(); problem != nil {
			return problem
		}
		problem = t.diff(got, wanted)
		if problem == nil || err == nil {
			return problem
		}
		if t.diff(got, was) == nil || sc.steps && between(got, was, wanted) {
			return nil
		}
		return fmt.Errorf("neither old nor new: %v", problem)
	})
	if state != nil {
		t.Errorf("the answer was %v; %v", quoted(err), state)
		return
	}
	if !sc.again && t.diff(got, wanted) == nil {
		return
	}
	if err := sc.do(t); err != nil {
		t.Errorf("repeated without a fault: error %q, want none", err)
	}
	t.HoldsTree(wanted)
}

// between reports whether a tree has all that old and new have in common, and
// nothing that neither has.
func between(got, old, new Tree) bool {
	for name, content := range got {
		o, wasThere := old[name]
		n, willBe := new[name]
		if !(wasThere && o == content || willBe && n == content) {
			return false
		}
	}
	for name := range old {
		_, stays := new[name]
		if _, ok := got[name]; stays && !ok {
			return false
		}
	}
	return true
}
