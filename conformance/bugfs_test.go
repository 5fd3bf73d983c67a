package conformance

import (
	"io/fs"
	"os"
	"time"

	"github.com/spf13/afero"
)

// A bugFs is a rootedFs of which every method can be replaced, so that a bug
// takes a few lines.
type bugFs struct {
	good rootedFs // without the bug
	tb   TB

	name                   func() string
	create, open           func(name string) (afero.File, error)
	openFile               func(name string, flag int, perm os.FileMode) (afero.File, error)
	mkdir, mkdirAll, chmod func(name string, perm os.FileMode) error
	remove, removeAll      func(name string) error
	rename                 func(from, to string) error
	stat                   func(name string) (fs.FileInfo, error)
	chown                  func(name string, uid, gid int) error
	chtimes                func(name string, atime, mtime time.Time) error
	lstat                  func(name string) (fs.FileInfo, bool, error)
	symlink                func(target, name string) error
	readlink               func(name string) (string, error)

	opened func(f *bugFile) // changes what every open file does
}

func newBugFs(tb TB) *bugFs {
	b := &bugFs{good: rootedFs{tb.TempDir()}, tb: tb}
	b.name = b.good.Name
	b.openFile = b.good.OpenFile
	b.create = func(name string) (afero.File, error) {
		return b.openFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	}
	b.open = func(name string) (afero.File, error) { return b.openFile(name, os.O_RDONLY, 0) }
	b.mkdir, b.mkdirAll, b.chmod = b.good.Mkdir, b.good.MkdirAll, b.good.Chmod
	b.remove, b.removeAll, b.rename = b.good.Remove, b.good.RemoveAll, b.good.Rename
	b.stat, b.chown, b.chtimes = b.good.Stat, b.good.Chown, b.good.Chtimes
	b.lstat, b.symlink, b.readlink = b.good.LstatIfPossible, b.good.SymlinkIfPossible, b.good.ReadlinkIfPossible
	b.opened = func(*bugFile) {}
	return b
}

func (b *bugFs) Name() string                              { return b.name() }
func (b *bugFs) Mkdir(name string, p os.FileMode) error    { return b.mkdir(name, p) }
func (b *bugFs) MkdirAll(name string, p os.FileMode) error { return b.mkdirAll(name, p) }
func (b *bugFs) Remove(name string) error                  { return b.remove(name) }
func (b *bugFs) RemoveAll(name string) error               { return b.removeAll(name) }
func (b *bugFs) Rename(from, to string) error              { return b.rename(from, to) }
func (b *bugFs) Stat(name string) (fs.FileInfo, error)     { return b.stat(name) }
func (b *bugFs) Chmod(name string, p os.FileMode) error    { return b.chmod(name, p) }
func (b *bugFs) Chown(name string, uid, gid int) error     { return b.chown(name, uid, gid) }
func (b *bugFs) Chtimes(name string, a, m time.Time) error { return b.chtimes(name, a, m) }

func (b *bugFs) LstatIfPossible(name string) (fs.FileInfo, bool, error) { return b.lstat(name) }
func (b *bugFs) SymlinkIfPossible(target, name string) error            { return b.symlink(target, name) }
func (b *bugFs) ReadlinkIfPossible(name string) (string, error)         { return b.readlink(name) }

func (b *bugFs) Create(name string) (afero.File, error) {
	f, err := b.create(name)
	return b.wrap(f, err, name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (b *bugFs) Open(name string) (afero.File, error) {
	f, err := b.open(name)
	return b.wrap(f, err, name, os.O_RDONLY)
}

func (b *bugFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	f, err := b.openFile(name, flag, perm)
	return b.wrap(f, err, name, flag)
}

func (b *bugFs) wrap(f afero.File, err error, name string, flag int) (afero.File, error) {
	if err != nil {
		return f, err
	}
	bf := &bugFile{
		good: f, fs: b, as: name, flag: flag,
		name: f.Name, read: f.Read, readAt: f.ReadAt, write: f.Write, writeString: f.WriteString, writeAt: f.WriteAt,
		seek: f.Seek, truncate: f.Truncate, sync: f.Sync, close: f.Close, stat: f.Stat, readdir: f.Readdir, readdirnames: f.Readdirnames,
	}
	b.opened(bf)
	return bf, nil
}

// A bugFile is an open file of which every method can be replaced.
type bugFile struct {
	good afero.File // without the bug
	fs   *bugFs
	as   string // the name that it was opened by
	flag int

	name            func() string
	read, write     func(p []byte) (int, error)
	readAt, writeAt func(p []byte, off int64) (int, error)
	writeString     func(s string) (int, error)
	seek            func(offset int64, whence int) (int64, error)
	truncate        func(size int64) error
	sync, close     func() error
	stat            func() (fs.FileInfo, error)
	readdir         func(n int) ([]fs.FileInfo, error)
	readdirnames    func(n int) ([]string, error)
}

func (f *bugFile) Name() string                              { return f.name() }
func (f *bugFile) Read(p []byte) (int, error)                { return f.read(p) }
func (f *bugFile) ReadAt(p []byte, off int64) (int, error)   { return f.readAt(p, off) }
func (f *bugFile) Write(p []byte) (int, error)               { return f.write(p) }
func (f *bugFile) WriteString(s string) (int, error)         { return f.writeString(s) }
func (f *bugFile) WriteAt(p []byte, off int64) (int, error)  { return f.writeAt(p, off) }
func (f *bugFile) Seek(off int64, whence int) (int64, error) { return f.seek(off, whence) }
func (f *bugFile) Truncate(size int64) error                 { return f.truncate(size) }
func (f *bugFile) Sync() error                               { return f.sync() }
func (f *bugFile) Close() error                              { return f.close() }
func (f *bugFile) Stat() (fs.FileInfo, error)                { return f.stat() }
func (f *bugFile) Readdir(n int) ([]fs.FileInfo, error)      { return f.readdir(n) }
func (f *bugFile) Readdirnames(n int) ([]string, error)      { return f.readdirnames(n) }

// isDir reports whether a directory was opened.
func (f *bugFile) isDir() bool {
	fi, err := f.good.Stat()
	return err == nil && fi.IsDir()
}

// size is how large the file is now.
func (f *bugFile) size() int64 {
	fi, err := f.good.Stat()
	if err != nil {
		return 0
	}
	return fi.Size()
}
