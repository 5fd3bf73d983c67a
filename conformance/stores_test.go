package conformance

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/spf13/afero"
)

func lackModes(b *bugFs) {
	b.openFile = func(name string, flag int, _ os.FileMode) (afero.File, error) {
		return b.good.OpenFile(name, flag, 0o644)
	}
	b.mkdir = func(name string, _ os.FileMode) error { return b.good.Mkdir(name, 0o755) }
	b.mkdirAll = func(name string, _ os.FileMode) error { return b.good.MkdirAll(name, 0o755) }
	b.chmod = func(name string, _ os.FileMode) error { _, err := b.good.Stat(name); return err }
}

func lackDirTimes(b *bugFs, answer error) {
	b.chtimes = func(name string, atime, mtime time.Time) error {
		if fi, err := b.good.Stat(name); err == nil && fi.IsDir() {
			return answer
		}
		return b.good.Chtimes(name, atime, mtime)
	}
}

// lackDirUpdates puts the times of all directories above back after a change.
func lackDirUpdates(b *bugFs) {
	var mu sync.Mutex
	still := func(change func() error, names ...string) error {
		mu.Lock()
		defer mu.Unlock()
		before := map[string]time.Time{}
		for _, name := range names {
			for dir := path.Dir(path.Clean("/" + name)); ; dir = path.Dir(dir) {
				if fi, err := b.good.Stat(dir); err == nil {
					before[dir] = fi.ModTime()
				}
				if dir == "/" {
					break
				}
			}
		}
		err := change()
		for dir, when := range before {
			if fi, err := b.good.Stat(dir); err == nil && fi.IsDir() {
				_ = b.good.Chtimes(dir, when, when) // gone again: then it has no time
			}
		}
		return err
	}
	b.openFile = func(name string, flag int, perm os.FileMode) (f afero.File, err error) {
		err = still(func() error { f, err = b.good.OpenFile(name, flag, perm); return err }, name)
		return f, err
	}
	b.mkdir = func(name string, perm os.FileMode) error {
		return still(func() error { return b.good.Mkdir(name, perm) }, name)
	}
	b.mkdirAll = func(name string, perm os.FileMode) error {
		return still(func() error { return b.good.MkdirAll(name, perm) }, name)
	}
	b.remove = func(name string) error { return still(func() error { return b.good.Remove(name) }, name) }
	b.removeAll = func(name string) error { return still(func() error { return b.good.RemoveAll(name) }, name) }
	b.rename = func(from, to string) error {
		return still(func() error { return b.good.Rename(from, to) }, from, to)
	}
}

// lackFlags refuses what refused says of the flags and the size of the file
// that is there, or -1.
func lackFlags(refused func(flag, size int64) bool) func(b *bugFs) {
	return func(b *bugFs) {
		b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
			size := int64(-1)
			if fi, err := b.good.Stat(name); err == nil && !fi.IsDir() {
				size = fi.Size()
			}
			if refused(int64(flag), size) {
				return nil, errLacking
			}
			return b.good.OpenFile(name, flag, perm)
		}
	}
}

func lackReadWrite(b *bugFs) {
	lackFlags(func(f, _ int64) bool { return f&int64(os.O_RDWR) != 0 })(b)
	b.create = func(name string) (afero.File, error) {
		return b.good.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	}
}

func ignoreExcl(b *bugFs) {
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		return b.good.OpenFile(name, flag&^os.O_EXCL, perm)
	}
}

// guardWrites has every write of a file ask first; the offset is where it
// would land.
func guardWrites(f *bugFile, allowed func(offset, n int64, writeAt bool) bool) {
	write := func(p []byte) (int, error) {
		if offset, err := f.good.Seek(0, 1); err == nil && f.flag&os.O_APPEND == 0 && writable(f.flag) && len(p) > 0 && !allowed(offset, int64(len(p)), false) {
			return 0, errLacking
		}
		return f.good.Write(p)
	}
	f.write = write
	f.writeString = func(s string) (int, error) { return write([]byte(s)) }
	f.writeAt = func(p []byte, off int64) (int, error) {
		if _, err := f.good.Stat(); err == nil && !allowed(off, int64(len(p)), true) {
			return 0, errLacking
		}
		return f.good.WriteAt(p, off)
	}
}

