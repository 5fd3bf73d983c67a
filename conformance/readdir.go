package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/afero"
)

// entriesOf returns the fixture of a directory d with n files in it, and
// their names.
func entriesOf(n int) (given Tree, names []string) {
	given = Tree{"d/": ""}
	for i := range n {
		name := fmt.Sprintf("f%04d", i)
		given["d/"+name] = ""
		names = append(names, name)
	}
	return given, names
}

// pages lists a directory handle n names at a time, and wants it to end with
// io.EOF. It is bounded, because some never end.
func (t *rig) pages(f afero.File, n, bound int) (all []string) {
	for range bound {
		names, err := f.Readdirnames(n)
		all = append(all, names...)
		switch {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%safter %d names: %v", where(), len(all), err)
		case len(names) == 0 || len(names) > n:
			t.Fatalf("%sa page of at most %d has %d names and no error", where(), n, len(names))
		}
	}
	t.Fatalf("%sthe listing does not end: %d names so far", where(), len(all))
	return nil
}

// rest wants all that a directory handle still lists to be these names.
func (t *rig) rest(f afero.File, want ...string) {
	names, err := f.Readdirnames(-1)
	if err := listed(names, err, want); err != nil {
		t.Errorf("%s%v", where(), err)
	}
}

// readdirCases are about Readdir and Readdirnames.
func readdirCases() []entry {
	return append([]entry{{
		id: "readdir/all", level: Data, reads: true,
		doc: "Readdir returns every entry once, files and directories.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/b/", "d/b/y=0", "d/c=3")
			t.rest(t.Open("d"), "a", "b", "c")
			infos, err := t.Open("d").Readdir(-1)
			t.OK(err)
			for _, fi := range infos {
				equal(t, "IsDir of "+fi.Name(), fi.IsDir(), fi.Name() == "b")
			}
			equal(t, "number of entries", len(infos), 3)
		},
	}, {
		id: "readdir/not-recursive", level: Data, reads: true,
		doc: "A listing does not contain what is deeper in the tree.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/g/", "d/e/g/x=1", "f=2")
			t.rest(t.Open("d"), "e")
			t.rest(t.Open(""), "d", "f")
		},
	}, {
		id: "readdir/empty", level: Data, reads: true, needs: caps(EmptyDirs),
		doc: "An empty directory lists nothing, without an error.",
		run: func(t *rig) {
			t.Given("d/")
			t.rest(t.Open("d"))
			infos, err := t.Open("d").Readdir(-1)
			t.OK(err)
			equal(t, "number of entries", len(infos), 0)
		},
	}, {
		id: "readdir/empty-n", level: Errors, reads: true, needs: caps(EmptyDirs),
		doc: "An empty directory listed in pages returns io.EOF at once.",
		run: func(t *rig) {
			t.Given("d/")
			infos, err := t.Open("d").Readdir(5)
			equal(t, "number of entries", len(infos), 0)
			t.Is(err, io.EOF)
		},
	}, {
		id: "readdir/paging", level: Data, reads: true,
		doc: "Pages add up to the whole, each entry once.",
		run: func(t *rig) {
			given, want := entriesOf(7)
			t.GivenTree(given)
			for n := 1; n <= 8; n++ {
				if err := listed(t.pages(t.Open("d"), n, 10), nil, want); err != nil {
					t.Errorf("pages of %d: %v", n, err)
				}
			}
		},
	}, {
		id: "readdir/exact-multiple", level: Errors, reads: true,
		doc: "Where the last page is full, io.EOF comes with the next one.",
		run: func(t *rig) {
			given, want := entriesOf(6)
			t.GivenTree(given)
			if err := listed(t.pages(t.Open("d"), 3, 4), nil, want); err != nil {
				t.Errorf("%v", err)
			}
		},
	}, {
		id: "readdir/eof-comes-alone", level: Parity, reads: true,
		doc: "The last entries come without an error, and io.EOF without entries.",
		run: func(t *rig) {
			given, _ := entriesOf(5)
			t.GivenTree(given)
			f := t.Open("d")
			for _, want := range []int{3, 2} {
				infos, err := f.Readdir(3)
				t.OK(err)
				equal(t, "entries", len(infos), want)
			}
			for range 2 {
				infos, err := f.Readdir(3)
				equal(t, "entries at the end", len(infos), 0)
				t.Is(err, io.EOF)
			}
		},
	}, {
		id: "readdir/page-then-rest", level: Data, reads: true,
		doc: "After a page, Readdir(-1) returns the rest and nothing twice.",
		run: func(t *rig) {
			given, want := entriesOf(6)
			t.GivenTree(given)
			f := t.Open("d")
			page, err := f.Readdirnames(2)
			t.OK(err)
			more, err := f.Readdirnames(-1)
			if err := listed(slices.Concat(page, more), err, want); err != nil {
				t.Errorf("%v", err)
			}
		},
	}, {
		id: "readdir/all-twice", level: Errors, reads: true,
		doc: "At the end Readdir(-1) returns nothing more, without an error.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/b=2")
			f := t.Open("d")
			t.rest(f, "a", "b")
			t.rest(f)
		},
	}, {
		id: "readdir/seek0-rewinds", level: Errors, reads: true, needs: caps(SeekDir),
		doc: "After Seek to the start, paging starts again, also from the middle.",
		run: func(t *rig) {
			given, want := entriesOf(5)
			t.GivenTree(given)
			f := t.Open("d")
			_, err := f.Readdirnames(2)
			t.OK(err)
			_, err = f.Seek(0, io.SeekStart)
			t.OK(err)
			if err := listed(t.pages(f, 2, 6), nil, want); err != nil {
				t.Errorf("%v", err)
			}
		},
	}, {
		id: "readdir/two-handles", level: Data, reads: true,
		doc: "Two handles on one directory each have their own position.",
		run: func(t *rig) {
			given, want := entriesOf(5)
			t.GivenTree(given)
			a, b := t.Open("d"), t.Open("d")
			page, err := a.Readdirnames(3)
			t.OK(err)
			t.rest(b, want...)
			more, err := a.Readdirnames(-1)
			if err := listed(slices.Concat(page, more), err, want); err != nil {
				t.Errorf("%v", err)
			}
		},
	}, {
		id: "readdir/on-file", level: Errors, reads: true,
		doc: "Listing a file fails.",
		run: func(t *rig) {
			t.Given("f=1")
			_, err := t.Open("f").Readdir(-1)
			t.Fails(err)
			_, err = t.Open("f").Readdirnames(-1)
			t.Fails(err)
		},
	}, {
		id: "readdir/names-paging", level: Data, reads: true,
		doc: "Readdir and Readdirnames used in turn return every entry once.",
		run: func(t *rig) {
			given, want := entriesOf(6)
			t.GivenTree(given)
			f := t.Open("d")
			var all []string
			for range 2 {
				names, err := f.Readdirnames(1)
				t.OK(err)
				infos, err := f.Readdir(2)
				t.OK(err)
				all = append(all, names...)
				for _, fi := range infos {
					all = append(all, fi.Name())
				}
			}
			if err := listed(all, nil, want); err != nil {
				t.Errorf("%v", err)
			}
		},
	}}, listingCases()...)
}

