package conformance

import (
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/afero"
)

// closeCases are about Close, and about handles that are used after it.
func closeCases() []entry {
	cases := []entry{{
		id: "close/twice", level: Errors, reads: true,
		doc: "Closing a file a second time is os.ErrClosed.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			t.Close(f)
			t.Is(f.Close(), os.ErrClosed)
		},
	}, {
		id: "close/twice-directory-no-crash", level: Data, reads: true,
		doc: "Closing a directory a second time may fail, but does not panic, and the directory stays.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			f := t.Open("d")
			t.Close(f)
			_ = f.Close()
			t.Unchanged()
		},
	}}
	for _, use := range usesOfFile() {
		level, doc := Errors, use.name+" on a closed file is os.ErrClosed, and changes nothing."
		if use.directory { // package os has an error of another kind here
			doc = use.name + " on a closed directory fails."
		}
		if use.writes {
			level = Data
		}
		cases = append(cases, entry{
			id: "close/then-" + strings.ToLower(use.name), level: level, needs: use.needs, reads: !use.writes && !use.directory, doc: doc,
			run: func(t *rig) { useAfterClose(t, use) },
		})
	}
	return append(cases, []entry{{
		id: "close/name-still-works", level: Parity, reads: true,
		doc: "A closed file still reports its name.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			before := f.Name()
			t.Close(f)
			equal(t, "name", f.Name(), before)
		},
	}, {
		id: "close/reports-late-write-error", level: Data, skip: notFaulty,
		doc: "If the store breaks while a file is closed, Close returns an error, or the content is stored nevertheless.",
		run: func(t *rig) {
			fault := &Fault{}
			t.anotherFrom(func(tb TB) afero.Fs { return t.suite.faulty(tb, fault) }, func(t *rig) {
				f := t.Create("f")
				t.Write(f, "content")
				fault.arm(before, 1)
				err := f.Close()
				fault.disarm()
				if err == nil {
					t.Holds("f=content")
					return
				}
				t.HoldsOneOf(tree(), tree("f="), tree("f=content"))
			})
		},
	}, {
		id: "close/idle-close-changes-nothing", level: Data, needs: caps(ReadWrite),
		doc: "Opening a file for writing and closing it, with nothing written, does not change content and size.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.Close(t.OpenFile("f", rdwr))
			t.Close(t.OpenFile("f", rdwr|os.O_CREATE))
			t.Close(t.OpenFile("f", wronly))
			t.Unchanged()
		},
	}}...)
}

// A use is a method of a file that must not work once it is closed.
type use struct {
	name      string
	writes    bool // the file is open for writing
	directory bool // what is open is a directory
	needs     []Capability
	call      func(f afero.File) error
}

func usesOfFile() []use {
	return []use{
		{name: "Read", call: func(f afero.File) error { _, err := f.Read(make([]byte, 2)); return err }},
		{name: "ReadAt", call: func(f afero.File) error { _, err := f.ReadAt(make([]byte, 2), 0); return err }},
		{name: "Write", writes: true, call: func(f afero.File) error { _, err := f.Write([]byte("X")); return err }},
		{name: "WriteAt", writes: true, needs: caps(WriteAt), call: func(f afero.File) error { _, err := f.WriteAt([]byte("X"), 0); return err }},
		{name: "WriteString", writes: true, call: func(f afero.File) error { _, err := f.WriteString("X"); return err }},
		{name: "Seek", call: func(f afero.File) error { _, err := f.Seek(0, 0); return err }},
		{name: "Truncate", writes: true, needs: caps(Truncate), call: func(f afero.File) error { return f.Truncate(1) }},
		{name: "Sync", writes: true, needs: caps(Sync), call: func(f afero.File) error { return f.Sync() }},
		{name: "Stat", call: func(f afero.File) error { _, err := f.Stat(); return err }},
		{name: "Readdir", directory: true, call: func(f afero.File) error { _, err := f.Readdir(-1); return err }},
		{name: "Readdirnames", directory: true, call: func(f afero.File) error { _, err := f.Readdirnames(-1); return err }},
	}
}

