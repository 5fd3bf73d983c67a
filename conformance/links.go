package conformance

import (
	"io/fs"

	"github.com/spf13/afero"
)

// links returns the file system's own means for symbolic links; without them
// the case does not apply.
func (t *rig) links() afero.Symlinker {
	l, ok := t.FS.(afero.Symlinker)
	if !ok {
		t.Skipf("the Fs is no afero.Symlinker")
	}
	return l
}

// link makes a symbolic link from a name to another, given below the root.
func (t *rig) link(name, target string) {
	t.OK(t.links().SymlinkIfPossible(t.Path(target), t.Path(name)))
}

// isLink wants a name to be a symbolic link itself.
func (t *rig) isLink(name string) {
	fi, asked, err := t.links().LstatIfPossible(t.Path(name))
	t.OK(err)
	equal(t, "whether Lstat was possible", asked, true)
	equal(t, "type of "+name, fi.Mode().Type(), fs.ModeSymlink)
}

// linkCases are about symbolic links.
func linkCases() []entry {
	return []entry{{
		id: "links/make", level: Errors, needs: caps(Symlink),
		doc: "A link to a file reads as the file; a link is not made where something is.",
		run: func(t *rig) {
			t.links()
			t.Given("f=content", "g=other")
			t.link("l", "f")
			t.ReadsAll(t.Open("l"), "content")
			t.Is(t.links().SymlinkIfPossible(t.Path("f"), t.Path("g")), fs.ErrExist)
			t.Content("g", "other")
		},
	}, {
		id: "links/read", level: Errors, needs: caps(Symlink),
		doc: "Readlink gives the target; of a plain file it fails.",
		run: func(t *rig) {
			t.links()
			t.Given("f=content")
			t.link("l", "f")
			target, err := t.links().ReadlinkIfPossible(t.Path("l"))
			t.OK(err)
			equal(t, "target", target, t.Path("f"))
			_, err = t.links().ReadlinkIfPossible(t.Path("f"))
			t.Fails(err)
		},
	}, {
		id: "links/lstat", level: Errors, needs: caps(Symlink),
		doc: "Lstat sees the link and not what it points to.",
		run: func(t *rig) {
			t.links()
			t.Given("d/", "d/x=1", "f=content")
			t.link("lf", "f")
			t.link("ld", "d")
			t.isLink("lf")
			t.isLink("ld")
			_, _, err := t.links().LstatIfPossible(t.Path("no"))
			t.Is(err, fs.ErrNotExist)
		},
	}, {
		id: "links/stat-follows", level: Data, needs: caps(Symlink),
		doc: "Stat sees what the link points to.",
		run: func(t *rig) {
			t.links()
			t.Given("d/", "d/x=1", "f=content")
			t.link("lf", "f")
			t.link("ld", "d")
			equal(t, "size", t.Stat("lf").Size(), int64(len("content")))
			equal(t, "type", t.Stat("lf").Mode().Type(), fs.FileMode(0))
			equal(t, "IsDir", t.Stat("ld").IsDir(), true)
		},
	}, {
		id: "links/dangling", level: Errors, needs: caps(Symlink),
		doc: "A link to nothing can be made; following it is fs.ErrNotExist.",
		run: func(t *rig) {
			t.links()
			t.Given()
			t.link("l", "no")
			t.isLink("l")
			_, err := t.FS.Stat(t.Path("l"))
			t.Is(err, fs.ErrNotExist)
			t.Is(t.NoFile(t.FS.Open(t.Path("l"))), fs.ErrNotExist)
		},
	}, {
		id: "links/chain", level: Data, needs: caps(Symlink, Overwrite),
		doc: "A link to a link to a file reads and writes the file.",
		run: func(t *rig) {
			t.links()
			t.Given("f=content")
			t.link("l1", "f")
			t.link("l2", "l1")
			t.ReadsAll(t.Open("l2"), "content")
			t.Put("l2", "new")
			t.Content("f", "new")
			t.isLink("l2")
		},
	}, {
		id: "links/cycle-is-an-error", level: Data, needs: caps(Symlink),
		doc: "Following links that form a cycle fails, and ends.",
		run: func(t *rig) {
			t.links()
			t.Given()
			t.link("a", "b")
			t.link("b", "a")
			_, err := t.FS.Stat(t.Path("a"))
			t.Fails(err)
			t.NoFile(t.FS.Open(t.Path("b")))
		},
	}, {
		id: "links/remove-removes-the-link", level: Data, needs: caps(Symlink),
		doc: "Remove and RemoveAll of a link leave what it points to.",
		run: func(t *rig) {
			t.links()
			t.Given("d/", "d/x=1", "f=content")
			for _, target := range []string{"f", "d"} {
				t.link("l", target)
				t.OK(t.FS.Remove(t.Path("l")))
				t.link("l", target)
				t.OK(t.FS.RemoveAll(t.Path("l")))
			}
			t.Unchanged()
		},
	}, {
		id: "links/rename-the-link", level: Data, needs: caps(Symlink, Rename),
		doc: "Rename moves the link, and what it points to stays where it is.",
		run: func(t *rig) {
			t.links()
			t.Given("f=content")
			t.link("l", "f")
			t.OK(t.rename("l", "m"))
			t.isLink("m")
			t.Gone("l")
			t.Content("f", "content")
			t.Content("m", "content")
		},
	}, {
		id: "links/through-directory-link", level: Data, needs: caps(Symlink),
		doc: "Names below a link to a directory are those of the directory.",
		run: func(t *rig) {
			t.links()
			t.Given("d/", "d/x=1")
			t.link("l", "d")
			t.Content("l/x", "1")
			t.Put("l/y", "2")
			t.OK(t.FS.Remove(t.Path("l/x")))
			t.Lists("d", "y")
			t.Lists("l", "y")
			t.Content("d/y", "2")
		},
	}}
}