func lackWriteAt(b *bugFs) {
	b.opened = func(f *bugFile) {
		next := f.size()
		if f.flag&os.O_TRUNC != 0 {
			next = 0 // another may have written since
		}
		guardWrites(f, func(offset, n int64, writeAt bool) bool {
			if writeAt || offset != next && offset != f.size() {
				return false
			}
			next = offset + n
			return true
		})
	}
}

func lackHoles(b *bugFs) {
	b.opened = func(f *bugFile) {
		guardWrites(f, func(offset, n int64, _ bool) bool { return n == 0 || offset <= f.size() })
		f.truncate = func(size int64) error {
			if fi, err := f.good.Stat(); err == nil && size > fi.Size() && writable(f.flag) {
				return errLacking
			}
			return f.good.Truncate(size)
		}
	}
}

func lackSeekDir(b *bugFs, answer error) {
	b.opened = func(f *bugFile) {
		f.seek = func(offset int64, whence int) (int64, error) {
			if f.isDir() {
				return 0, answer
			}
			return f.good.Seek(offset, whence)
		}
	}
}

// lackRename refuses what refused says of the two ends; to is nil if there is
// nothing.
func lackRename(refused func(from, to fs.FileInfo) bool) func(b *bugFs) {
	return func(b *bugFs) {
		b.rename = func(from, to string) error {
			source, err := b.good.Stat(from)
			target, _ := b.good.Stat(to)
			if err == nil && refused(source, target) {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: errors.ErrUnsupported}
			}
			return b.good.Rename(from, to)
		}
	}
}

// lackWhileOpen refuses to rename, or to remove and replace, what is open.
func lackWhileOpen(b *bugFs, rename bool) {
	var mu sync.Mutex
	open := map[*bugFile]bool{}
	busy := func(name string) (found bool) {
		_ = afero.Walk(b.good, name, func(_ string, fi fs.FileInfo, err error) error {
			mu.Lock()
			defer mu.Unlock()
			for f := range open {
				held, herr := f.good.Stat()
				found = found || err == nil && herr == nil && os.SameFile(fi, held)
			}
			return nil
		})
		return found
	}
	b.opened = func(f *bugFile) {
		mu.Lock()
		defer mu.Unlock()
		open[f] = true
		f.close = func() error {
			mu.Lock()
			defer mu.Unlock()
			delete(open, f)
			return f.good.Close()
		}
	}
	b.rename = func(from, to string) error {
		if rename && busy(from) || !rename && busy(to) {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: errors.ErrUnsupported}
		}
		return b.good.Rename(from, to)
	}
	if !rename {
		b.remove = func(name string) error {
			if busy(name) {
				return errLacking
			}
			return b.good.Remove(name)
		}
		b.removeAll = func(name string) error {
			if busy(name) {
				return errLacking
			}
			return b.good.RemoveAll(name)
		}
	}
}

// lackSharedHandles has every reader keep what it found when it opened.
func lackSharedHandles(b *bugFs) {
	b.opened = func(f *bugFile) {
		if writable(f.flag) || f.isDir() {
			return
		}
		content, err := afero.ReadFile(b.good, f.as)
		if err != nil {
			return
		}
		r := bytes.NewReader(content)
		ask := func(do func() (int, error)) (int, error) {
			if _, err := f.good.Stat(); err != nil {
				return 0, os.ErrClosed
			}
			return do()
		}
		f.read = func(p []byte) (int, error) { return ask(func() (int, error) { return r.Read(p) }) }
		f.readAt = func(p []byte, off int64) (int, error) { return ask(func() (int, error) { return r.ReadAt(p, off) }) }
		f.seek = func(offset int64, whence int) (int64, error) {
			if _, err := f.good.Stat(); err != nil {
				return 0, os.ErrClosed
			}
			return r.Seek(offset, whence)
		}
	}
}

