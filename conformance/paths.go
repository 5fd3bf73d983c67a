package conformance

import (
	"io/fs"
	"path"
	"strings"

	"github.com/spf13/afero"
)

// pathCases are about paths that are spelled in other ways than the shortest.
func pathCases() []entry {
	return []entry{{
		id: "paths/unclean-stat", level: Errors, reads: true,
		doc: "Stat finds a file by any spelling of its path.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/f=123", "d/e/g=1")
			for _, spelling := range []string{"d/./f", "d//f", "d/e/../f", "./d/f", "d/e/.././f"} {
				equal(t, "size of "+spelling, t.Stat(spelling).Size(), 3)
			}
		},
	}, {
		id: "paths/unclean-remove", level: Errors,
		doc: "Remove and RemoveAll find what they are to remove by any spelling of its path.",
		run: func(t *rig) {
			t.Given("d/", "d/a=1", "d/b=2", "d/c=3", "d/e/", "d/e/x=4")
			t.OK(t.FS.Remove(t.Path("d/./a")))
			t.OK(t.FS.Remove(t.Path("d/e/../b")))
			t.OK(t.FS.RemoveAll(t.Path("d//./e/")))
			t.Holds("d/", "d/c=3")
		},
	}, {
		id: "paths/unclean-rename", level: Data, needs: caps(Rename),
		doc: "Rename finds both ends by any spelling of their paths.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=0", "d/a=1")
			t.OK(t.rename("d/./a", "d//b"))
			t.OK(t.rename("d/e/../b", "d/e/./c"))
			t.Holds("d/", "d/e/", "d/e/x=0", "d/e/c=1")
		},
	}, {
		id: "paths/unclean-mkdir", level: Errors, needs: caps(EmptyDirs),
		doc: "Mkdir and Create make what is meant by any spelling of the path.",
		run: func(t *rig) {
			t.Given("d/")
			t.OK(t.FS.Mkdir(t.Path("d/./e"), 0o755))
			t.OK(t.FS.Mkdir(t.Path("d//e/../g"), 0o755))
			t.Close(t.Create("d/e/../g//f"))
			t.Holds("d/", "d/e/", "d/g/", "d/g/f=")
		},
	}, {
		id: "paths/unclean-chtimes", level: Errors, needs: caps(Chtimes),
		doc: "Chtimes finds a file by any spelling of its path.",
		run: func(t *rig) {
			t.Given("d/", "d/e/", "d/e/x=0", "d/f=1")
			t.setTime("d//./e/../f", past())
			t.hasTime("d/f", past())
		},
	}, {
		id: "paths/dot-is-the-root", level: Errors, reads: true, skip: notUnder,
		doc: "A single dot is the root.",
		run: func(t *rig) {
			t.Given("d/", "d/x=0", "f=1")
			for _, root := range []string{".", "/.", "/", "./"} {
				names, err := t.names(root)
				if err := listed(names, err, []string{"d", "f"}); err != nil {
					t.Errorf("%q: %v", root, err)
				}
			}
		},
	}, {
		id: "paths/dotdot-at-root-stays", level: Errors, reads: true, skip: notUnder,
		doc: "Two dots at the root are the root, and nothing above it.",
		run: func(t *rig) {
			t.Given("d/", "d/x=0", "f=1")
			for _, root := range []string{"/..", "/../..", "/d/../.."} {
				names, err := t.names(root)
				if err := listed(names, err, []string{"d", "f"}); err != nil {
					t.Errorf("%q: %v", root, err)
				}
			}
		},
	}, {
		id: "paths/dotdot-goes-up", level: Data, needs: caps(Overwrite),
		doc: "Two dots lead to the directory above, also where something of the same name lies elsewhere.",
		run: func(t *rig) {
			t.Given("f=top", "d/", "d/f=middle", "d/e/", "d/e/f=bottom")
			t.Content("d/e/../f", "middle")
			t.Content("d/e/../../f", "top")
			t.Put("d/e/../f", "new")
			t.Holds("f=top", "d/", "d/f=new", "d/e/", "d/e/f=bottom")
		},
	}, {
		id: "paths/very-long-path", level: Data, needs: caps(EmptyDirs),
		doc: "A path of more than 4 096 bytes works, or is refused with nothing made under a part of it.",
		run: func(t *rig) {
			part := strings.Repeat("p", min(200, t.suite.limits.NameBytes))
			depth := 4200/(len(part)+1) + 1
			t.Given("f=1")
			long := strings.Repeat(part+"/", depth) + "f"
			if f, err := t.FS.Create(t.Path(long)); err == nil {
				t.opened(long, f, err)
				t.Errorf("creating a file in %d directories that do not exist succeeds", depth)
			}
			if err := t.FS.MkdirAll(t.Path(path.Dir(long)), 0o755); err != nil {
				t.Content("f", "1")
				return
			}
			t.Put(long, "deep")
			t.Content(long, "deep")
		},
	}, {
		id: "paths/absolute-equals-relative", level: Errors, needs: caps(EmptyDirs), skip: notUnder,
		doc: "A path means the same with and without a leading slash, for creating and for finding.",
		run: func(t *rig) {
			t.Given("d/", "d/x=0")
			t.OK(afero.WriteFile(t.FS, "d/rel", []byte("1"), 0o644))
			t.Holds("d/", "d/x=0", "d/rel=1")
			t.OK(t.FS.Remove("d/rel"))
			t.OK(t.FS.Mkdir("e", 0o755))
			_, err := t.FS.Stat("/d/rel")
			t.Is(err, fs.ErrNotExist)
			t.Holds("d/", "d/x=0", "e/")
		},
	}}
}
