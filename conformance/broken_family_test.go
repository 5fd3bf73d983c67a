package conformance

import (
	"cmp"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/afero"
)

// flagBugs are one bug for each cell of the flag matrix: just there it does
// the opposite of what it should.
func flagBugs() []bug {
	var list []bug
	for _, target := range []string{"missing", "file", "directory"} {
		for _, access := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
			for subset := range 1 << len(extraFlags()) {
				o := opening{access, target}
				for i, f := range extraFlags() {
					if subset&(1<<i) != 0 {
						o.flag |= f.flag
					}
				}
				list = append(list, bug{
					caught: "openflags/" + o.words() + "-" + target,
					what:   "these flags on this target do something else",
					plant:  func(b *bugFs) { b.openFile = b.wrongly(o) },
				})
			}
		}
	}
	return list
}

func (b *bugFs) kind(name string) string {
	switch fi, err := b.good.Stat(name); {
	case err != nil:
		return "missing"
	case fi.IsDir():
		return "directory"
	}
	return "file"
}

// wrongly fails where it should open, and else spoils everything there is.
func (b *bugFs) wrongly(o opening) func(name string, flag int, perm os.FileMode) (afero.File, error) {
	return func(name string, flag int, perm os.FileMode) (afero.File, error) {
		if flag != o.flag || b.kind(name) != o.target || path.Base(name) != "x" {
			return b.good.OpenFile(name, flag, perm)
		}
		f, err := b.good.OpenFile(name, flag, perm)
		if err == nil && !o.unspecified() {
			_ = f.Close()
			return nil, pathError("open", name, fs.ErrInvalid)
		}
		if o.target == "missing" {
			_ = b.good.Mkdir(path.Join(path.Dir(name), "spoilt"), 0o755)
		}
		for _, child := range b.names(path.Dir(name)) {
			if err != nil && o.target != "missing" {
				_ = b.good.RemoveAll(path.Join(path.Dir(name), child))
			}
			_ = os.WriteFile(b.good.real(path.Join(path.Dir(name), child)), []byte("spoilt"), 0o644)
		}
		return f, err
	}
}

// hostileNameBugs are one bug for each hostile name: just that cannot be
// listed.
func hostileNameBugs() []bug {
	var list []bug
	for _, h := range append(hostileNames(), asciiBlocks()...) {
		name := cmp.Or(h.name, strings.Repeat("n", 255))
		list = append(list, bug{
			caught: "names/" + h.id,
			what:   "this name is not listed",
			plant: onLists(func(f *bugFile) lister {
				return func(n int) ([]fs.FileInfo, error) {
					infos, err := f.good.Readdir(n)
					return slices.DeleteFunc(infos, func(fi fs.FileInfo) bool { return fi.Name() == name }), err
				}
			}),
		})
	}
	return list
}