// listingCases are about what a listing says, and when it is made while the
// directory changes.
func listingCases() []entry {
	return []entry{{
		id: "readdir/matches-stat", level: Data, reads: true,
		doc: "A listing describes each entry as Stat does: name, size, kind, permission bits, time.",
		run: func(t *rig) {
			t.Given("d/", "d/a=12345", "d/b/", "d/b/x=", "d/c=")
			infos, err := t.Open("d").Readdir(-1)
			t.OK(err)
			equal(t, "number of entries", len(infos), 3)
			for _, fi := range infos {
				t.sameInfo("listing of "+fi.Name(), fi, t.Stat("d/"+fi.Name()))
			}
		},
	}, {
		id: "readdir/through-OpenFile", level: Data, reads: true,
		doc: "A directory opened by OpenFile with O_RDONLY and no permissions, as WebDAV servers do, lists and stays as it is.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1")
			before := t.Stat("d").Mode()
			f, err := t.FS.OpenFile(t.Path("d"), 0, 0)
			t.rest(t.opened("d", f, err), "a")
			equal(t, "mode", t.Stat("d").Mode(), before)
		},
	}, {
		id: "readdir/many-entries", level: Data,
		doc: "A large directory is listed whole, at once and in pages: 5 000 entries in a long run, else 150.",
		run: func(t *rig) {
			n := 150
			if t.suite.long {
				n = 5000
			}
			given, want := entriesOf(n)
			t.GivenTree(given)
			t.rest(t.Open("d"), want...)
			if err := listed(t.pages(t.Open("d"), 64, n), nil, want); err != nil {
				t.Errorf("in pages of 64: %v", err)
			}
		},
	}, {
		id: "readdir/while-creating", level: Data,
		doc: "While files are made, a listing in pages ends, and returns each older entry once.",
		run: func(t *rig) {
			given, old := entriesOf(8)
			t.GivenTree(given)
			f := t.Open("d")
			first, err := f.Readdirnames(2)
			t.OK(err)
			for i := range 4 {
				t.Put(fmt.Sprintf("d/new%d", i), "")
			}
			all := slices.Concat(first, t.pages(f, 2, 20))
			all = slices.DeleteFunc(all, func(name string) bool { return strings.HasPrefix(name, "new") })
			if err := listed(all, nil, old); err != nil {
				t.Errorf("%v", err)
			}
		},
	}, {
		id: "readdir/while-removing", level: Data,
		doc: "While files are removed, a listing in pages ends, and returns each that stays once.",
		run: func(t *rig) {
			given, names := entriesOf(8)
			t.GivenTree(given)
			f := t.Open("d")
			first, err := f.Readdirnames(2)
			t.OK(err)
			doomed := []string{names[1], names[4], names[7]}
			for _, name := range doomed {
				t.OK(t.FS.Remove(t.Path("d/" + name)))
			}
			isDoomed := func(name string) bool { return slices.Contains(doomed, name) }
			all := slices.DeleteFunc(slices.Concat(first, t.pages(f, 2, 20)), isDoomed)
			if err := listed(all, nil, slices.DeleteFunc(names, isDoomed)); err != nil {
				t.Errorf("%v", err)
			}
		},
	}, {
		id: "readdir/same-name-as-parent", level: Data, reads: true,
		doc: "An entry that has its directory's name is listed.",
		run: func(t *rig) {
			t.Given("d/", "d/d=1", "e/", "e/e/", "e/e/e=2")
			t.rest(t.Open("d"), "d")
			t.rest(t.Open("e"), "e")
			t.rest(t.Open("e/e"), "e")
		},
	}, {
		id: "readdir/names-have-no-slash", level: Data, reads: true,
		doc: "Listed names are single names: not empty, without a slash, neither . nor ..",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=1", "d/f=2")
			for _, dir := range []string{"", "d", "d/e"} {
				names, err := t.Open(dir).Readdirnames(-1)
				t.OK(err)
				for _, name := range names {
					if name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
						t.Errorf("%q lists %q", dir, name)
					}
				}
			}
		},
	}, {
		id: "readdir/zero-count-is-all", level: Errors, reads: true,
		doc: "Readdir(0) returns all, as every count up to zero does.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/b=2", "d/c=3")
			for _, n := range []int{0, -1, -5} {
				names, err := t.Open("d").Readdirnames(n)
				if err := listed(names, err, []string{"a", "b", "c"}); err != nil {
					t.Errorf("count %d: %v", n, err)
				}
			}
		},
	}, {
		id: "readdir/sorted-by-helper", level: Errors, reads: true,
		doc: "afero.ReadDir returns the entries sorted by name.",
		run: func(t *rig) {
			t.Given("d/", "d/b=1", "d/a=2", "d/c/", "d/c/x=", "d/a.b=4")
			infos, err := afero.ReadDir(t.FS, t.Path("d"))
			t.OK(err)
			var names []string
			for _, fi := range infos {
				names = append(names, fi.Name())
			}
			equal(t, "names", fmt.Sprint(names), "[a a.b b c]")
		},
	}}
}

// sameInfo wants two FileInfos of one file to say the same.
func (t *rig) sameInfo(what string, got, want fs.FileInfo) {
	equal(t, what+": name", got.Name(), want.Name())
	equal(t, what+": mode", got.Mode(), want.Mode())
	equal(t, what+": IsDir", got.IsDir(), want.IsDir())
	if !want.ModTime().Equal(got.ModTime()) {
		t.Errorf("%s: time is %v, want %v", what, got.ModTime(), want.ModTime())
	}
	if !want.IsDir() { // the size of a directory means nothing
		equal(t, what+": size", got.Size(), want.Size())
	}
}
