package conformance

import (
	"io/fs"
	"os"
	"path"
	"strings"
)

// names lists what is really in a directory.
func (b *bugFs) names(dir string) []string {
	entries, _ := os.ReadDir(b.good.real(dir))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// copyTree copies as far down as depth says.
func (b *bugFs) copyTree(from, to string, depth int) {
	if !b.isDir(from) {
		data, _ := os.ReadFile(b.good.real(from))
		_ = os.WriteFile(b.good.real(to), data, 0o644)
		return
	}
	_ = b.good.Mkdir(to, 0o755)
	for _, name := range b.names(from) {
		if depth > 0 {
			b.copyTree(path.Join(from, name), path.Join(to, name), depth-1)
		}
	}
}

func mkdirBugs() []bug {
	return []bug{
		{"mkdir/exists", "a directory can be made twice", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				if b.isDir(name) && b.good.isRoot(name) == false {
					return nil
				}
				return b.good.Mkdir(name, perm)
			}
		}},
		{"mkdir/file-exists", "Mkdir makes a directory of a file", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				if b.isFile(name) {
					_ = b.good.Remove(name)
				}
				return b.good.Mkdir(name, perm)
			}
		}},
		{"mkdir/missing-parent", "Mkdir is MkdirAll", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				if b.missing(path.Dir(name)) {
					return b.good.MkdirAll(name, perm)
				}
				return b.good.Mkdir(name, perm)
			}
		}},
		{"mkdir/under-file", "Mkdir makes a directory of the file that is in the way", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				b.removeFileOnTheWayOf(name)
				return b.good.Mkdir(name, perm)
			}
		}},
		{"mkdir/trailing-slash", "the name of a directory to be made must not end in a slash", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				if strings.HasSuffix(name, "/") && name != "/" {
					return pathError("mkdir", name, fs.ErrNotExist)
				}
				return b.good.Mkdir(name, perm)
			}
		}},
		{"mkdir/root-exists", "the root can be made", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				if b.good.isRoot(name) {
					return nil
				}
				return b.good.Mkdir(name, perm)
			}
		}},
		{"mkdir/perm", "directories are always 0755", func(b *bugFs) {
			b.mkdir = func(name string, _ os.FileMode) error { return b.good.Mkdir(name, 0o755) }
		}},
		{"mkdir/only-permission-bits", "type bits make a file of a directory", func(b *bugFs) {
			b.mkdir = func(name string, perm os.FileMode) error {
				if perm&fs.ModeType != 0 {
					return os.WriteFile(b.good.real(name), nil, 0o644)
				}
				return b.good.Mkdir(name, perm)
			}
		}},
		{"mkdirall/nested", "MkdirAll makes one directory", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if b.missing(name) {
					return b.good.Mkdir(name, perm)
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/exists", "MkdirAll minds what exists", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if !b.missing(name) && !b.good.isRoot(name) {
					return pathError("mkdir", name, fs.ErrExist)
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/partly-exists", "MkdirAll begins anew", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				for dir := path.Dir(name); b.missing(name) && dir != "/"; dir = path.Dir(dir) {
					if b.isDir(dir) {
						_ = b.good.RemoveAll(dir)
					}
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/over-file", "MkdirAll takes a file for what it was to make", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if b.isFile(name) {
					return nil
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/over-file-errno", "MkdirAll says that a file exists", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if b.isFile(name) {
					return pathError("mkdir", name, fs.ErrExist)
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/through-file", "MkdirAll removes the file that is in the way", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				b.removeFileOnTheWayOf(name)
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/root", "MkdirAll of the root fails", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if b.good.isRoot(name) {
					return pathError("mkdir", name, fs.ErrExist)
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/keeps-existing-mode", "MkdirAll sets the mode of all directories on the way", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				err := b.good.MkdirAll(name, perm)
				for dir := path.Clean(name); err == nil && dir != "/"; dir = path.Dir(dir) {
					_ = b.good.Chmod(dir, perm)
				}
				return err
			}
		}},
		{"mkdirall/unclean-path", "MkdirAll refuses dots", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if path.Clean(name) != name {
					return pathError("mkdir", name, fs.ErrInvalid)
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
		{"mkdirall/64-deep", "MkdirAll goes down 32 directories", func(b *bugFs) {
			b.mkdirAll = func(name string, perm os.FileMode) error {
				if strings.Count(name, "/") > 32 {
					return pathError("mkdir", name, fs.ErrInvalid)
				}
				return b.good.MkdirAll(name, perm)
			}
		}},
	}
}

func (b *bugFs) removeFileOnTheWayOf(name string) {
	for dir := path.Dir(path.Clean("/" + name)); dir != "/"; dir = path.Dir(dir) {
		if b.isFile(dir) {
			_ = b.good.Remove(dir)
			_ = b.good.Mkdir(dir, 0o755)
		}
	}
}
