package conformance

import (
	"io/fs"
	"os"
)

// createCases are about Create and about opening with O_CREATE.
func createCases() []entry {
	return []entry{{
		id: "create/new", level: Data,
		doc: "A created file exists and has the content written to it.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			t.Write(f, "hello")
			t.Close(f)
			t.Holds("f=hello")
		},
	}, {
		id: "create/empty", level: Data,
		doc: "A file that was created and closed exists and is empty.",
		run: func(t *rig) {
			t.Given()
			t.Close(t.Create("f"))
			t.Holds("f=")
			equal(t, "size", t.Stat("f").Size(), 0)
		},
	}, {
		id: "create/read-write", level: Data, needs: caps(ReadWrite),
		doc: "The handle that Create returns can read what it has written.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			t.Write(f, "hello")
			t.Rewind(f)
			t.ReadsAll(f, "hello")
		},
	}, {
		id: "create/truncates", level: Data, needs: caps(Overwrite),
		doc: "Creating a file that exists truncates it.",
		run: func(t *rig) {
			t.Given("f=long content", "g=other")
			f := t.Create("f")
			t.Write(f, "new")
			t.Close(f)
			t.Holds("f=new", "g=other")
		},
	}, {
		id: "create/keeps-mode", level: Parity, needs: caps(Overwrite, Chmod, Modes),
		doc: "Creating a file that exists leaves its permission bits alone.",
		run: func(t *rig) {
			t.Given("f=1")
			t.OK(t.FS.Chmod(t.Path("f"), 0o600))
			t.Close(t.Create("f"))
			equal(t, "mode", t.Stat("f").Mode(), fs.FileMode(0o600))
		},
	}, {
		id: "create/missing-parent", level: Errors, needs: caps(EmptyDirs),
		doc: "Creating a file below a directory that does not exist is fs.ErrNotExist, and creates no directory.",
		run: func(t *rig) {
			t.Given()
			t.Is(t.NoFile(t.FS.Create(t.Path("no/f"))), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "create/over-directory", level: Data,
		doc: "Creating a file over a directory fails, and the directory keeps its content.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.NoFile(t.FS.Create(t.Path("d")))
			t.Unchanged()
		},
	}, {
		id: "create/under-file", level: Data,
		doc: "Creating a file below a file fails, and the file stays a file.",
		run: func(t *rig) {
			t.Given("f=1")
			t.NoFile(t.FS.Create(t.Path("f/x")))
			t.Unchanged()
		},
	}, {
		id: "create/visible-in-parent", level: Data,
		doc: "A created file is listed in its directory once it is closed.",
		run: func(t *rig) {
			t.Given("d/", "d/old=1")
			t.Close(t.Create("d/new"))
			t.Lists("d", "new", "old")
		},
	}, {
		id: "create/open-handles-share-one-file", level: Data, needs: caps(Overwrite, SharedHandles),
		doc: "A handle opened before the file is created anew sees the new content, not a file of its own.",
		run: func(t *rig) {
			t.Given("f=old content")
			r := t.Open("f")
			w := t.Create("f")
			t.Write(w, "new")
			t.flush(w)
			t.ReadsAll(r, "new")
		},
	}, {
		id: "create/excl-twice", level: Errors, needs: caps(Excl),
		doc: "With O_EXCL a file is created once; the second time is fs.ErrExist and changes nothing.",
		run: func(t *rig) {
			t.Given()
			f := t.OpenFile("f", os.O_WRONLY|os.O_CREATE|os.O_EXCL)
			t.Write(f, "first")
			t.Close(f)
			t.Is(t.NoFile(t.FS.OpenFile(t.Path("f"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)), fs.ErrExist)
			t.Holds("f=first")
		},
	}, {
		id: "create/excl-on-unwritable-file", level: Errors, needs: caps(Excl, Chmod, Modes),
		doc: "With O_EXCL an existing file is fs.ErrExist, also if it could not be written.",
		run: func(t *rig) {
			t.Given("f=1")
			t.OK(t.FS.Chmod(t.Path("f"), 0o400))
			t.Is(t.NoFile(t.FS.OpenFile(t.Path("f"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)), fs.ErrExist)
			t.Unchanged()
		},
	}, {
		id: "create/writes-through-own-0400-handle", level: Errors,
		doc: "The handle that creates a file without write permission can still write to it.",
		run: func(t *rig) {
			t.Given()
			f, err := t.FS.OpenFile(t.Path("f"), os.O_WRONLY|os.O_CREATE, 0o400)
			f = t.opened("f", f, err)
			t.Write(f, "hello")
			t.Close(f)
			t.Holds("f=hello")
		},
	}, {
		id: "create/0000-mode", level: Parity, needs: caps(Modes),
		doc: "A file may be created without any permission bit.",
		run: func(t *rig) {
			t.Given()
			f, err := t.FS.OpenFile(t.Path("f"), os.O_WRONLY|os.O_CREATE, 0)
			t.Close(t.opened("f", f, err))
			equal(t, "mode", t.Stat("f").Mode(), fs.FileMode(0))
		},
	}, {
		id: "create/type-bits-in-perm-ignored", level: Errors,
		doc: "Type bits among the permissions do not make a file anything but a file.",
		run: func(t *rig) {
			t.Given()
			f, err := t.FS.OpenFile(t.Path("f"), os.O_WRONLY|os.O_CREATE, fs.ModeDir|fs.ModeSymlink|0o644)
			if err != nil {
				t.Unchanged() // refusing them is fair
				return
			}
			t.Close(t.opened("f", f, err))
			equal(t, "type", t.Stat("f").Mode().Type(), fs.FileMode(0))
		},
	}, {
		id: "create/no-ghost-after-failed-create", level: Data, needs: caps(EmptyDirs),
		doc: "A failed create leaves nothing behind, neither in the listing nor for Stat.",
		run: func(t *rig) {
			t.Given("f=1", "d/")
			for _, name := range []string{"no/f", "f/x", "d"} {
				t.NoFile(t.FS.OpenFile(t.Path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644))
			}
			t.Gone("no")
			if _, err := t.FS.Stat(t.Path("f/x")); err == nil {
				t.Errorf("stat of %q succeeds", "f/x")
			}
			t.Unchanged()
		},
	}}
}
