package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"syscall"
)

// errDirNotEmpty is ERROR_DIR_NOT_EMPTY, which package os returns on Windows.
const errDirNotEmpty = syscall.Errno(145)

// removeCases are about Remove.
func removeCases() []entry {
	return []entry{{
		id: "remove/file", level: Data,
		doc: "A removed file is gone, and nothing else is.",
		run: func(t *rig) {
			t.Given("f=1", "ff=2")
			t.OK(t.FS.Remove(t.Path("f")))
			t.Gone("f")
			t.Holds("ff=2")
		},
	}, {
		id: "remove/empty-dir", level: Data, needs: caps(EmptyDirs),
		doc: "An empty directory can be removed.",
		run: func(t *rig) {
			t.Given("d/", "e/")
			t.OK(t.FS.Remove(t.Path("d")))
			t.Gone("d")
			t.Holds("e/")
		},
	}, {
		id: "remove/missing", level: Errors,
		doc: "Removing what does not exist is fs.ErrNotExist.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Is(t.FS.Remove(t.Path("no")), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "remove/missing-parent", level: Errors,
		doc: "Removing from a directory that does not exist is fs.ErrNotExist.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Is(t.FS.Remove(t.Path("no/f")), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "remove/under-file", level: Data,
		doc: "Removing a name below a file fails, and the file stays.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Fails(t.FS.Remove(t.Path("f/x")))
			t.Unchanged()
		},
	}, {
		id: "remove/non-empty-dir", level: Data,
		doc: "Removing a directory that is not empty fails, and all of it stays.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=1", "d/y=2")
			t.Fails(t.FS.Remove(t.Path("d")))
			t.Unchanged()
		},
	}, {
		id: "remove/non-empty-kind", level: Errors,
		doc: "The error for a directory that is not empty is not fs.ErrNotExist, which would mean that it is gone.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			if err := t.FS.Remove(t.Path("d")); err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("error %v, want one of another kind", quoted(err))
			}
		},
	}, {
		id: "remove/non-empty-errno", level: Parity,
		doc: "The error for a directory that is not empty is syscall.ENOTEMPTY, as in package os.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			err := t.FS.Remove(t.Path("d"))
			if runtime.GOOS == "windows" && errors.Is(err, errDirNotEmpty) {
				return
			}
			t.Is(err, syscall.ENOTEMPTY)
		},
	}, {
		id: "remove/root", level: Data, skip: notUnder,
		doc: "The root cannot be removed while it is not empty, and exists afterwards in any case.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Unchanged()
			t.Fails(t.FS.Remove("/"))
			t.Unchanged()
		},
	}, {
		id: "remove/trailing-slash-dir", level: Errors, needs: caps(EmptyDirs),
		doc: "The name of a directory to be removed may have a trailing slash.",
		run: func(t *rig) {
			t.Given("d/")
			t.OK(t.FS.Remove(t.Path("d/")))
			t.Holds()
		},
	}, {
		id: "remove/open-reader-keeps-reading", level: Data, needs: caps(RemoveOpen),
		doc: "A file removed while open can be read to its end.",
		run: func(t *rig) {
			t.Given("f=abcdef")
			f := t.Open("f")
			t.Reads(f, "abc")
			t.OK(t.FS.Remove(t.Path("f")))
			t.ReadsAll(f, "def")
			t.Close(f)
			t.Holds()
		},
	}, {
		id: "remove/open-writer-cannot-resurrect", level: Data, needs: caps(RemoveOpen),
		doc: "A file removed while it is being written does not come back when its handle is closed.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			t.Write(f, "n")
			t.OK(t.FS.Remove(t.Path("f")))
			_, _ = f.Write([]byte("ew")) // may fail now
			_ = f.Close()
			t.Gone("f")
			t.Holds()
		},
	}, {
		id: "remove/recreate-is-fresh", level: Data,
		doc: "A file made under the name of a removed one has none of the old content.",
		run: func(t *rig) {
			t.Given("f=old content")
			t.OK(t.FS.Remove(t.Path("f")))
			t.Close(t.Create("f"))
			t.Holds("f=")
			t.OK(t.FS.Remove(t.Path("f")))
			t.Put("f", "new")
			t.Holds("f=new")
		},
	}, {
		id: "remove/dir-recreate-is-empty", level: Data, needs: caps(EmptyDirs),
		doc: "A directory made under the name of a removed one has none of the old content.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.OK(t.FS.Remove(t.Path("d/x")))
			t.OK(t.FS.Remove(t.Path("d")))
			t.OK(t.FS.Mkdir(t.Path("d"), 0o755))
			t.Holds("d/")
		},
	}, {
		id: "remove/parent-listing-updated", level: Data,
		doc: "A removed file is no longer listed, also where the listing was looked at before.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/b=2")
			t.Lists("d", "a", "b")
			t.OK(t.FS.Remove(t.Path("d/a")))
			t.Lists("d", "b")
		},
	}, {
		id: "remove/while-listing", level: Data,
		doc: "Removing the entries of each page while listing removes everything and ends.",
		run: func(t *rig) {
			want := Tree{"d/": ""}
			for i := range 12 {
				want[fmt.Sprintf("d/f%02d", i)] = ""
			}
			t.GivenTree(want)
			f := t.Open("d")
			seen := map[string]bool{}
			for range 20 {
				names, err := f.Readdirnames(3)
				for _, name := range names {
					if seen[name] {
						t.Errorf("%q is listed twice", name)
					}
					seen[name] = true
					if err := t.FS.Remove(t.Path("d/" + name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("remove of %q: %v", name, err)
					}
				}
				if err != nil || len(names) == 0 {
					break
				}
			}
			equal(t, "number of names listed", len(seen), 12)
			t.Close(f)
			t.Holds("d/")
		},
	}, {
		id: "remove/directory-handle-then-removed", level: Data, needs: caps(RemoveOpen, EmptyDirs),
		doc: "A directory removed while it is open lists nothing or fails, and does not panic.",
		run: func(t *rig) {
			t.Given("d/")
			f := t.Open("d")
			t.OK(t.FS.Remove(t.Path("d")))
			if names, _ := f.Readdirnames(-1); len(names) > 0 {
				t.Errorf("it lists %q", names)
			}
			_ = f.Close()
			t.Holds()
		},
	}}
}

