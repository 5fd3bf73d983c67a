package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/afero"
)

// helperCases are about afero's own functions on top of the file system, and
// about the file system under afero's wrappers.
func helperCases() []entry {
	return []entry{{
		id: "helpers/TempFile-unique", level: Data, needs: caps(Excl, ReadWrite),
		doc: "afero.TempFile makes a new file each time.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			seen := map[string]bool{}
			for range 5 {
				f, err := afero.TempFile(t.FS, t.Path("d"), "tmp*.txt")
				t.OK(err)
				t.keep(f)
				seen[f.Name()] = true
				t.Write(f, "content")
			}
			equal(t, "number of names", len(seen), 5)
			names, err := t.names(t.Path("d"))
			t.OK(err)
			equal(t, "number of files", len(names), 6)
		},
	}, {
		id: "helpers/TempDir", level: Data, needs: caps(EmptyDirs),
		doc: "afero.TempDir makes a new directory each time.",
		run: func(t *rig) {
			t.Given()
			seen := map[string]bool{}
			for range 3 {
				name, err := afero.TempDir(t.FS, t.Path(""), "tmp")
				t.OK(err)
				ok, err := afero.IsDir(t.FS, name)
				t.OK(err)
				equal(t, "IsDir", ok, true)
				seen[name] = true
			}
			equal(t, "number of names", len(seen), 3)
		},
	}, {
		id: "helpers/WriteFile-ReadFile", level: Data, needs: caps(Overwrite),
		doc: "afero.WriteFile writes a file anew, and afero.ReadFile reads it whole.",
		run: func(t *rig) {
			t.Given("f=a long old content")
			for _, text := range []string{"short", "", "longer than before, but not by much"} {
				t.OK(afero.WriteFile(t.FS, t.Path("f"), []byte(text), 0o644))
				got, err := afero.ReadFile(t.FS, t.Path("f"))
				t.OK(err)
				equal(t, "content", string(got), text)
			}
		},
	}, {
		id: "helpers/Exists-DirExists-IsEmpty", level: Errors, reads: true,
		doc: "afero's questions about existence and emptiness are answered without an error.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "empty=", "f=1")
			ask := func(what string, want bool) func(bool, error) {
				return func(got bool, err error) {
					t.OK(err)
					equal(t, what, got, want)
				}
			}
			ask("Exists of a file", true)(afero.Exists(t.FS, t.Path("f")))
			ask("Exists of a directory", true)(afero.Exists(t.FS, t.Path("d")))
			ask("Exists of a missing name", false)(afero.Exists(t.FS, t.Path("no")))
			ask("DirExists of a directory", true)(afero.DirExists(t.FS, t.Path("d")))
			ask("DirExists of a file", false)(afero.DirExists(t.FS, t.Path("f")))
			ask("DirExists of a missing name", false)(afero.DirExists(t.FS, t.Path("no")))
			ask("IsEmpty of an empty file", true)(afero.IsEmpty(t.FS, t.Path("empty")))
			ask("IsEmpty of a file", false)(afero.IsEmpty(t.FS, t.Path("f")))
			ask("IsEmpty of a directory", false)(afero.IsEmpty(t.FS, t.Path("d")))
			ask("FileContainsBytes", true)(afero.FileContainsBytes(t.FS, t.Path("f"), []byte("1")))
		},
	}, {
		id: "helpers/Glob", level: Errors, reads: true,
		doc: "afero.Glob finds what matches, and nothing else.",
		run: func(t *rig) {
			t.Given("d/", "d/a1=1", "d/a2=2", "d/b1=3", "e/", "e/a1=4")
			got, err := afero.Glob(t.FS, t.Path("d/a?"))
			t.OK(err)
			slices.Sort(got)
			equal(t, "found", fmt.Sprint(got), fmt.Sprint([]string{t.Path("d/a1"), t.Path("d/a2")}))
			got, err = afero.Glob(t.FS, t.Path("*/a1"))
			t.OK(err)
			equal(t, "number found", len(got), 2)
		},
	}, {
		id: "helpers/ReadDir-sorted", level: Errors,
		doc: "afero.ReadDir is sorted whatever the order in which files were made.",
		run: func(t *rig) {
			t.Given("d/", "d/x=0")
			for _, name := range []string{"d/c", "d/a", "d/b"} {
				t.Put(name, "")
			}
			infos, err := afero.ReadDir(t.FS, t.Path("d"))
			t.OK(err)
			var got []string
			for _, fi := range infos {
				got = append(got, fi.Name())
			}
			equal(t, "names", fmt.Sprint(got), "[a b c x]")
		},
	}, {
		id: "helpers/SafeWriteReader", level: Data,
		doc: "afero.SafeWriteReader makes missing parents, and never overwrites.",
		run: func(t *rig) {
			t.Given()
			t.OK(afero.SafeWriteReader(t.FS, t.Path("a/b/f"), strings.NewReader("first")))
			t.Fails(afero.SafeWriteReader(t.FS, t.Path("a/b/f"), strings.NewReader("second")))
			t.Holds("a/", "a/b/", "a/b/f=first")
		},
	}, {
		id: "helpers/through-BasePathFs", level: Data,
		doc: "Under afero.BasePathFs nothing leaves the base, and what is done there is done below it.",
		run: func(t *rig) {
			t.Given("base/", "base/x=1", "secret=2")
			jail := afero.NewBasePathFs(t.FS, t.Path("base"))
			for _, name := range []string{"../secret", "/../secret", "x/../../secret"} {
				if got, err := afero.ReadFile(jail, name); err == nil {
					t.Errorf("%q reads %q", name, got)
				}
			}
			t.OK(afero.WriteFile(jail, "/new", []byte("3"), 0o644))
			t.OK(jail.Remove("/x"))
			t.Holds("base/", "base/new=3", "secret=2")
		},
	}, {
		id: "helpers/through-ReadOnlyFs", level: Data, reads: true,
		doc: "Under afero.ReadOnlyFs it reads as before, and nothing can be changed.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			sealed := afero.NewReadOnlyFs(t.FS)
			got, err := afero.ReadFile(sealed, t.Path("d/x"))
			t.OK(err)
			equal(t, "content", string(got), "1")
			t.Fails(sealed.Remove(t.Path("d/x")))
			t.Fails(afero.WriteFile(sealed, t.Path("d/x"), []byte("2"), 0o644))
			t.Unchanged()
		},
	}, {
		id: "helpers/through-CopyOnWriteFs", level: Data, reads: true,
		doc: "Under afero.CopyOnWriteFs it is read, and never written.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "d/y=2")
			union := afero.NewCopyOnWriteFs(t.FS, afero.NewMemMapFs())
			t.OK(afero.WriteFile(union, t.Path("d/x"), []byte("changed"), 0o644))
			for name, want := range map[string]string{"d/x": "changed", "d/y": "2"} {
				got, err := afero.ReadFile(union, t.Path(name))
				t.OK(err)
				equal(t, "content of "+name, string(got), want)
			}
			t.Unchanged()
		},
	}}
}
