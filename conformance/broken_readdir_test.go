package conformance

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/spf13/afero"
)

// A lister is Readdir.
type lister func(n int) ([]fs.FileInfo, error)

// onLists plants a bug in both ways of listing, which share their place.
func onLists(list func(f *bugFile) lister) func(b *bugFs) {
	return onDir(func(f *bugFile) {
		f.readdir = list(f)
		f.readdirnames = func(n int) ([]string, error) {
			infos, err := f.readdir(n)
			return namesOf(infos), err
		}
	})
}

// onList is onLists for what needs no memory.
func onList(list func(f *bugFile, n int) ([]fs.FileInfo, error)) func(b *bugFs) {
	return onLists(func(f *bugFile) lister {
		return func(n int) ([]fs.FileInfo, error) { return list(f, n) }
	})
}

func readdirBugs() []bug {
	return []bug{
		{"readdir/not-recursive", "what is in a directory of a directory is listed too", onList(func(f *bugFile, n int) ([]fs.FileInfo, error) {
			infos, err := f.good.Readdir(n)
			for _, fi := range infos {
				for _, name := range f.fs.names(path.Join(f.as, fi.Name())) {
					infos = append(infos, namedInfo{fi, fi.Name() + " " + name})
				}
			}
			return infos, err
		})},
		{"readdir/empty", "an empty directory is at its end", onList(func(f *bugFile, n int) ([]fs.FileInfo, error) {
			if n <= 0 && len(f.fs.names(f.as)) == 0 {
				return nil, io.EOF
			}
			return f.good.Readdir(n)
		})},
		{"readdir/empty-n", "a page of an empty directory is empty", onList(func(f *bugFile, n int) ([]fs.FileInfo, error) {
			if n > 0 && len(f.fs.names(f.as)) == 0 {
				return nil, nil
			}
			return f.good.Readdir(n)
		})},
		{"readdir/paging", "every page is the first", onLists(func(f *bugFile) lister {
			left := 20
			return func(n int) ([]fs.FileInfo, error) {
				if left--; n > 0 && left > 0 {
					_, _ = f.good.Seek(0, io.SeekStart)
				}
				return f.good.Readdir(n)
			}
		})},
		{"readdir/exact-multiple", "pages that were all full never end", onLists(func(f *bugFile) lister {
			full := false
			return func(n int) ([]fs.FileInfo, error) {
				infos, err := f.good.Readdir(n)
				if full && len(infos) == 0 && n > 1 {
					_, _ = f.good.Seek(0, io.SeekStart)
					return f.good.Readdir(n)
				}
				full = len(infos) == n
				return infos, err
			}
		})},
		{"readdir/eof-comes-alone", "io.EOF comes with the last page", onDir(func(f *bugFile) {
			f.readdir = func(n int) ([]fs.FileInfo, error) {
				infos, err := f.good.Readdir(n)
				if err == nil && n > 0 && len(infos) < n {
					err = io.EOF
				}
				return infos, err
			}
		})},
		{"readdir/page-then-rest", "Readdir(-1) begins anew after a page", onLists(func(f *bugFile) lister {
			paged := false
			return func(n int) ([]fs.FileInfo, error) {
				if paged && n <= 0 {
					_, _ = f.good.Seek(0, io.SeekStart)
				}
				paged = n > 0
				return f.good.Readdir(n)
			}
		})},
		{"readdir/all-twice", "Readdir(-1) gives all again", onLists(func(f *bugFile) lister {
			all := false
			return func(n int) ([]fs.FileInfo, error) {
				if all && n <= 0 {
					_, _ = f.good.Seek(0, io.SeekStart)
				}
				all = n <= 0
				return f.good.Readdir(n)
			}
		})},
		{"readdir/seek0-rewinds", "a directory that is rewound goes on as it was", onDir(func(f *bugFile) {
			f.seek = func(off int64, whence int) (int64, error) { return 0, nil }
		})},
		{"readdir/two-handles", "a page of one handle moves the others on", func(b *bugFs) {
			open := map[*bugFile]bool{}
			b.opened = func(f *bugFile) {
				if !f.isDir() {
					return
				}
				open[f] = true
				f.close = func() error { delete(open, f); return f.good.Close() }
				f.readdirnames = func(n int) ([]string, error) {
					for other := range open {
						if other != f && other.as == f.as && n > 0 {
							_, _ = other.good.Readdirnames(n)
						}
					}
					return f.good.Readdirnames(n)
				}
			}
		}},
		{"readdir/on-file", "a file lists as an empty directory", onFile(func(f *bugFile) {
			f.readdir = func(int) ([]fs.FileInfo, error) { return nil, nil }
			f.readdirnames = func(int) ([]string, error) { return nil, nil }
		})},
		{"readdir/names-paging", "Readdir and Readdirnames each have their place", func(b *bugFs) {
			b.opened = func(f *bugFile) {
				if !f.isDir() {
					return
				}
				other, err := os.Open(b.good.real(f.as))
				if err != nil {
					return
				}
				f.readdirnames = other.Readdirnames
				f.seek = func(off int64, whence int) (int64, error) {
					_, _ = other.Seek(off, whence)
					return f.good.Seek(off, whence)
				}
				f.close = func() error { return errors.Join(other.Close(), f.good.Close()) }
			}
		}},
		{"readdir/matches-stat", "a listing knows no sizes", onDir(func(f *bugFile) {
			f.readdir = func(n int) ([]fs.FileInfo, error) {
				infos, err := f.good.Readdir(n)
				for i, fi := range infos {
					infos[i] = sizeInfo{fi, 0}
				}
				return infos, err
			}
		})},
		{"readdir/through-OpenFile", "a directory opened by OpenFile panics when listed", func(b *bugFs) {
			b.open = b.good.Open
			b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
				f, err := b.good.OpenFile(name, flag, perm)
				if err == nil && b.isDir(name) {
					return unlistable{f}, nil
				}
				return f, err
			}
		}},
		{"readdir/many-entries", "a listing has a hundred entries", onList(func(f *bugFile, n int) ([]fs.FileInfo, error) {
			infos, err := f.good.Readdir(n)
			return infos[:min(100, len(infos))], err
		})},
		{"readdir/while-creating", "a page repeats what has come before a new name", onLists(func(f *bugFile) lister {
			var first fs.FileInfo
			began := len(f.fs.names(f.as))
			return func(n int) ([]fs.FileInfo, error) {
				infos, err := f.good.Readdir(n)
				if now := len(f.fs.names(f.as)); n > 0 && now > began && first != nil {
					began = now
					infos = append(infos, first)
				}
				if first == nil && len(infos) > 0 {
					first = infos[0]
				}
				return infos, err
			}
		})},
		{"readdir/same-name-as-parent", "an entry with its directory's name is taken for the directory itself", onList(func(f *bugFile, n int) ([]fs.FileInfo, error) {
			infos, err := f.good.Readdir(n)
			return slices.DeleteFunc(infos, func(fi fs.FileInfo) bool { return fi.Name() == path.Base(f.as) && fi.Size() < 10 }), err
		})},
		{"readdir/names-have-no-slash", "the names of directories end in a slash", onDir(func(f *bugFile) {
			f.readdirnames = func(n int) ([]string, error) {
				infos, err := f.good.Readdir(n)
				names := namesOf(infos)
				for i, fi := range infos {
					if fi.IsDir() {
						names[i] += "/"
					}
				}
				return names, err
			}
		})},
		{"readdir/zero-count-is-all", "Readdir(0) gives nothing", onList(func(f *bugFile, n int) ([]fs.FileInfo, error) {
			if n == 0 {
				return nil, nil
			}
			return f.good.Readdir(n)
		})},
	}
}

// An unlistable file was opened by a driver that forgot to remember how.
type unlistable struct{ afero.File }

func (unlistable) Readdir(int) ([]fs.FileInfo, error) { panic("nil client") }
func (unlistable) Readdirnames(int) ([]string, error) { panic("nil client") }