// removeAllCases are about RemoveAll.
func removeAllCases() []entry {
	return []entry{{
		id: "removeall/tree", level: Data,
		doc: "RemoveAll removes a directory with its content, and nothing else.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/e/", "d/e/b=2", "d/e/g/", "f=3")
			t.OK(t.FS.RemoveAll(t.Path("d")))
			t.Gone("d")
			t.Holds("f=3")
		},
	}, {
		id: "removeall/file", level: Data,
		doc: "RemoveAll removes a file.",
		run: func(t *rig) {
			t.Given("f=1", "g=2")
			t.OK(t.FS.RemoveAll(t.Path("f")))
			t.Holds("g=2")
		},
	}, {
		id: "removeall/missing-is-nil", level: Errors,
		doc: "RemoveAll of what does not exist succeeds.",
		run: func(t *rig) {
			t.Given("f=1")
			t.OK(t.FS.RemoveAll(t.Path("no")))
			t.Unchanged()
		},
	}, {
		id: "removeall/missing-parent-is-nil", level: Errors,
		doc: "RemoveAll below a directory that does not exist succeeds.",
		run: func(t *rig) {
			t.Given("f=1")
			t.OK(t.FS.RemoveAll(t.Path("no/such/name")))
			t.Unchanged()
		},
	}, {
		id: "removeall/prefix-sibling-survives", level: Data,
		doc: "RemoveAll of d does not remove names that merely begin with d.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "d2/", "d2/y=2", "d.txt=3", "dd=4")
			t.OK(t.FS.RemoveAll(t.Path("d")))
			t.Holds("d2/", "d2/y=2", "d.txt=3", "dd=4")
		},
	}, {
		id: "removeall/root-leaves-a-root", level: Data, skip: notUnder,
		doc: "After RemoveAll of the root, whatever it returns, there is a root and it can be used.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "f=2")
			t.Unchanged()
			if err := t.FS.RemoveAll("/"); err != nil {
				t.Unchanged() // refusing is fair
				return
			}
			t.Holds()
			t.Put("new", "1")
			t.Holds("new=1")
		},
	}, {
		id: "removeall/really-gone", level: Data, needs: caps(EmptyDirs),
		doc: "What RemoveAll has removed does not reappear when its names are made anew.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=1")
			t.OK(t.FS.RemoveAll(t.Path("d")))
			t.Gone("d/e/x")
			t.OK(t.FS.MkdirAll(t.Path("d/e"), 0o755))
			t.Gone("d/e/x")
			t.Holds("d/", "d/e/")
		},
	}, {
		id: "removeall/under-file", level: Data,
		doc: "RemoveAll of a name below a file does not remove the file.",
		run: func(t *rig) {
			t.Given("f=1")
			_ = t.FS.RemoveAll(t.Path("f/x")) // nil or an error: systems differ
			t.Unchanged()
		},
	}, {
		id: "removeall/empty-name", level: Data, skip: notUnder,
		doc: "RemoveAll of the empty name, such as a path that was never set, removes nothing.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "f=2")
			_ = t.FS.RemoveAll("") // nil or an error: systems differ
			t.Unchanged()
		},
	}, {
		id: "removeall/wide", level: Data,
		doc: "RemoveAll removes a directory with many entries: 2 000 in a long run, else 100.",
		run: func(t *rig) {
			n := 100
			if t.suite.long {
				n = 2000
			}
			given := Tree{"d/": "", "f": "1"}
			for i := range n {
				given[fmt.Sprintf("d/%04d", i)] = ""
			}
			t.GivenTree(given)
			t.OK(t.FS.RemoveAll(t.Path("d")))
			t.Holds("f=1")
		},
	}}
}