func useAfterClose(t *rig, use use) {
	t.Given("d/", "d/x=1", "f=abc")
	var f afero.File
	switch {
	case use.directory:
		f = t.Open("d")
	case use.writes:
		f = t.OpenFile("f", wronly)
	default:
		f = t.Open("f")
	}
	t.Close(f)
	if err := use.call(f); use.directory {
		t.Fails(err)
	} else {
		t.Is(err, os.ErrClosed)
	}
	t.Unchanged()
}

// nameCases are about the names that files and file systems report.
func nameCases() []entry {
	return []entry{{
		id: "name/as-opened", level: Parity, reads: true,
		doc: "A file is named as it was opened.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			equal(t, "name", t.Open("d/f").Name(), t.Path("d/f"))
		},
	}, {
		id: "name/as-opened-dir", level: Parity, reads: true,
		doc: "A directory is named as it was opened.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/f=1")
			equal(t, "name", t.Open("d/e").Name(), t.Path("d/e"))
		},
	}, {
		id: "name/after-rename-unchanged", level: Parity, needs: caps(Rename, RenameOpen),
		doc: "A file that is renamed while open keeps the name that it was opened with.",
		run: func(t *rig) {
			t.Given("f=1")
			f := t.Open("f")
			t.OK(t.FS.Rename(t.Path("f"), t.Path("g")))
			equal(t, "name", f.Name(), t.Path("f"))
		},
	}, {
		id: "name/base-name-in-FileInfo", level: Errors, reads: true,
		doc: "The name in a FileInfo is the last element of the path, from Stat, from the handle and from the listing.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/f=1")
			for _, name := range []string{"d", "d/e", "d/e/f"} {
				equal(t, "name by Stat", t.Stat(name).Name(), path.Base(name))
				equal(t, "name by handle", t.StatFile(t.Open(name)).Name(), path.Base(name))
			}
			infos, err := t.Open("d/e").Readdir(-1)
			t.OK(err)
			for _, fi := range infos {
				equal(t, "name in the listing", fi.Name(), "f")
			}
		},
	}, {
		id: "name/fs-name-non-empty", level: Parity, reads: true,
		doc: "The file system has a name.",
		run: func(t *rig) {
			t.Given()
			if t.FS.Name() == "" {
				t.Errorf("Fs.Name is empty")
			}
		},
	}}
}

// syncCases are about File.Sync.
func syncCases() []entry {
	return []entry{{
		id: "sync/after-write", level: Data, needs: caps(Sync),
		doc: "Sync after a write succeeds, and the content is whole after Close.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			t.Write(f, "one")
			t.OK(f.Sync())
			t.Write(f, "two")
			t.OK(f.Sync())
			t.Close(f)
			t.Holds("f=onetwo")
		},
	}, {
		id: "sync/on-directory-no-crash", level: Data, reads: true,
		doc: "Sync of a directory may fail, but does not panic, and the handle keeps working.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			f := t.Open("d")
			_ = f.Sync()
			names, err := f.Readdirnames(-1)
			if err := listed(names, err, []string{"x"}); err != nil {
				t.Errorf("%v", err)
			}
		},
	}, {
		id: "sync/on-read-only-handle-no-crash", level: Data, reads: true,
		doc: "Sync of a file opened for reading may fail, but does not panic, and the handle keeps working.",
		run: func(t *rig) {
			t.Given("f=abc")
			f := t.Open("f")
			t.Reads(f, "a")
			_ = f.Sync()
			t.ReadsAll(f, "bc")
		},
	}}
}

// modTime is the modification time of a name.
func (t *rig) modTime(name string) time.Time { return t.Stat(name).ModTime() }

// isRegular wants a name to be a plain file.
func (t *rig) isRegular(name string) {
	equal(t, "type of "+name, t.Stat(name).Mode().Type(), fs.FileMode(0))
}
