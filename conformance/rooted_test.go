package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/afero"
)

// A rootedFs is package os with a directory as its root, and no other
// difference: it passes every case, so that whatever is changed in it, and
// nothing else, is what a case finds.
type rootedFs struct{ dir string }

func newRooted(tb TB) afero.Fs { return rootedFs{quick{tb}.TempDir()} }

// real is where a name is on the machine. What is not clean about a name and
// means something, being empty or ending in a slash, stays.
func (r rootedFs) real(name string) string {
	switch {
	case name == "":
		return ""
	case strings.HasSuffix(name, "/"):
		return r.dir + path.Clean("/"+name) + "/"
	}
	return r.dir + path.Clean("/"+name)
}

// renamed gives an error the name that was requested.
func (r rootedFs) renamed(err error, name string) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: name, Err: pe.Err}
	}
	return err
}

func (r rootedFs) isRoot(name string) bool { return name != "" && path.Clean("/"+name) == "/" }

func refusedRoot(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
}

func (r rootedFs) Name() string { return "rooted" }
func (r rootedFs) Create(name string) (afero.File, error) {
	return r.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}
func (r rootedFs) Open(name string) (afero.File, error) { return r.OpenFile(name, os.O_RDONLY, 0) }

func (r rootedFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	f, err := os.OpenFile(r.real(name), flag, perm)
	if err != nil {
		return nil, r.renamed(err, name)
	}
	return rootedFile{f, name}, nil
}

func (r rootedFs) Mkdir(name string, perm os.FileMode) error {
	return r.renamed(os.Mkdir(r.real(name), perm), name)
}

func (r rootedFs) MkdirAll(name string, perm os.FileMode) error {
	return r.renamed(os.MkdirAll(r.real(name), perm), name)
}

func (r rootedFs) Remove(name string) error {
	if r.isRoot(name) {
		return refusedRoot("remove", name)
	}
	return r.renamed(os.Remove(r.real(name)), name)
}

func (r rootedFs) RemoveAll(name string) error {
	if r.isRoot(name) {
		return refusedRoot("removeall", name)
	}
	return r.renamed(os.RemoveAll(r.real(name)), name)
}

func (r rootedFs) Rename(from, to string) error {
	err := os.Rename(r.real(from), r.real(to))
	var le *os.LinkError
	if errors.As(err, &le) {
		return &os.LinkError{Op: le.Op, Old: from, New: to, Err: le.Err}
	}
	return err
}

func (r rootedFs) Stat(name string) (fs.FileInfo, error) {
	fi, err := os.Stat(r.real(name))
	if err != nil {
		return nil, r.renamed(err, name)
	}
	if r.isRoot(name) {
		return rootInfo{fi}, nil
	}
	return fi, nil
}

func (r rootedFs) Chmod(name string, mode os.FileMode) error {
	return r.renamed(os.Chmod(r.real(name), mode), name)
}

func (r rootedFs) Chown(name string, uid, gid int) error {
	return r.renamed(os.Chown(r.real(name), uid, gid), name)
}

func (r rootedFs) Chtimes(name string, atime, mtime time.Time) error {
	return r.renamed(os.Chtimes(r.real(name), atime, mtime), name)
}

func (r rootedFs) LstatIfPossible(name string) (fs.FileInfo, bool, error) {
	fi, err := os.Lstat(r.real(name))
	if err != nil {
		return nil, true, r.renamed(err, name)
	}
	return fi, true, nil
}

// SymlinkIfPossible keeps a target that begins at the root below the root.
func (r rootedFs) SymlinkIfPossible(target, name string) error {
	if path.IsAbs(target) {
		target = r.dir + target
	}
	return os.Symlink(target, r.real(name))
}

func (r rootedFs) ReadlinkIfPossible(name string) (string, error) {
	target, err := os.Readlink(r.real(name))
	return strings.TrimPrefix(target, r.dir), r.renamed(err, name)
}

type rootInfo struct{ fs.FileInfo }

func (rootInfo) Name() string { return "/" }

// A rootedFile has the name that it was opened by.
type rootedFile struct {
	*os.File
	name string
}

func (f rootedFile) Name() string { return f.name }
