package local

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
)

// view is the folder as one caller may see it. All its operations go through
// root, which no link leads out of: the innermost folder that the caller's
// context is confined to. So the system itself confines the caller, whatever is
// renamed meanwhile.
type view struct {
	*Backend
	root   *os.Root
	opened bool // root was opened for it
}

// Confines implements backend.Confiner.
func (b *Backend) Confines() bool { return true }

// Direct implements backend.Director.
func (b *Backend) Direct() bool { return true }

// IsLink reports whether a name is a symbolic link, which List and Stat follow:
// what a caller makes of its content is not what lies there.
func (b *Backend) IsLink(ctx context.Context, name string) (bool, error) {
	v, at, err := b.view(ctx, "stat", name)
	if err != nil {
		return false, err
	}
	defer v.close()
	fi, err := v.root.Lstat(at)
	if err != nil {
		return false, pathError("stat", name, err)
	}
	return fi.Mode()&fs.ModeSymlink != 0, nil
}

// view opens the view of the caller, and returns name relative to it. It refuses
// invalid and reserved names, and an ended context. The caller closes it.
func (b *Backend) view(ctx context.Context, op, name string) (v *view, at string, err error) {
	if err := check(ctx, op, name); err != nil {
		return nil, "", err
	}
	root, base := b.share, "."
	for _, dir := range backend.Confinement(ctx) {
		if !backend.Within(dir, base) || !backend.Within(name, dir) {
			err = backend.PathError(op, name, fs.ErrPermission, "it is not in the folder that the caller is confined to")
		}
		var inner *os.Root
		if err == nil {
			inner, err = root.OpenRoot(within(dir, base))
		}
		if root != b.share {
			root.Close()
		}
		if err != nil {
			return nil, "", pathError(op, name, err)
		}
		root, base = inner, dir
	}
	return &view{b, root, root != b.share}, within(name, base), nil
}

// viewTwo is view for an operation on two names, neither of them the root.
func (b *Backend) viewTwo(ctx context.Context, op, from, to string) (v *view, source, target string, err error) {
	if err := check(ctx, op, from); err != nil {
		return nil, "", "", err
	}
	v, target, err = b.view(ctx, op, to)
	if err != nil {
		return nil, "", "", err
	}
	base := "."
	if dirs := backend.Confinement(ctx); len(dirs) > 0 {
		base = dirs[len(dirs)-1]
	}
	switch source = within(from, base); {
	case !backend.Within(from, base):
		err = backend.LinkError(op, from, to, fs.ErrPermission, "it is not in the folder that the caller is confined to")
	case source == ".", target == ".":
		err = backend.LinkError(op, from, to, fs.ErrInvalid, "the root stays where it is")
	default:
		return v, source, target, nil
	}
	v.close()
	return nil, "", "", err
}

// within returns a name at or below base relative to it.
func within(name, base string) string {
	switch {
	case base == ".":
		return name
	case name == base:
		return "."
	}
	return strings.TrimPrefix(name, base+"/")
}

func (v *view) close() {
	if v.opened {
		v.root.Close()
	}
}

// inside returns the view of one folder. The path to it is walked once for all that
// is done in it, and links that lead out of it are not followed. If it is moved it
// is still the same folder: a change by name opens it again after every wait. The
// caller closes it before v.
func (v *view) inside(dir string) (*view, error) {
	if dir == "." {
		return &view{v.Backend, v.root, false}, nil
	}
	root, err := v.root.OpenRoot(dir + "/.") // without the dot it would wait for the writer of a pipe
	if err != nil {
		return nil, err
	}
	return &view{v.Backend, root, true}, nil
}

// names returns the names in a folder, sorted.
func (v *view) names(dir string) ([]string, error) {
	f, err := v.root.Open(dir + "/.") // without the dot it would wait for the writer of a pipe
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.Readdirnames(-1)
	slices.Sort(entries)
	return entries, err
}

// check refuses invalid and reserved names, and an ended context.
func check(ctx context.Context, op, name string) error {
	if err := backend.CheckName(op, name); err != nil {
		return err
	}
	if _, err := filepath.Localize(name); err != nil {
		return backend.PathError(op, name, fs.ErrInvalid, "this system has no such names")
	}
	for part := range strings.SplitSeq(name, "/") {
		if ownname.IsUnfinishedReserved(part) {
			return backend.PathError(op, name, fs.ErrInvalid, "names that begin with "+ownname.UnfinishedPrefix+" are used by davdisk itself")
		}
	}
	if err := ctx.Err(); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}
