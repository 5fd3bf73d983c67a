package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/spf13/afero"
)

func pathError(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// refuseNames makes every call that opens fail on some names.
func (b *bugFs) refuseNames(bad func(name string) bool, err error) {
	good := b.openFile
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		if bad(name) {
			return nil, pathError("open", name, err)
		}
		return good(name, flag, perm)
	}
}

// failedOpen changes the error of a failed open.
func (b *bugFs) failedOpen(change func(name string, err error) (afero.File, error)) {
	good := b.openFile
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		f, err := good(name, flag, perm)
		if err != nil {
			return change(name, err)
		}
		return f, nil
	}
}

// onCreate runs before a file is made or emptied by any call.
func (b *bugFs) onCreate(before func(name string, flag int, perm os.FileMode)) {
	good := b.openFile
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		if flag&os.O_CREATE != 0 {
			before(name, flag, perm)
		}
		return good(name, flag, perm)
	}
}

func (b *bugFs) isFile(name string) bool {
	fi, err := b.good.Stat(name)
	return err == nil && !fi.IsDir()
}

func (b *bugFs) isDir(name string) bool {
	fi, err := b.good.Stat(name)
	return err == nil && fi.IsDir()
}

func (b *bugFs) missing(name string) bool {
	_, err := b.good.Stat(name)
	return err != nil
}

// removeFileOnTheWay is what turns files into directories.
func (b *bugFs) removeFileOnTheWay(name string) {
	for dir := path.Dir(path.Clean("/" + name)); dir != "/"; dir = path.Dir(dir) {
		if b.isFile(dir) {
			_ = b.good.Remove(dir)
		}
	}
	_ = b.good.MkdirAll(path.Dir(path.Clean("/"+name)), 0o755)
}

