package conformance

import (
	"io/fs"
	"os"
	"reflect"
)

// modeCases are about permission bits.
func modeCases() []entry {
	return []entry{{
		id: "mode/chmod-file", level: Errors, needs: caps(Chmod, Modes),
		doc: "A file has the permission bits that Chmod gave it, and its content.",
		run: func(t *rig) {
			t.Given("f=abc")
			for _, mode := range []fs.FileMode{0o600, 0o640, 0o444, 0o755} {
				t.OK(t.FS.Chmod(t.Path("f"), mode))
				equal(t, "mode", t.Stat("f").Mode(), mode)
			}
			t.Unchanged()
		},
	}, {
		id: "mode/chmod-dir-stays-dir", level: Data, needs: caps(Chmod, Modes),
		doc: "A directory stays one after Chmod with bare permission bits, and keeps its content.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.OK(t.FS.Chmod(t.Path("d"), 0o700))
			equal(t, "mode", t.Stat("d").Mode(), fs.ModeDir|0o700)
			t.Unchanged()
		},
	}, {
		id: "mode/type-bits-ignored", level: Data, needs: caps(Chmod, Modes),
		doc: "Type bits given to Chmod do not make a file anything but a file.",
		run: func(t *rig) {
			t.Given("f=abc")
			if err := t.FS.Chmod(t.Path("f"), fs.ModeDir|0o600); err == nil {
				equal(t, "mode", t.Stat("f").Mode(), fs.FileMode(0o600))
			}
			t.isRegular("f")
			t.Unchanged()
		},
	}, {
		id: "mode/chmod-missing", level: Errors, needs: caps(Chmod),
		doc: "Chmod of what does not exist is fs.ErrNotExist, and creates nothing.",
		run: func(t *rig) {
			t.Given("f=1")
			t.Is(t.FS.Chmod(t.Path("no"), 0o600), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "mode/openfile-perm", level: Parity, needs: caps(Modes),
		doc: "A new file has the permission bits that OpenFile was given, minus the umask.",
		run: func(t *rig) {
			t.Given()
			for name, perm := range map[string]fs.FileMode{"a": 0o600, "b": 0o400, "c": 0o700} {
				f, err := t.FS.OpenFile(t.Path(name), os.O_WRONLY|os.O_CREATE, perm)
				t.Close(t.opened(name, f, err))
				equal(t, "mode", t.Stat(name).Mode(), perm)
			}
		},
	}, {
		id: "mode/rdonly-open-ignores-perm", level: Data,
		doc: "Opening an existing file for reading with no permissions, as WebDAV servers do, does not change its mode.",
		run: func(t *rig) {
			t.Given("f=abc")
			before := t.Stat("f").Mode()
			f, err := t.FS.OpenFile(t.Path("f"), os.O_RDONLY, 0)
			t.ReadsAll(t.opened("f", f, err), "abc")
			equal(t, "mode", t.Stat("f").Mode(), before)
			t.Unchanged()
		},
	}, {
		id: "mode/existing-keeps", level: Errors, needs: caps(Overwrite),
		doc: "Opening an existing file with O_CREATE and other permissions leaves its mode alone.",
		run: func(t *rig) {
			t.Given("f=abc")
			before := t.Stat("f").Mode()
			f, err := t.FS.OpenFile(t.Path("f"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o700)
			f = t.opened("f", f, err)
			t.Write(f, "new")
			t.Close(f)
			equal(t, "mode", t.Stat("f").Mode(), before)
			t.Holds("f=new")
		},
	}, {
		id: "mode/create-keeps", level: Parity, needs: caps(Chmod, Modes, Overwrite),
		doc: "Rewriting a file leaves its permission bits alone.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.OK(t.FS.Chmod(t.Path("f"), 0o640))
			t.Put("f", "new")
			equal(t, "mode", t.Stat("f").Mode(), fs.FileMode(0o640))
			t.Holds("f=new")
		},
	}, {
		id: "mode/mkdir-perm", level: Parity, needs: caps(Modes, EmptyDirs),
		doc: "New directories have the permission bits that MkdirAll was given, and are directories.",
		run: func(t *rig) {
			t.Given()
			t.OK(t.FS.MkdirAll(t.Path("a/b"), 0o700))
			for _, name := range []string{"a", "a/b"} {
				equal(t, "mode of "+name, t.Stat(name).Mode(), fs.ModeDir|0o700)
			}
		},
	}, {
		id: "mode/new-file-is-regular", level: Errors,
		doc: "What Create makes is a plain file, before and after Close: no directory, no temporary or special bits.",
		run: func(t *rig) {
			t.Given()
			f := t.Create("f")
			equal(t, "type of the handle", t.StatFile(f).Mode()&^fs.ModePerm, fs.FileMode(0))
			t.Close(f)
			equal(t, "type", t.Stat("f").Mode()&^fs.ModePerm, fs.FileMode(0))
		},
	}, {
		id: "mode/survives-rename", level: Parity, needs: caps(Chmod, Modes, Rename),
		doc: "Permission bits stay when a file is renamed.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.OK(t.FS.Chmod(t.Path("f"), 0o604))
			t.OK(t.rename("f", "g"))
			equal(t, "mode", t.Stat("g").Mode(), fs.FileMode(0o604))
		},
	}, {
		id: "mode/survives-truncate", level: Parity, needs: caps(Chmod, Modes, Truncate),
		doc: "Permission bits stay when a file is truncated.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.OK(t.FS.Chmod(t.Path("f"), 0o604))
			f := t.OpenFile("f", wronly)
			t.OK(f.Truncate(1))
			t.Close(f)
			equal(t, "mode", t.Stat("f").Mode(), fs.FileMode(0o604))
			t.Holds("f=a")
		},
	}, {
		id: "mode/unwritable-then-open-fails", level: Errors, needs: caps(Chmod, Modes), skip: asRoot,
		doc: "A file that may not be written does not open for writing; it is fs.ErrPermission and nothing changes.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.OK(t.FS.Chmod(t.Path("f"), 0o400))
			t.Is(t.NoFile(t.FS.OpenFile(t.Path("f"), os.O_WRONLY|os.O_TRUNC, 0)), fs.ErrPermission)
			t.Unchanged()
		},
	}, {
		id: "mode/setuid-not-invented", level: Errors,
		doc: "Files and directories that are created or rewritten get no setuid, setgid or sticky bit.",
		run: func(t *rig) {
			t.Given("d/", "d/f=1")
			t.OK(t.FS.MkdirAll(t.Path("e/g"), 0o777))
			t.Put("d/new", "2")
			t.Put("e/g/f", "3")
			for _, name := range []string{"d", "d/f", "d/new", "e", "e/g", "e/g/f"} {
				equal(t, "special bits of "+name, t.Stat(name).Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky), fs.FileMode(0))
			}
		},
	}}
}

