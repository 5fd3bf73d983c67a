package conformance

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/afero"
)

// probes lists one probe for each capability but Writes and Concurrent, which
// have cases of their own.
func probes() []probe {
	return append(attributeProbes(), append(contentProbes(), treeProbes()...)...)
}

// attributeProbes are about what a store may not keep beside content.
func attributeProbes() []probe {
	return []probe{{
		of: Chmod, given: []string{"f=abc"},
		do: func(t *rig) error { return t.FS.Chmod(t.Path("f"), 0o604) },
		took: func(t *rig) bool {
			return t.Stat("f").Mode().Perm() == 0o604 || t.Has(Chmod) && !t.Has(Modes)
		},
	}, {
		of: Modes,
		do: func(t *rig) error {
			for name, perm := range map[string]fs.FileMode{"a": 0o600, "b": 0o400} {
				f, err := t.FS.OpenFile(t.Path(name), os.O_WRONLY|os.O_CREATE, perm)
				if err != nil {
					return err
				}
				if err := f.Close(); err != nil {
					return err
				}
			}
			return nil
		},
		took: func(t *rig) bool { return t.Stat("a").Mode() == 0o600 && t.Stat("b").Mode() == 0o400 },
		left: []Tree{tree("a=", "b=")},
	}, {
		of: Chown, given: []string{"f=abc"},
		do: func(t *rig) error {
			uid, gid := newOwner()
			return t.FS.Chown(t.Path("f"), uid, gid)
		},
		took: func(t *rig) bool {
			owned, known := t.owned("f")
			return owned || !known && t.Has(Chown)
		},
	}, {
		of: Chtimes, given: []string{"f=abc"},
		do:   func(t *rig) error { return t.FS.Chtimes(t.Path("f"), past(), past()) },
		took: func(t *rig) bool { return t.near(t.modTime("f"), past()) == nil },
	}, {
		of: DirTimes, given: []string{"d/", "d/x=1"},
		do:   func(t *rig) error { return t.FS.Chtimes(t.Path("d"), past(), past()) },
		took: func(t *rig) bool { return t.near(t.modTime("d"), past()) == nil },
	}, {
		of: Sync, given: []string{"f=abc"},
		do: func(t *rig) error {
			f := t.OpenFile("f", wronly)
			return errors.Join(f.Sync(), f.Close())
		},
	}, {
		of: SeekDir, given: []string{"d/", "d/a=1", "d/b=2"},
		do: func(t *rig) error {
			_, err := t.listTwice("d")
			return err
		},
		took: func(t *rig) bool {
			second, _ := t.listTwice("d")
			return len(second) == 2
		},
	}}
}

// contentProbes are about ways to write a file.
func contentProbes() []probe {
	return []probe{{
		of: Append, given: []string{"f=abc"},
		do:   func(t *rig) error { return t.tryWrite("f", os.O_WRONLY|os.O_APPEND, writeText("d")) },
		took: func(t *rig) bool { return t.is("f", "abcd") },
	}, {
		of: WriteAt, given: []string{"f=abc"},
		do: func(t *rig) error {
			return t.tryWrite("f", wronly, func(f afero.File) error { _, err := f.WriteAt([]byte("X"), 1); return err })
		},
		took: func(t *rig) bool { return t.is("f", "aXc") },
	}, {
		of: Truncate, given: []string{"f=abc"},
		do:   func(t *rig) error { return t.tryWrite("f", wronly, func(f afero.File) error { return f.Truncate(1) }) },
		took: func(t *rig) bool { return t.is("f", "a") },
	}, {
		of: Holes, needs: caps(WriteAt), given: []string{"f=abc"},
		do: func(t *rig) error {
			return t.tryWrite("f", wronly, func(f afero.File) error {
				_, err := f.Seek(5, io.SeekStart)
				return errors.Join(err, writeText("X")(f))
			})
		},
		took: func(t *rig) bool { return t.is("f", "abc\x00\x00X") },
	}, {
		of: ReadWrite,
		do: func(t *rig) error {
			return t.tryWrite("f", os.O_RDWR|os.O_CREATE, func(f afero.File) error {
				if err := writeText("abc")(f); err != nil {
					return err
				}
				_, err := f.ReadAt(make([]byte, 3), 0)
				return err
			})
		},
		took: func(t *rig) bool { return t.is("f", "abc") },
	}, {
		of: Overwrite, given: []string{"f=abc"},
		do:   func(t *rig) error { return t.tryWrite("f", os.O_WRONLY|os.O_TRUNC, writeText("new")) },
		took: func(t *rig) bool { return t.is("f", "new") },
	}, {
		of:   Excl,
		do:   func(t *rig) error { return t.tryWrite("f", excl, writeText("first")) },
		took: func(t *rig) bool { return errors.Is(t.tryWrite("f", excl, writeText("")), fs.ErrExist) },
		left: []Tree{tree("f=first")},
	}, {
		of: SharedHandles, needs: caps(Overwrite), given: []string{"f=abc"},
		do: func(t *rig) error {
			r := t.Open("f")
			err := t.tryWrite("f", os.O_WRONLY|os.O_TRUNC, writeText("new"))
			return errors.Join(err, r.Close())
		},
		took: func(t *rig) bool {
			r := t.Open("f")
			t.Put("f", "newer")
			got, err := io.ReadAll(io.LimitReader(r, 100))
			return err == nil && string(got) == "newer"
		},
		left: []Tree{tree("f=newer")},
	}}
}

