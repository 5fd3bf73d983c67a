package conformance

import (
	"io/fs"
	"strings"
	"syscall"
)

// mkdirCases are about Mkdir.
func mkdirCases() []entry {
	return []entry{{
		id: "mkdir/new", level: Data, needs: caps(EmptyDirs),
		doc: "A new directory exists, is a directory, and is empty.",
		run: func(t *rig) {
			t.Given()
			t.OK(t.FS.Mkdir(t.Path("d"), 0o755))
			equal(t, "IsDir", t.Stat("d").IsDir(), true)
			t.Holds("d/")
		},
	}, {
		id: "mkdir/exists", level: Errors, needs: caps(EmptyDirs),
		doc: "Making a directory that exists is fs.ErrExist, and the directory keeps its content.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.Is(t.FS.Mkdir(t.Path("d"), 0o755), fs.ErrExist)
			t.Unchanged()
		},
	}, {
		id: "mkdir/file-exists", level: Data,
		doc: "Making a directory where there is a file is fs.ErrExist, and the file stays.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Is(t.FS.Mkdir(t.Path("f"), 0o755), fs.ErrExist)
			t.Unchanged()
		},
	}, {
		id: "mkdir/missing-parent", level: Errors, needs: caps(EmptyDirs),
		doc: "Making a directory below one that does not exist is fs.ErrNotExist, and makes neither.",
		run: func(t *rig) {
			t.Given()
			t.Is(t.FS.Mkdir(t.Path("no/d"), 0o755), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "mkdir/under-file", level: Data,
		doc: "Making a directory below a file fails, and the file stays a file.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Fails(t.FS.Mkdir(t.Path("f/d"), 0o755))
			t.Unchanged()
		},
	}, {
		id: "mkdir/trailing-slash", level: Errors, needs: caps(EmptyDirs),
		doc: "The name of a directory to be made may have a trailing slash.",
		run: func(t *rig) {
			t.Given()
			t.OK(t.FS.Mkdir(t.Path("d/"), 0o755))
			t.Holds("d/")
		},
	}, {
		id: "mkdir/root-exists", level: Errors,
		doc: "Making the root fails, and it keeps its content.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Fails(t.FS.Mkdir(t.Path(""), 0o755))
			t.Unchanged()
		},
	}, {
		id: "mkdir/perm", level: Parity, needs: caps(Modes, EmptyDirs),
		doc: "A directory gets the permission bits that it is made with.",
		run: func(t *rig) {
			t.Given()
			t.OK(t.FS.Mkdir(t.Path("d"), 0o700))
			equal(t, "mode", t.Stat("d").Mode(), fs.ModeDir|0o700)
		},
	}, {
		id: "mkdir/only-permission-bits", level: Errors, needs: caps(EmptyDirs),
		doc: "Type bits among the permissions do not make a directory anything but a directory.",
		run: func(t *rig) {
			t.Given()
			if err := t.FS.Mkdir(t.Path("d"), fs.ModeSymlink|fs.ModeNamedPipe|0o755); err != nil {
				t.Unchanged() // refusing them is fair
				return
			}
			equal(t, "type", t.Stat("d").Mode().Type(), fs.ModeDir)
		},
	}}
}

// mkdirAllCases are about MkdirAll.
func mkdirAllCases() []entry {
	return []entry{{
		id: "mkdirall/nested", level: Data, needs: caps(EmptyDirs),
		doc: "MkdirAll makes all missing parents.",
		run: func(t *rig) {
			t.Given()
			t.OK(t.FS.MkdirAll(t.Path("a/b/c"), 0o755))
			t.Holds("a/", "a/b/", "a/b/c/")
		},
	}, {
		id: "mkdirall/exists", level: Errors,
		doc: "MkdirAll of a directory that exists succeeds, and it keeps its content.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.OK(t.FS.MkdirAll(t.Path("d"), 0o755))
			t.Unchanged()
		},
	}, {
		id: "mkdirall/partly-exists", level: Data, needs: caps(EmptyDirs),
		doc: "MkdirAll makes what is missing and does not change what exists.",
		run: func(t *rig) {
			t.Given("a/", "a/x=1")
			t.OK(t.FS.MkdirAll(t.Path("a/b/c"), 0o755))
			t.Holds("a/", "a/x=1", "a/b/", "a/b/c/")
		},
	}, {
		id: "mkdirall/over-file", level: Data,
		doc: "MkdirAll of the name of a file fails, and the file stays.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Fails(t.FS.MkdirAll(t.Path("f"), 0o755))
			t.Unchanged()
		},
	}, {
		id: "mkdirall/over-file-errno", level: Parity,
		doc: "The error of MkdirAll for the name of a file is syscall.ENOTDIR, as in package os.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Is(t.FS.MkdirAll(t.Path("f"), 0o755), syscall.ENOTDIR)
		},
	}, {
		id: "mkdirall/through-file", level: Data,
		doc: "MkdirAll through the name of a file fails, and the file stays.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			t.Fails(t.FS.MkdirAll(t.Path("d/f/a/b"), 0o755))
			t.Unchanged()
		},
	}, {
		id: "mkdirall/root", level: Errors,
		doc: "MkdirAll of the root succeeds and changes nothing.",
		run: func(t *rig) {
			t.Given("f=1")
			t.OK(t.FS.MkdirAll(t.Path(""), 0o755))
			t.Unchanged()
		},
	}, {
		id: "mkdirall/keeps-existing-mode", level: Parity, needs: caps(Chmod, Modes),
		doc: "MkdirAll leaves the permission bits of directories that exist alone.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.OK(t.FS.Chmod(t.Path("d"), 0o700))
			t.OK(t.FS.MkdirAll(t.Path("d/e"), 0o755))
			equal(t, "mode", t.Stat("d").Mode(), fs.ModeDir|0o700)
		},
	}, {
		id: "mkdirall/unclean-path", level: Errors, needs: caps(EmptyDirs),
		doc: "MkdirAll understands dots, pairs of dots and double slashes.",
		run: func(t *rig) {
			t.Given("a/")
			t.OK(t.FS.MkdirAll(t.Path("a/./b//c/../d/"), 0o755))
			t.HoldsOneOf(tree("a/", "a/b/", "a/b/d/"), tree("a/", "a/b/", "a/b/c/", "a/b/d/"))
		},
	}, {
		id: "mkdirall/64-deep", level: Data,
		doc: "64 nested directories can be made, and the innermost used.",
		run: func(t *rig) {
			t.Given()
			deep := strings.Repeat("d/", 63) + "d"
			t.OK(t.FS.MkdirAll(t.Path(deep), 0o755))
			t.Put(deep+"/f", "1")
			t.Content(deep+"/f", "1")
			t.Lists(deep, "f")
		},
	}}
}
