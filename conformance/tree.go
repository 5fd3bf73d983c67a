package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/afero"
)

// A Tree is the content of a file system: slash-separated names below the root,
// those of directories with a trailing slash, and the contents of files.
type Tree map[string]string

// Names returns the names, sorted, so that a directory comes before its content.
func (tr Tree) Names() []string { return slices.Sorted(maps.Keys(tr)) }

// tree reads the short form: "d/" is a directory, "d/x=1" a file.
func tree(specs ...string) Tree {
	tr := Tree{}
	for _, spec := range specs {
		name, content, _ := strings.Cut(spec, "=")
		tr[name] = content
	}
	return tr
}

// Given fills the file system: "d/" is a directory, "d/x=1" a file with the
// content "1". It uses the most basic calls; if they fail, the case is blocked,
// because it is about something else. A case calls it at most once, and first.
func (t *rig) Given(specs ...string) { t.GivenTree(tree(specs...)) }

// GivenTree is Given for names and contents that are not known beforehand.
func (t *rig) GivenTree(tr Tree) {
	t.given = tr
	if t.suite.readOnly != nil {
		t.FS = t.make(func(tb TB) afero.Fs { return t.suite.readOnly(tb, tr) })
		return
	}
	for _, name := range tr.Names() {
		if err := t.plant(name, tr[name]); err != nil {
			t.Blockf("the fixture: %v", err)
		}
		t.Progress()
	}
}

func (t *rig) plant(name, content string) error {
	if dir, ok := strings.CutSuffix(name, "/"); ok {
		if !t.Has(EmptyDirs) {
			return nil // it is there as soon as it holds something
		}
		return t.FS.Mkdir(t.Path(dir), 0o755)
	}
	f, err := t.FS.Create(t.Path(name))
	if err != nil {
		return err
	}
	if isNil(f) {
		return fmt.Errorf("create %q: neither a file nor an error", name)
	}
	if len(content) > 0 {
		if _, err := f.Write([]byte(content)); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// Holds reports a failure unless the file system has exactly this content.
func (t *rig) Holds(specs ...string) { t.HoldsTree(tree(specs...)) }

// HoldsTree is Holds for names and contents that are not known beforehand.
func (t *rig) HoldsTree(want Tree) {
	t.eventually(func() error {
		got, err := t.Walk()
		if err != nil {
			return err
		}
		return t.diff(got, want)
	})
}

// Unchanged reports a failure unless the file system has the content of Given.
func (t *rig) Unchanged() { t.HoldsTree(t.given) }

// HoldsOneOf is Holds for one of several trees, where systems differ.
func (t *rig) HoldsOneOf(allowed ...Tree) {
	t.eventually(func() error {
		got, err := t.Walk()
		if err != nil {
			return err
		}
		var diffs []string
		for _, want := range allowed {
			d := t.diff(got, want)
			if d == nil {
				return nil
			}
			diffs = append(diffs, d.Error())
		}
		return errors.New(strings.Join(diffs, "\nor "))
	})
}

// Content reports a failure unless a file has exactly this content.
func (t *rig) Content(name, want string) {
	t.eventually(func() error {
		got, err := t.contentOf(t.Path(name), int64(len(want)))
		if err == nil && got != want {
			err = fmt.Errorf("%q holds %s, want %s", name, brief(got), brief(want))
		}
		return err
	})
}

// Gone reports a failure if a name exists.
func (t *rig) Gone(name string) {
	t.eventually(func() error {
		if _, err := t.FS.Stat(t.Path(name)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("stat %q: error %v, want %q", name, quoted(err), fs.ErrNotExist)
		}
		return nil
	})
}

// eventually fails the case unless the check succeeds, at once or, for a store
// that settles, in time.
func (t *rig) eventually(check func() error) {
	if err := t.settled(check); err != nil {
		t.Errorf("%s%v", where(), err)
	}
}

// settled returns what the check says, at once or, for a store that settles,
// once it says nothing more or the time is over.
func (t *rig) settled(check func() error) error {
	err := check()
	if err == nil || t.suite.settles <= 0 {
		return err
	}
	over := time.NewTimer(t.suite.settles)
	defer over.Stop()
	again := time.NewTicker(max(min(t.suite.settles/20, time.Second/4), time.Millisecond))
	defer again.Stop()
	for err != nil {
		select {
		case <-again.C:
			err = check()
		case <-over.C:
			return err
		}
	}
	return nil
}

// Walk reads the whole file system.
func (t *rig) Walk() (Tree, error) {
	got := Tree{}
	return got, t.walk("", got)
}

func (t *rig) walk(dir string, into Tree) error {
	if len(into) > 20_000 || strings.Count(dir, "/") > 300 {
		return fmt.Errorf("the tree has no end; it goes on at %q", dir)
	}
	f, err := t.FS.Open(t.Path(dir))
	if err != nil {
		return fmt.Errorf("open %q to list it: %w", dir, err)
	}
	infos, err := f.Readdir(-1)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("list %q: %w", dir, err)
	}
	for _, fi := range infos {
		t.Progress()
		if n := fi.Name(); n == "" || n == "." || n == ".." || strings.Contains(n, "/") {
			return fmt.Errorf("%q lists an entry named %q", dir, n)
		}
		name := path.Join(dir, fi.Name())
		if fi.IsDir() {
			into[name+"/"] = ""
			if err := t.walk(name, into); err != nil {
				return err
			}
			continue
		}
		if into[name], err = t.contentOf(t.Path(name), fi.Size()); err != nil {
			return err
		}
	}
	return nil
}

// contentOf reads a file, up to a limit in case it has no end.
func (t *rig) contentOf(path string, expect int64) (string, error) {
	f, err := t.FS.Open(path)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(f, expect+1<<20))
	return string(content), errors.Join(err, f.Close())
}

// names lists a directory, given by its path, in sorted order.
func (t *rig) names(path string) ([]string, error) {
	f, err := t.FS.Open(path)
	if err != nil {
		return nil, err
	}
	if isNil(f) {
		return nil, errors.New("open: neither a file nor an error")
	}
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, errors.Join(err, f.Close())
}

// diff describes what is missing, what is unexpected, and what differs. A store
// without empty directories need not have any directory.
func (t *rig) diff(got, want Tree) error {
	var wrong []string
	for _, name := range want.Names() {
		content, ok := got[name]
		switch {
		case !ok && strings.HasSuffix(name, "/") && !t.Has(EmptyDirs):
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%q is missing", name))
		case content != want[name]:
			wrong = append(wrong, fmt.Sprintf("%q holds %s, want %s", name, brief(content), brief(want[name])))
		}
	}
	for _, name := range got.Names() {
		if _, ok := want[name]; !ok && (t.Has(EmptyDirs) || !strings.HasSuffix(name, "/")) {
			wrong = append(wrong, fmt.Sprintf("%q is there and must not be", name))
		}
	}
	if len(wrong) > 8 {
		wrong = append(wrong[:8], fmt.Sprintf("and %d more", len(wrong)-8))
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// isNil reports whether v is nil, or an interface that holds a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// listed compares the names in a directory with those that must be there.
func listed(got []string, err error, want []string) error {
	slices.Sort(want)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		return fmt.Errorf("the directory lists %s, error %v, want %s", brief(got), quoted(err), brief(want))
	}
	return nil
}