// lackEmptyDirs has directories come and go with what they hold.
func lackEmptyDirs(b *bugFs) {
	prune := func(name string) {
		for dir := path.Dir(path.Clean("/" + name)); dir != "/"; dir = path.Dir(dir) {
			if fi, _, err := b.good.LstatIfPossible(dir); err != nil || !fi.IsDir() || b.good.Remove(dir) != nil {
				return
			}
		}
	}
	grow := func(name string) { _ = b.good.MkdirAll(path.Dir(path.Clean("/"+name)), 0o755) }
	mkdir := func(name string, must bool) error {
		if strings.Contains(name, "\x00") {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrInvalid}
		}
		for at := path.Clean("/" + name); at != "/"; at = path.Dir(at) {
			if fi, err := b.good.Stat(at); err == nil && (must && at == path.Clean("/"+name) || !fi.IsDir()) {
				return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
			}
		}
		if must && path.Clean("/"+name) == "/" {
			return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
		}
		return nil
	}
	b.mkdir = func(name string, _ os.FileMode) error { return mkdir(name, true) }
	b.mkdirAll = func(name string, _ os.FileMode) error { return mkdir(name, false) }
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		if flag&os.O_CREATE != 0 {
			grow(name)
		}
		f, err := b.good.OpenFile(name, flag, perm)
		if err != nil {
			prune(name)
		}
		return f, err
	}
	b.remove = func(name string) error {
		err := b.good.Remove(name)
		prune(name)
		return err
	}
	b.removeAll = func(name string) error {
		err := b.good.RemoveAll(name)
		prune(name)
		return err
	}
	b.rename = func(from, to string) error {
		grow(to)
		err := b.good.Rename(from, to)
		prune(from)
		prune(to)
		return err
	}
}

// fold makes names one that key says are one; the first spelling stays.
func fold(b *bugFs, key func(string) string) {
	resolve := func(name string) string {
		at := "/"
		parts := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
		for _, part := range parts {
			infos, _ := afero.ReadDir(b.good, at)
			for _, fi := range infos {
				if key(fi.Name()) == key(part) {
					part = fi.Name()
				}
			}
			at = path.Join(at, part)
		}
		if strings.HasSuffix(name, "/") && at != "/" || name == "" {
			return name
		}
		return at
	}
	b.openFile = func(name string, flag int, perm os.FileMode) (afero.File, error) {
		f, err := b.good.OpenFile(resolve(name), flag, perm)
		return f, b.good.renamed(err, name)
	}
	b.opened = func(f *bugFile) { f.name = func() string { return f.as } }
	b.mkdir = func(name string, perm os.FileMode) error {
		return b.good.renamed(b.good.Mkdir(resolve(name), perm), name)
	}
	b.mkdirAll = func(name string, perm os.FileMode) error { return b.good.MkdirAll(resolve(name), perm) }
	b.remove = func(name string) error { return b.good.renamed(b.good.Remove(resolve(name)), name) }
	b.removeAll = func(name string) error { return b.good.RemoveAll(resolve(name)) }
	b.stat = func(name string) (fs.FileInfo, error) {
		fi, err := b.good.Stat(resolve(name))
		return fi, b.good.renamed(err, name)
	}
	b.chmod = func(name string, perm os.FileMode) error { return b.good.Chmod(resolve(name), perm) }
	b.chown = func(name string, uid, gid int) error { return b.good.Chown(resolve(name), uid, gid) }
	b.chtimes = func(name string, a, m time.Time) error { return b.good.Chtimes(resolve(name), a, m) }
	b.rename = func(from, to string) error {
		target := resolve(to)
		if target == resolve(from) {
			target = path.Join(path.Dir(target), path.Base(to))
		}
		err := b.good.Rename(resolve(from), target)
		var le *os.LinkError
		if errors.As(err, &le) {
			return &os.LinkError{Op: le.Op, Old: from, New: to, Err: le.Err}
		}
		return err
	}
}
