package conformance

import (
	"io/fs"
	"time"
)

// rename calls Rename with names below the root.
func (t *rig) rename(from, to string) error { return t.FS.Rename(t.Path(from), t.Path(to)) }

// renameCases are about Rename of files, and of what is not there.
func renameCases() []entry {
	return append([]entry{{
		id: "rename/file", level: Data, needs: caps(Rename),
		doc: "A renamed file has its content under the new name, and the old name is gone.",
		run: func(t *rig) {
			t.Given("a=1", "c=2")
			t.OK(t.rename("a", "b"))
			t.Gone("a")
			t.Holds("b=1", "c=2")
		},
	}, {
		id: "rename/into-dir", level: Data, needs: caps(Rename),
		doc: "A file can be moved to another directory.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=0", "f=1")
			t.OK(t.rename("f", "d/e/g"))
			t.Holds("d/", "d/e/", "d/e/x=0", "d/e/g=1")
		},
	}, {
		id: "rename/over-file", level: Data, needs: caps(RenameOver),
		doc: "Renaming over a file replaces it.",
		run: func(t *rig) {
			t.Given("a=new", "b=old content")
			t.OK(t.rename("a", "b"))
			t.Holds("b=new")
		},
	}, {
		id: "rename/same-file", level: Data, needs: caps(Rename),
		doc: "Renaming a file onto itself loses nothing.",
		run: func(t *rig) {
			t.Given("a=1")
			t.OK(t.rename("a", "a"))
			t.Unchanged()
		},
	}, {
		id: "rename/same-file-unclean", level: Data, needs: caps(Rename),
		doc: "Renaming a file onto another spelling of its own name loses nothing.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1")
			t.OK(t.rename("d/a", "d/./a"))
			t.OK(t.rename("d//a", "d/../d/a"))
			t.Unchanged()
		},
	}, {
		id: "rename/missing", level: Errors, needs: caps(Rename),
		doc: "Renaming what does not exist is fs.ErrNotExist.",
		run: func(t *rig) {
			t.Given("a=1")
			t.Is(t.rename("no", "b"), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "rename/missing-is-LinkError", level: Parity, needs: caps(Rename),
		doc: "A failed Rename returns an *os.LinkError with both paths.",
		run: func(t *rig) {
			t.Given("a=1")
			t.LinkError(t.rename("no", "b"), "no", "b")
		},
	}, {
		id: "rename/missing-keeps-target", level: Data, needs: caps(Rename),
		doc: "Renaming what does not exist over a file leaves the file.",
		run: func(t *rig) {
			t.Given("a=1")
			t.Is(t.rename("no", "a"), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "rename/missing-target-parent", level: Errors, needs: caps(Rename, EmptyDirs),
		doc: "Renaming into a directory that does not exist is fs.ErrNotExist, and the file stays.",
		run: func(t *rig) {
			t.Given("a=1")
			t.Is(t.rename("a", "no/a"), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "rename/target-under-file", level: Data, needs: caps(Rename),
		doc: "Renaming to a name below a file fails, and both files stay.",
		run: func(t *rig) {
			t.Given("a=1", "f=2")
			t.Fails(t.rename("a", "f/a"))
			t.Unchanged()
		},
	}, {
		id: "rename/source-under-file", level: Errors, needs: caps(Rename),
		doc: "Renaming a name below a file fails, and the file stays.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Fails(t.rename("f/x", "y"))
			t.Unchanged()
		},
	}, {
		id: "rename/file-over-empty-dir", level: Data, needs: caps(Rename, EmptyDirs),
		doc: "A file cannot be renamed over an empty directory; both stay.",
		run: func(t *rig) {
			t.Given("f=1", "d/")
			t.Fails(t.rename("f", "d"))
			t.Unchanged()
		},
	}, {
		id: "rename/file-over-non-empty-dir", level: Data, needs: caps(Rename),
		doc: "A file cannot be renamed over a directory that is not empty; all of it stays.",
		run: func(t *rig) {
			t.Given("f=1", "d/", "d/x=2")
			t.Fails(t.rename("f", "d"))
			t.Unchanged()
		},
	}, {
		id: "rename/open-reader-keeps-reading", level: Data, needs: caps(RenameOpen),
		doc: "A file renamed while it is read can be read to its end.",
		run: func(t *rig) {
			t.Given("a=abcdef")
			f := t.Open("a")
			t.Reads(f, "abc")
			t.OK(t.rename("a", "b"))
			t.ReadsAll(f, "def")
			t.Rewind(f)
			t.ReadsAll(f, "abcdef")
			t.Close(f)
			t.Holds("b=abcdef")
		},
	}, {
		id: "rename/open-writer-follows", level: Data, needs: caps(RenameOpen),
		doc: "What is written to a file after it was renamed is under the new name, and the old one does not come back.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("a")
			t.Write(f, "one")
			t.OK(t.rename("a", "b"))
			t.Write(f, "two")
			t.Close(f)
			t.Holds("b=onetwo")
		},
	}, {
		id: "rename/over-open-file-keeps-old-reader", level: Data, needs: caps(RenameOver, RemoveOpen),
		doc: "A file that is replaced by a rename while open can be read to its end.",
		run: func(t *rig) {
			t.Given("a=new", "b=abcdef")
			f := t.Open("b")
			t.Reads(f, "abc")
			t.OK(t.rename("a", "b"))
			t.ReadsAll(f, "def")
			t.Close(f)
			t.Holds("b=new")
		},
	}, {
		id: "rename/case-only", level: Data, needs: caps(Rename),
		doc: "A file can be renamed to its own name in another case.",
		run: func(t *rig) {
			t.Given("file=1")
			t.OK(t.rename("file", "FILE"))
			t.Holds("FILE=1")
		},
	}, {
		id: "rename/unicode-form-only", level: Data, needs: caps(Rename, DistinctForms),
		doc: "A file can be renamed to the other Unicode form of its own name.",
		run: func(t *rig) {
			t.Given("caf\u00e9=1")
			t.OK(t.rename("caf\u00e9", "cafe\u0301"))
			t.Holds("cafe\u0301=1")
		},
	}, {
		id: "rename/keeps-content-mode-time", level: Parity, needs: caps(Rename, Chmod, Modes, Chtimes),
		doc: "A renamed file keeps its content, permission bits and modification time.",
		run: func(t *rig) {
			t.Given("a=content")
			when := time.Date(2010, 5, 6, 7, 8, 9, 0, time.UTC)
			t.OK(t.FS.Chmod(t.Path("a"), 0o600))
			t.OK(t.FS.Chtimes(t.Path("a"), when, when))
			t.OK(t.rename("a", "b"))
			equal(t, "mode", t.Stat("b").Mode(), fs.FileMode(0o600))
			t.hasTime("b", when)
			t.Holds("b=content")
		},
	}, {
		id: "rename/chain", level: Data, needs: caps(Rename),
		doc: "A file moved from name to name and back to the first is as it was.",
		run: func(t *rig) {
			t.Given("a=1", "d/", "d/x=2")
			for _, step := range [][2]string{{"a", "b"}, {"b", "d/c"}, {"d/c", "a"}} {
				t.OK(t.rename(step[0], step[1]))
			}
			t.Unchanged()
		},
	}, {
		id: "rename/swap-through-temp", level: Data, needs: caps(Rename),
		doc: "Two files can be swapped through a third name.",
		run: func(t *rig) {
			t.Given("a=1", "b=2")
			for _, step := range [][2]string{{"a", "tmp"}, {"b", "a"}, {"tmp", "b"}} {
				t.OK(t.rename(step[0], step[1]))
			}
			t.Holds("a=2", "b=1")
		},
	}, {
		id: "rename/back-and-forth", level: Data, needs: caps(Rename),
		doc: "A file is the same after many renames: 100 in a long run, else 20.",
		run: func(t *rig) {
			t.Given("a=content")
			n := 10
			if t.suite.long {
				n = 50
			}
			for range n {
				t.OK(t.rename("a", "b"))
				t.OK(t.rename("b", "a"))
			}
			t.Unchanged()
		},
	}}, renameDirCases()...)
}

// renameDirCases are about Rename of directories, the root among them.
func renameDirCases() []entry {
	return []entry{{
		id: "rename/dir", level: Data, needs: caps(RenameDir),
		doc: "A renamed directory keeps its content.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "d/y=2", "f=3")
			t.OK(t.rename("d", "e"))
			t.Gone("d")
			t.Gone("d/x")
			t.Holds("e/", "e/x=1", "e/y=2", "f=3")
		},
	}, {
		id: "rename/deep-tree", level: Data, needs: caps(RenameDir),
		doc: "A renamed directory keeps its content at any depth, and can be used at once.",
		run: func(t *rig) {
			t.Given("d/", "d/a/", "d/a/b/", "d/a/b/c/", "d/a/b/c/x=1", "d/a/y=2", "to/", "to/z=3")
			t.OK(t.rename("d", "to/new"))
			t.Put("to/new/a/b/c/more", "4")
			t.Holds("to/", "to/z=3", "to/new/", "to/new/a/", "to/new/a/b/", "to/new/a/b/c/",
				"to/new/a/b/c/x=1", "to/new/a/b/c/more=4", "to/new/a/y=2")
		},
	}, {
		id: "rename/repeated-name-component", level: Data, needs: caps(RenameDir),
		doc: "If a name is repeated deeper down, only the first is renamed.",
		run: func(t *rig) {
			t.Given("a/", "a/a/", "a/a/a=1", "a/b=2")
			t.OK(t.rename("a", "c"))
			t.Holds("c/", "c/a/", "c/a/a=1", "c/b=2")
		},
	}, {
		id: "rename/prefix-sibling-untouched", level: Data, needs: caps(RenameDir),
		doc: "Renaming d does not rename names that merely begin with d.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "d2/", "d2/x=2", "d.txt=3", "dd=4")
			t.OK(t.rename("d", "e"))
			t.Holds("e/", "e/x=1", "d2/", "d2/x=2", "d.txt=3", "dd=4")
		},
	}, {
		id: "rename/dir-into-itself", level: Data, needs: caps(RenameDir),
		doc: "A directory cannot be moved below itself; nothing is lost when it is tried.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.Fails(t.rename("d", "d/e"))
			t.Unchanged()
		},
	}, {
		id: "rename/dir-into-grandchild", level: Data, needs: caps(RenameDir),
		doc: "A directory cannot be moved below a directory in it; nothing is lost when it is tried.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=1", "d/y=2")
			t.Fails(t.rename("d", "d/e/f"))
			t.Unchanged()
		},
	}, {
		id: "rename/dir-over-empty-dir", level: Errors, needs: caps(RenameDir, EmptyDirs),
		doc: "Renaming a directory over an empty one replaces it or is refused; nothing is lost either way.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "e/")
			if err := t.rename("d", "e"); err != nil {
				t.Unchanged()
				return
			}
			t.Holds("e/", "e/x=1")
		},
	}, {
		id: "rename/dir-over-non-empty", level: Data, needs: caps(RenameDir),
		doc: "A directory cannot be renamed over one that is not empty: neither replaced nor merged.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "e/", "e/y=2")
			t.Fails(t.rename("d", "e"))
			t.Unchanged()
		},
	}, {
		id: "rename/dir-over-file", level: Data, needs: caps(RenameDir),
		doc: "A directory cannot be renamed over a file; both stay.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "f=2")
			t.Fails(t.rename("d", "f"))
			t.Unchanged()
		},
	}, {
		id: "rename/trailing-slash-dirs", level: Errors, needs: caps(RenameDir),
		doc: "The names of directories may have a trailing slash.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.OK(t.rename("d/", "e/"))
			t.Holds("e/", "e/x=1")
		},
	}, {
		id: "rename/root-refused", level: Data, needs: caps(RenameDir), skip: notUnder,
		doc: "The root cannot be renamed; nothing is lost when it is tried.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.Fails(t.FS.Rename("/", "/e"))
			t.Fails(t.FS.Rename("/", "/d/e"))
			t.Unchanged()
		},
	}, {
		id: "rename/onto-root-refused", level: Data, needs: caps(RenameDir), skip: notUnder,
		doc: "Nothing can be renamed onto the root; nothing is lost when it is tried.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1", "f=2")
			t.Fails(t.FS.Rename("/d", "/"))
			t.Fails(t.FS.Rename("/f", "/"))
			t.Unchanged()
		},
	}}
}
