package conformance

import (
	"io/fs"
	"os"
)

// statCases are about Stat, of names and of handles.
func statCases() []entry {
	return []entry{{
		id: "stat/file", level: Data, reads: true,
		doc: "Stat reports name, size and type of a file.",
		run: func(t *rig) {
			t.Given("d/", "d/f=12345")
			fi := t.Stat("d/f")
			equal(t, "name", fi.Name(), "f")
			equal(t, "size", fi.Size(), 5)
			equal(t, "IsDir", fi.IsDir(), false)
			t.isRegular("d/f")
		},
	}, {
		id: "stat/dir", level: Data, reads: true,
		doc: "Stat reports name and type of a directory.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=1")
			fi := t.Stat("d/e")
			equal(t, "name", fi.Name(), "e")
			equal(t, "IsDir", fi.IsDir(), true)
			equal(t, "type", fi.Mode().Type(), fs.ModeDir)
		},
	}, {
		id: "stat/dir-trailing-slash", level: Errors, reads: true,
		doc: "Stat of a directory's name with a trailing slash describes the directory, by its name alone.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			fi := t.Stat("d/")
			equal(t, "IsDir", fi.IsDir(), true)
			equal(t, "name", fi.Name(), "d")
		},
	}, {
		id: "stat/root", level: Data, reads: true,
		doc: "The root exists and is a directory.",
		run: func(t *rig) {
			t.Given()
			equal(t, "IsDir", t.Stat("").IsDir(), true)
		},
	}, {
		id: "stat/root-name", level: Parity, reads: true, skip: notUnder,
		doc: "The root has a name, which is not empty.",
		run: func(t *rig) {
			t.Given()
			if t.Stat("").Name() == "" {
				t.Errorf("FileInfo.Name of the root is empty")
			}
		},
	}, {
		id: "stat/missing", level: Errors, reads: true,
		doc: "Stat of what does not exist is fs.ErrNotExist, in a *fs.PathError with the path that was given.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			for _, name := range []string{"no", "d/no", "no/such"} {
				_, err := t.FS.Stat(t.Path(name))
				t.Is(err, fs.ErrNotExist)
				t.PathError(err, "", name)
			}
		},
	}, {
		id: "stat/nil-info-on-error", level: Errors, reads: true,
		doc: "With an error the FileInfo is a nil interface.",
		run: func(t *rig) {
			t.Given("f=1")
			for _, name := range []string{"no", "f/x"} {
				if fi, err := t.FS.Stat(t.Path(name)); err == nil || fi != nil {
					t.Errorf("stat of %q: %v, error %v", name, fi, quoted(err))
				}
			}
		},
	}, {
		id: "stat/under-file", level: Errors, reads: true,
		doc: "Stat of a name below a file fails.",
		run: func(t *rig) {
			t.Given("f=1")
			_, err := t.FS.Stat(t.Path("f/x"))
			t.Fails(err)
		},
	}, {
		id: "stat/snapshot-not-live", level: Data, needs: caps(Rename, Overwrite),
		doc: "A FileInfo does not change after Stat, whatever happens to the file later.",
		run: func(t *rig) {
			t.Given("f=abc")
			fi := t.Stat("f")
			before := fi.ModTime()
			w := t.OpenFile("f", os.O_WRONLY|os.O_TRUNC)
			t.Write(w, "longer than that")
			t.Close(w)
			t.OK(t.rename("f", "g"))
			equal(t, "size", fi.Size(), 3)
			equal(t, "name", fi.Name(), "f")
			equal(t, "same time", fi.ModTime().Equal(before), true)
		},
	}, {
		id: "stat/handle-matches-path", level: Data, reads: true,
		doc: "Stat of a handle reports what Stat of the name reports.",
		run: func(t *rig) {
			t.Given("d/", "d/f=12345")
			t.sameInfo("handle", t.StatFile(t.Open("d/f")), t.Stat("d/f"))
		},
	}, {
		id: "stat/directory-handle", level: Errors, reads: true,
		doc: "Stat of a directory's handle reports what Stat of the name reports.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=1")
			t.sameInfo("handle", t.StatFile(t.Open("d/e")), t.Stat("d/e"))
		},
	}, {
		id: "stat/sys-does-not-panic", level: Data, reads: true,
		doc: "Sys of any FileInfo returns something or nil, and does not panic.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			infos := []fs.FileInfo{t.Stat(""), t.Stat("d"), t.Stat("d/f"), t.StatFile(t.Open("d")), t.StatFile(t.Open("d/f"))}
			listed, err := t.Open("d").Readdir(-1)
			t.OK(err)
			for _, fi := range append(infos, listed...) {
				_ = fi.Sys()
			}
			equal(t, "number of entries", len(listed), 1)
		},
	}, {
		id: "stat/mode-type-agrees-with-isdir", level: Data, reads: true,
		doc: "IsDir, Mode.IsDir and Mode.IsRegular of one FileInfo agree.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			for name, dir := range map[string]bool{"": true, "d": true, "d/f": false} {
				for _, fi := range []fs.FileInfo{t.Stat(name), t.StatFile(t.Open(name))} {
					equal(t, "IsDir", fi.IsDir(), dir)
					equal(t, "Mode.IsDir", fi.Mode().IsDir(), dir)
					equal(t, "Mode.IsRegular", fi.Mode().IsRegular(), !dir)
				}
			}
		},
	}, {
		id: "stat/size-after-each-write", level: Data, needs: caps(Sync, SharedHandles),
		doc: "Stat of the name reports the size after each write that was synced.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			for i := range 3 {
				t.Write(f, "1234")
				t.OK(f.Sync())
				equal(t, "size", t.Stat("f").Size(), int64(4*(i+1)))
			}
		},
	}}
}
