package conformance

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/afero"
)

func removeBugs() []bug {
	return []bug{
		{"remove/empty-dir", "directories cannot be removed", func(b *bugFs) {
			b.remove = func(name string) error {
				if b.isDir(name) {
					return pathError("remove", name, fs.ErrInvalid)
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/missing", "to remove what is not there goes well", func(b *bugFs) {
			b.remove = func(name string) error {
				if err := b.good.Remove(name); !errors.Is(err, fs.ErrNotExist) || b.missing(path.Dir(name)) {
					return err
				}
				return nil
			}
		}},
		{"remove/missing-parent", "to remove what has no parent goes well", func(b *bugFs) {
			b.remove = func(name string) error {
				if b.missing(path.Dir(path.Clean(name))) {
					return nil
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/under-file", "to remove something below a file removes the file", func(b *bugFs) {
			b.remove = func(name string) error {
				if b.isFile(path.Dir(name)) {
					name = path.Dir(name)
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/non-empty-dir", "Remove removes trees", func(b *bugFs) {
			b.remove = func(name string) error {
				if b.isDir(name) && !b.good.isRoot(name) {
					return b.good.RemoveAll(name)
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/non-empty-kind", "a directory that is not empty is told as missing", func(b *bugFs) {
			b.remove = func(name string) error {
				if b.isDir(name) && len(b.names(name)) > 0 {
					return pathError("remove", name, fs.ErrNotExist)
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/non-empty-errno", "a directory that is not empty is refused with words alone", func(b *bugFs) {
			b.remove = func(name string) error {
				if b.isDir(name) && len(b.names(name)) > 0 {
					return pathError("remove", name, errors.New("directory not empty"))
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/root", "the root can be removed", func(b *bugFs) {
			b.remove = func(name string) error {
				if b.good.isRoot(name) {
					return os.RemoveAll(b.good.dir)
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/trailing-slash-dir", "a directory with a slash at the end is not found by Remove", func(b *bugFs) {
			b.remove = func(name string) error {
				if strings.HasSuffix(name, "/") && name != "/" {
					return pathError("remove", name, fs.ErrNotExist)
				}
				return b.good.Remove(name)
			}
		}},
		{"remove/open-reader-keeps-reading", "a removed file cannot be read any more", func(b *bugFs) {
			gone := map[string]bool{}
			b.remove = func(name string) error { gone[name] = true; return b.good.Remove(name) }
			b.opened = func(f *bugFile) {
				f.read = func(p []byte) (int, error) {
					if gone[f.as] && !writable(f.flag) && b.missing(f.as) {
						return 0, pathError("read", f.as, fs.ErrNotExist)
					}
					return f.good.Read(p)
				}
			}
		}},
		{"remove/open-writer-cannot-resurrect", "a writer stores its file when it closes", onFile(func(f *bugFile) {
			f.close = func() error {
				if writable(f.flag) && f.fs.missing(f.as) {
					_ = os.WriteFile(f.fs.good.real(f.as), nil, 0o644)
				}
				return f.good.Close()
			}
		})},
		{"remove/recreate-is-fresh", "a name that is used again has its old content", func(b *bugFs) {
			was := map[string][]byte{}
			b.remove = func(name string) error {
				was[name], _ = os.ReadFile(b.good.real(name))
				return b.good.Remove(name)
			}
			b.opened = func(f *bugFile) {
				if data, ok := was[f.as]; ok && f.flag&os.O_CREATE != 0 && f.size() == 0 {
					delete(was, f.as)
					f.aside(string(data), 0)
				}
			}
		}},
		{"remove/dir-recreate-is-empty", "a directory that is made again has what it had", func(b *bugFs) {
			was := map[string]bool{}
			b.remove = func(name string) error { was[name] = true; return b.good.Remove(name) }
			b.removeAll = func(name string) error {
				_ = filepath.WalkDir(b.good.real(name), func(real string, _ fs.DirEntry, _ error) error {
					was[strings.TrimPrefix(real, b.good.dir)] = true
					return nil
				})
				return b.good.RemoveAll(name)
			}
			b.mkdir = func(name string, perm os.FileMode) error {
				err := b.good.Mkdir(name, perm)
				for child := range was {
					if err == nil && path.Dir(child) == name {
						_ = os.WriteFile(b.good.real(child), nil, 0o644)
					}
				}
				return err
			}
		}},
		{"remove/parent-listing-updated", "a removed name is listed until something else changes", func(b *bugFs) {
			ghost := ""
			b.remove = func(name string) error {
				if b.isFile(name) {
					ghost = name
				}
				return b.good.Remove(name)
			}
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				if flag&os.O_CREATE != 0 {
					ghost = ""
				}
				return b.good.OpenFile(name, flag, perm)
			}
			b.opened = func(f *bugFile) {
				f.readdirnames = func(n int) ([]string, error) {
					names, err := f.good.Readdirnames(n)
					if n <= 0 && ghost != "" && path.Dir(ghost) == path.Clean(f.as) && err == nil {
						names = append(names, path.Base(ghost))
					}
					return names, err
				}
			}
		}},
		{"remove/while-listing", "pages are cut from what is there at the time", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				at := 0
				page := func(n int) ([]fs.FileInfo, error) {
					all, err := os.ReadDir(b.good.real(f.as))
					if err != nil || at >= len(all) {
						return nil, errors.Join(err, errEOF())
					}
					end := min(at+n, len(all))
					var infos []fs.FileInfo
					for _, e := range all[at:end] {
						fi, _ := e.Info()
						infos = append(infos, fi)
					}
					at = end
					return infos, nil
				}
				f.readdir = func(n int) ([]fs.FileInfo, error) {
					if n <= 0 || !f.isDir() {
						return f.good.Readdir(n)
					}
					return page(n)
				}
				f.readdirnames = func(n int) ([]string, error) {
					if n <= 0 || !f.isDir() {
						return f.good.Readdirnames(n)
					}
					infos, err := page(n)
					return namesOf(infos), err
				}
				f.seek = func(off int64, whence int) (int64, error) { at = 0; return f.good.Seek(off, whence) }
			}
		}},
		{"remove/directory-handle-then-removed", "to list a removed directory panics", onDir(func(f *bugFile) {
			list := func() {
				if f.fs.missing(f.as) {
					panic("nil directory")
				}
			}
			f.readdir = func(n int) ([]fs.FileInfo, error) { list(); return f.good.Readdir(n) }
			f.readdirnames = func(n int) ([]string, error) { list(); return f.good.Readdirnames(n) }
		})},
		{"removeall/tree", "RemoveAll goes down one directory", func(b *bugFs) {
			b.removeAll = func(name string) error {
				for _, child := range b.names(name) {
					if err := b.good.Remove(path.Join(name, child)); err != nil {
						return err
					}
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/file", "RemoveAll is for directories", func(b *bugFs) {
			b.removeAll = func(name string) error {
				if b.isFile(name) {
					return pathError("removeall", name, fs.ErrInvalid)
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/missing-is-nil", "RemoveAll minds what is not there", func(b *bugFs) {
			b.removeAll = func(name string) error {
				if b.missing(name) && b.isDir(path.Dir(name)) {
					return pathError("removeall", name, fs.ErrNotExist)
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/missing-parent-is-nil", "RemoveAll minds a parent that is not there", func(b *bugFs) {
			b.removeAll = func(name string) error {
				if b.missing(path.Dir(name)) && !b.isFile(path.Dir(path.Dir(name))) {
					return pathError("removeall", name, fs.ErrNotExist)
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/prefix-sibling-survives", "RemoveAll removes whatever begins like the name", func(b *bugFs) {
			b.removeAll = func(name string) error {
				for _, sibling := range b.names(path.Dir(name)) {
					if strings.HasPrefix(sibling, path.Base(name)) && name != "" {
						_ = b.good.RemoveAll(path.Join(path.Dir(name), sibling))
					}
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/root-leaves-a-root", "RemoveAll of the root leaves no root", func(b *bugFs) {
			b.removeAll = func(name string) error {
				if b.good.isRoot(name) {
					return os.RemoveAll(b.good.dir)
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/really-gone", "what RemoveAll has removed shows again when its directory is made anew", func(b *bugFs) {
			var hidden []string
			b.removeAll = func(name string) error {
				_ = filepath.WalkDir(b.good.real(name), func(real string, d fs.DirEntry, err error) error {
					if err == nil && !d.IsDir() && !b.good.isRoot(name) {
						hidden = append(hidden, real)
					}
					return nil
				})
				return b.good.RemoveAll(name)
			}
			b.mkdirAll = func(name string, perm os.FileMode) error {
				err := b.good.MkdirAll(name, perm)
				for _, real := range hidden {
					if filepath.Dir(real) == b.good.real(name) {
						_ = os.WriteFile(real, nil, 0o644)
					}
				}
				return err
			}
		}},
		{"removeall/under-file", "RemoveAll of something below a file removes the file", func(b *bugFs) {
			b.removeAll = func(name string) error {
				if b.isFile(path.Dir(name)) {
					name = path.Dir(name)
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/empty-name", "the empty name is the root for RemoveAll", func(b *bugFs) {
			b.removeAll = func(name string) error {
				for _, child := range b.names("/") {
					if name == "" {
						_ = b.good.RemoveAll("/" + child)
					}
				}
				return b.good.RemoveAll(name)
			}
		}},
		{"removeall/wide", "RemoveAll removes fifty entries", func(b *bugFs) {
			b.removeAll = func(name string) error {
				all := b.names(name)
				for _, child := range all[:min(50, len(all))] {
					_ = b.good.RemoveAll(path.Join(name, child))
				}
				if len(all) > 50 && !b.good.isRoot(name) {
					return nil
				}
				return b.good.RemoveAll(name)
			}
		}},
	}
}

func namesOf(infos []fs.FileInfo) []string {
	var names []string
	for _, fi := range infos {
		names = append(names, fi.Name())
	}
	return names
}