// treeProbes are about names and directories.
func treeProbes() []probe {
	return []probe{{
		// A clock that ticks seldom shows it only from a time long ago.
		of: DirUpdates, needs: caps(DirTimes), given: []string{"d/", "d/x=1"},
		do: func(t *rig) error { return nil },
		took: func(t *rig) bool {
			t.setTime("d", past())
			before := t.modTime("d")
			t.Put("d/y", "2")
			return t.modTime("d").After(before)
		},
		left: []Tree{tree("d/", "d/x=1", "d/y=2")},
	}, {
		of: Rename, given: []string{"a=1"},
		do:   func(t *rig) error { return t.rename("a", "b") },
		took: func(t *rig) bool { return t.is("b", "1") && !t.exists("a") },
	}, {
		of: RenameDir, given: []string{"d/", "d/x=1"},
		do:   func(t *rig) error { return t.rename("d", "e") },
		took: func(t *rig) bool { return t.is("e/x", "1") && !t.exists("d") },
	}, {
		of: RenameOver, given: []string{"a=1", "b=2"},
		do:   func(t *rig) error { return t.rename("a", "b") },
		took: func(t *rig) bool { return t.is("b", "1") && !t.exists("a") },
	}, {
		of: RenameOpen, given: []string{"a=1"},
		do: func(t *rig) error {
			f := t.Open("a")
			return errors.Join(t.rename("a", "b"), f.Close())
		},
		took: func(t *rig) bool { return t.is("b", "1") && !t.exists("a") },
	}, {
		of: RemoveOpen, given: []string{"a=1"},
		do: func(t *rig) error {
			f := t.Open("a")
			if err := t.FS.Remove(t.Path("a")); err != nil {
				return errors.Join(err, f.Close())
			}
			got, err := io.ReadAll(io.LimitReader(f, 100))
			if err != nil {
				return fmt.Errorf("reading on: %v", err) // of whatever kind
			}
			equal(t, "what the open file reads", string(got), "1")
			return f.Close()
		},
		took: func(t *rig) bool { return !t.exists("a") },
		half: []Tree{tree()},
	}, {
		of:   EmptyDirs,
		do:   func(t *rig) error { return t.FS.Mkdir(t.Path("d"), 0o755) },
		took: func(t *rig) bool { return t.exists("d") },
	}, {
		of: CaseSensitive, given: []string{"file=1"},
		do:   func(t *rig) error { return t.tryWrite("FILE", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, writeText("2")) },
		took: func(t *rig) bool { return t.is("file", "1") && t.is("FILE", "2") },
		left: []Tree{tree("file=2"), tree("FILE=2")},
	}, {
		of: DistinctForms, given: []string{"caf\u00e9=1"},
		do: func(t *rig) error {
			return t.tryWrite("cafe\u0301", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, writeText("2"))
		},
		took: func(t *rig) bool { return t.is("caf\u00e9", "1") && t.is("cafe\u0301", "2") },
		left: []Tree{tree("caf\u00e9=2"), tree("cafe\u0301=2")},
	}, {
		of: Symlink, given: []string{"f=1"},
		do:   func(t *rig) error { return t.links().SymlinkIfPossible(t.Path("f"), t.Path("l")) },
		took: func(t *rig) bool { return t.is("l", "1") },
	}}
}

// listTwice lists a directory, seeks to its start, and lists it again.
func (t *rig) listTwice(name string) (second []string, err error) {
	f := t.Open(name)
	_, err = f.Readdirnames(-1)
	t.OK(err)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return f.Readdirnames(-1)
}