// chownCases are about owners.
func chownCases() []entry {
	return []entry{{
		id: "chown/file", level: Errors, needs: caps(Chown),
		doc: "Chown of a file succeeds and leaves content and mode alone; where the owner can be seen it is the new one.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.chown("f")
			t.Unchanged()
		},
	}, {
		id: "chown/dir", level: Errors, needs: caps(Chown),
		doc: "Chown of a directory succeeds, and it stays one with all that it holds.",
		run: func(t *rig) {
			t.Given("d/", "d/x=1")
			t.chown("d")
			t.Unchanged()
		},
	}, {
		id: "chown/missing", level: Errors, needs: caps(Chown),
		doc: "Chown of what does not exist is fs.ErrNotExist, and creates nothing.",
		run: func(t *rig) {
			t.Given("f=1")
			uid, gid := newOwner()
			t.Is(t.FS.Chown(t.Path("no"), uid, gid), fs.ErrNotExist)
			t.Unchanged()
		},
	}, {
		id: "chown/survives-rename", level: Parity, needs: caps(Chown, Rename),
		doc: "The owner stays when a file is renamed.",
		run: func(t *rig) {
			t.Given("f=abc")
			t.chown("f")
			t.OK(t.rename("f", "g"))
			t.hasOwner("g")
			t.Holds("g=abc")
		},
	}}
}

func (t *rig) chown(name string) {
	before := t.Stat(name).Mode()
	uid, gid := newOwner()
	t.OK(t.FS.Chown(t.Path(name), uid, gid))
	t.hasOwner(name)
	equal(t, "mode", t.Stat(name).Mode(), before)
}

// newOwner is who a file can be given to: anybody by root, else oneself.
func newOwner() (uid, gid int) {
	if os.Geteuid() == 0 {
		return 4321, 8765
	}
	return os.Getuid(), os.Getgid()
}

// hasOwner requires a name to belong to newOwner, if FileInfo.Sys has the owner.
func (t *rig) hasOwner(name string) {
	if owned, known := t.owned(name); known && !owned {
		t.Errorf("%sthe owner of %q is another than the one that Chown was given", where(), name)
	}
}

// owned reports whether a name belongs to newOwner, and whether FileInfo.Sys
// tells that at all, as it does on Unix.
func (t *rig) owned(name string) (owned, known bool) {
	sys := reflect.Indirect(reflect.ValueOf(t.Stat(name).Sys()))
	if sys.Kind() != reflect.Struct {
		return false, false
	}
	uid, gid := sys.FieldByName("Uid"), sys.FieldByName("Gid")
	if !uid.CanUint() || !gid.CanUint() {
		return false, false
	}
	wantUID, wantGID := newOwner()
	return uid.Uint() == uint64(wantUID) && gid.Uint() == uint64(wantGID), true
}