func openBugs() []bug {
	return []bug{
		{"open/missing", "the error for a missing name is of no kind", func(b *bugFs) {
			b.failedOpen(func(name string, _ error) (afero.File, error) {
				return nil, pathError("open", name, errors.New("gone"))
			})
		}},
		{"open/missing-parent", "a missing parent is an invalid name", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return b.missing(path.Dir(name)) }, fs.ErrInvalid)
		}},
		{"open/file-as-parent", "a name below a file opens the file", func(b *bugFs) {
			good := b.openFile
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if b.isFile(path.Dir(name)) {
					name = path.Dir(name)
				}
				return good(name, flag, perm)
			}
		}},
		{"open/error-is-PathError", "errors are bare", func(b *bugFs) {
			b.failedOpen(func(_ string, err error) (afero.File, error) { return nil, errors.Unwrap(err) })
		}},
		{"open/error-op-and-path", "errors tell a wrong operation", func(b *bugFs) {
			b.failedOpen(func(name string, err error) (afero.File, error) {
				return nil, pathError("openat", name, errors.Unwrap(err))
			})
		}},
		{"open/error-hides-base-path", "errors tell where the files really are", func(b *bugFs) {
			b.failedOpen(func(name string, err error) (afero.File, error) {
				return nil, pathError("open", b.good.real(name), errors.Unwrap(err))
			})
		}},
		{"open/nil-interface-on-error", "a nil pointer comes with the error", func(b *bugFs) {
			b.failedOpen(func(_ string, err error) (afero.File, error) { return (*bugFile)(nil), err })
		}},
		{"open/directory", "the handle of a directory says that it is a file", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				f.stat = func() (fs.FileInfo, error) { fi, err := f.good.Stat(); return plainInfo{fi}, err }
			}
		}},
		{"open/directory-for-writing-errno", "a directory that cannot be written is invalid", func(b *bugFs) {
			b.failedOpen(func(name string, err error) (afero.File, error) {
				if b.isDir(name) {
					err = pathError("open", name, fs.ErrInvalid)
				}
				return nil, err
			})
		}},
		{"open/empty-name", "the empty name is the root", func(b *bugFs) {
			good := b.openFile
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				return good("/"+name, flag, perm)
			}
		}},
		{"open/relative-name", "names without a slash in front are not found", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return !path.IsAbs(name) }, fs.ErrNotExist)
		}},
		{"open/unclean-name", "dots are names like others", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return strings.Contains(name, "/./") || strings.Contains(name, "/..") }, fs.ErrNotExist)
		}},
		{"open/double-slash", "there is an empty name between two slashes", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return strings.Contains(name, "//") }, fs.ErrNotExist)
		}},
		{"open/trailing-slash-on-file", "a slash at the end does not count", func(b *bugFs) {
			good := b.openFile
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				return good("/"+strings.Trim(name, "/"), flag, perm)
			}
		}},
		{"open/trailing-slash-on-dir", "a directory with a slash at the end is not found", func(b *bugFs) {
			b.refuseNames(func(name string) bool { return name != "/" && strings.HasSuffix(name, "/") }, fs.ErrNotExist)
		}},
		{"open/dotdot-cannot-leave", "two dots lead out of the root", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := os.OpenFile(b.good.dir+"/"+name, flag, perm)
				if err != nil {
					return nil, b.good.renamed(err, name)
				}
				return rootedFile{f, name}, nil
			}
		}},
		{"open/backslash-is-an-ordinary-byte", "a backslash separates names", func(b *bugFs) {
			good := b.openFile
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				return good(strings.ReplaceAll(name, `\`, "/"), flag, perm)
			}
		}},
		{"open/two-handles-own-offsets", "the readers of a file share their place", func(b *bugFs) {
			places := map[string]*int64{}
			b.opened = func(f *bugFile) {
				if writable(f.flag) || f.isDir() {
					return
				}
				place, ok := places[f.as]
				if !ok {
					place = new(int64)
					places[f.as] = place
				}
				*place = 0
				f.read = func(p []byte) (int, error) { n, err := f.good.ReadAt(p, *place); *place += int64(n); return n, err }
				f.seek = func(off int64, whence int) (int64, error) {
					n, err := f.good.Seek(off, whence)
					*place = n
					return n, err
				}
			}
		}},
		{"open/many-handles", "a hundred files can be open", func(b *bugFs) {
			open := 0
			b.refuseNames(func(string) bool { return open >= 100 }, syscall.EMFILE)
			b.opened = func(f *bugFile) {
				open++
				f.close = func() error { open--; return f.good.Close() }
			}
		}},
		{"create/empty", "a file that nothing was written to is not kept", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				f.close = func() error {
					empty := writable(f.flag) && f.size() == 0
					err := f.good.Close()
					if err == nil && empty {
						_ = b.good.Remove(f.as)
					}
					return err
				}
			}
		}},
		{"create/truncates", "Create leaves what is there", func(b *bugFs) {
			b.create = func(name string) (afero.File, error) { return b.good.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666) }
		}},
		{"create/keeps-mode", "Create makes another file in place of the old one", func(b *bugFs) {
			b.create = func(name string) (afero.File, error) {
				if b.isFile(name) {
					_ = b.good.Remove(name)
				}
				return b.good.Create(name)
			}
		}},
		{"create/missing-parent", "Create makes the directories on the way", func(b *bugFs) {
			b.onCreate(func(name string, _ int, _ os.FileMode) { _ = b.good.MkdirAll(path.Dir(name), 0o755) })
		}},
		{"create/over-directory", "Create replaces a directory", func(b *bugFs) {
			b.create = func(name string) (afero.File, error) {
				if b.isDir(name) {
					_ = b.good.RemoveAll(name)
				}
				return b.good.Create(name)
			}
		}},
		{"create/under-file", "Create makes a directory of a file", func(b *bugFs) {
			b.onCreate(func(name string, _ int, _ os.FileMode) {
				if b.isFile(path.Dir(name)) {
					b.removeFileOnTheWay(name)
				}
			})
		}},
		{"create/open-handles-share-one-file", "Create on a file that is open makes another one with the same mode", func(b *bugFs) {
			b.create = func(name string) (afero.File, error) {
				fi, err := b.good.Stat(name)
				if err != nil || fi.IsDir() {
					return b.good.Create(name)
				}
				_ = b.good.Remove(name)
				f, err := b.good.Create(name)
				_ = b.good.Chmod(name, fi.Mode())
				return f, err
			}
		}},
		{"create/excl-twice", "O_EXCL is not looked at", func(b *bugFs) {
			good := b.openFile
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				return good(name, flag&^os.O_EXCL, perm)
			}
		}},
		{"create/excl-on-unwritable-file", "permissions are looked at before O_EXCL", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if fi, err := b.good.Stat(name); err == nil && writable(flag) && fi.Mode()&0o200 == 0 {
					return nil, pathError("open", name, fs.ErrPermission)
				}
				return b.good.OpenFile(name, flag, perm)
			}
		}},
		{"create/writes-through-own-0400-handle", "a file made without write permission cannot be written by who made it", func(b *bugFs) {
			good := b.openFile
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				isNew := b.missing(name)
				f, err := good(name, flag, perm)
				if err != nil || !isNew || perm&0o200 != 0 {
					return f, err
				}
				_ = f.Close()
				return b.good.OpenFile(name, os.O_RDONLY, 0)
			}
		}},
		{"create/0000-mode", "no permissions at all are taken for a mistake", func(b *bugFs) {
			good := b.openFile
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if flag&os.O_CREATE != 0 && perm == 0 {
					return nil, pathError("open", name, fs.ErrInvalid)
				}
				return good(name, flag, perm)
			}
		}},
		{"create/type-bits-in-perm-ignored", "type bits make a directory of a file", func(b *bugFs) {
			b.onCreate(func(name string, _ int, perm os.FileMode) {
				if perm.IsDir() {
					_ = b.good.Mkdir(name, 0o755)
				}
			})
		}},
		{"create/no-ghost-after-failed-create", "Stat knows a file that could not be made", func(b *bugFs) {
			ghosts := map[string]bool{}
			b.failedOpen(func(name string, err error) (afero.File, error) { ghosts[name] = true; return nil, err })
			b.stat = func(name string) (fs.FileInfo, error) {
				if fi, err := b.good.Stat(name); err == nil || !ghosts[name] {
					return fi, err
				}
				return b.good.Stat("/")
			}
		}},
		{"append/create-on-missing", "O_APPEND wants a file that is there", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if flag&os.O_APPEND != 0 {
					flag &^= os.O_CREATE
				}
				return b.good.OpenFile(name, flag, perm)
			}
		}},
		{"append/ignores-seek", "O_APPEND only goes to the end at first", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := b.good.OpenFile(name, flag&^os.O_APPEND, perm)
				if err == nil && flag&os.O_APPEND != 0 {
					_, err = f.Seek(0, 2)
				}
				return f, err
			}
		}},
		{"write/read-only-handle", "a reader may write", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if !writable(flag) && b.isFile(name) {
					flag |= os.O_RDWR
				}
				return b.good.OpenFile(name, flag, perm)
			}
		}},
		{"write/write-only-cannot-read", "a writer may read", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if flag&os.O_WRONLY != 0 {
					flag = flag&^os.O_WRONLY | os.O_RDWR
				}
				return b.good.OpenFile(name, flag, perm)
			}
		}},
		{"mode/rdonly-open-ignores-perm", "every OpenFile sets the mode", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := b.good.OpenFile(name, flag, perm)
				if err == nil && b.isFile(name) {
					_ = b.good.Chmod(name, perm)
				}
				return f, err
			}
			b.create = b.good.Create
			b.open = b.good.Open
		}},
		{"mode/existing-keeps", "O_CREATE sets the mode of what is there", func(b *bugFs) {
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := b.good.OpenFile(name, flag, perm)
				if err == nil && flag&os.O_CREATE != 0 {
					_ = b.good.Chmod(name, perm)
				}
				return f, err
			}
			b.create = b.good.Create
		}},
		{"mode/openfile-perm", "the permissions of a new file are always 0600", func(b *bugFs) {
			b.openFile = func(name string, flag int, _ os.FileMode) (afero.File, error) {
				return b.good.OpenFile(name, flag, 0o600)
			}
		}},
		{"mode/new-file-is-regular", "a new file is marked as temporary", func(b *bugFs) {
			b.stat = func(name string) (fs.FileInfo, error) {
				fi, err := b.good.Stat(name)
				if err != nil || fi.IsDir() {
					return fi, err
				}
				return modeInfo{fi, fi.Mode() | fs.ModeTemporary}, nil
			}
		}},
	}
}

// plainInfo says of everything that it is a file.
type plainInfo struct{ fs.FileInfo }

func (plainInfo) IsDir() bool         { return false }
func (i plainInfo) Mode() fs.FileMode { return i.FileInfo.Mode().Perm() }

type modeInfo struct {
	fs.FileInfo
	mode fs.FileMode
}

func (i modeInfo) Mode() fs.FileMode { return i.mode }
